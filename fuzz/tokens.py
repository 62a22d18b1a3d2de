"""Looks for a cookie that the reader falls over, or takes for one that was issued: make fuzz.

Runs inside a generated project. libFuzzer keeps what reaches new code, and goes on from there.
"""

import random
import secrets
import sys
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.sessions", "itsdangerous"]):
    from app.sessions.cookie import SessionCookie
    from app.sessions.session import Session
    from app.sessions.token import SessionTokens

# The same token each time, so that what was found can be tried again.
secrets.token_bytes = lambda length=32: bytes(range(length))

POLICY = SessionCookie("fuzzed", secure=True, samesite="lax")
TOKENS = SessionTokens(["k3Jd9-sL2mQ8vX0zR7tY4wB6nC1pF5hG_aUeIoT"])
SESSION = Session(*[1] * (len(Session._fields) - len(Session._field_defaults)))
if "data" in Session._fields:
    SESSION = SESSION._replace(data="encrypted")
TOKEN, _ = TOKENS.generate(SESSION)
READ = TOKENS.verify(TOKEN)

NAME = POLICY.name.encode()
VALUE = TOKEN.encode()
HEADER = NAME + b"=" + VALUE

# What a header is made of, and what might be taken for it.
CRUMBS = [bytes([byte]) for byte in range(256)]
CRUMBS += [b"", NAME, b"session", VALUE, HEADER, b"; ", b"A" * 43, b"%3D", b"==", b"\xc2\xa0"]

RUNS = int(sys.argv[1])
counts: Counter[str] = Counter()


def test(header: bytes) -> None:
    """Read a header, and its text as a token; AssertionError when anything else is let in."""
    counts["headers"] += 1
    if counts["headers"] == RUNS:
        print(f"\n{dict(counts)}", flush=True)
    pairs = [pair[1:] if pair[:1] == b" " else pair for pair in header.split(b";")]
    named = [pair[len(NAME) + 1 :] for pair in pairs if pair.startswith(NAME + b"=")]
    values = POLICY.read([(b"cookie", header)])
    assert [value.encode("latin-1") for value in values] == named, "read from elsewhere"
    for text in (*values, header.decode("latin-1")):
        counts["tokens"] += 1
        read = TOKENS.verify(text)
        if text == TOKEN:
            counts["of these the one that was issued"] += 1
            assert read == READ is not None
        else:
            assert read is None, "accepted, and never issued"


def mutate(header: bytes, max_size: int, seed: int) -> bytes:
    """Change a good header in one place, or any in whatever way libFuzzer likes."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return atheris.Mutate(header, max_size)
    place = chance.randrange(len(HEADER) + 1)
    length = chance.choice((0, 1, 1, 1, 2, len(HEADER)))
    changed = HEADER[:place] + chance.choice(CRUMBS) + HEADER[place + length :]
    return changed[:max_size]


def main() -> None:
    """Start from a good header and some that are almost good."""
    corpus = Path("corpus")
    corpus.mkdir(exist_ok=True)
    seeds = [HEADER, HEADER[:-1], HEADER + b"=", NAME + b"=", VALUE, b" " + HEADER + b"; a=b"]
    seeds += [HEADER + b"; " + HEADER, NAME + b"=" + VALUE.swapcase(), b"session=" + VALUE]
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    options = [f"-runs={RUNS}", "-seed=1", "-max_len=8192", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], test, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
