"""What many sessions cost: a look-up among a million beside one among a thousand, and their size.

Apps with few and with many sessions take turns, and both are sent the cookies of the same number of
people.
"""

import random
import re
import secrets
import string
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread
from benchmarks.load import Load
from benchmarks.shares import SEED, compare
from benchmarks.targets import MEMORY, POSTGRESQL, REDIS, SQLITE, Own
from benchmarks.workbench import HEADERS, PROBES, Server, Workbench, workbench

KEPT_AT_THE_SERVER = (MEMORY, REDIS, SQLITE, POSTGRESQL)
FEW, MANY = 1_000, 1_000_000
PEOPLE = 10
# A phone, a computer, and one more. What a store keeps for a user is shared by these sessions.
SESSIONS_OF_A_USER = 3
SESSION = "/api/session"


@dataclass(frozen=True)
class Growth:
    """slower: time of a request among many sessions, divided by that among few. size: bytes."""

    target: Own
    slower: Spread
    size: int


def measure(targets: Sequence[Own], rounds: int, few: int = FEW, many: int = MANY) -> list[Growth]:
    """Fill two apps of each kind, and measure them in turns."""
    turns = random.Random(SEED)
    return [_measure(target, rounds, few, many, turns) for target in targets]


def _measure(target: Own, rounds: int, few: int, many: int, turns: random.Random) -> Growth:
    with workbench() as bench:
        with_few, _ = _full(bench, target, few)
        with_many, size = _full(bench, target, many)
        slower = compare(with_few, with_many, rounds, turns)
    return Growth(target, slower, size)


def _full(bench: Workbench, target: Own, number: int) -> tuple[Load, int]:
    """Serve an app with so many sessions; return what to send, and the bytes of a session."""
    copy = f"-{number}"
    if target is MEMORY:
        file = bench.folder / f"bytes{copy}"
        variables = {
            "FULL": str(number),
            "SESSIONS_OF_A_USER": str(SESSIONS_OF_A_USER),
            "BYTES": str(file),
            "USER_AGENT": HEADERS["user-agent"],
        }
        server = bench.serve(target, copy, name="full_memory:app", variables=variables)
        return _load(server, target), int(file.read_text("utf-8"))
    server = bench.serve(target, copy)
    load = _load(server, target)
    if target is REDIS:
        return load, fill_redis(bench.stores(target, copy)["REDIS_URL"], number)
    return load, fill_database(bench, target, copy, number)


def _load(server: Server, target: Own) -> Load:
    return Load(server.url + SESSION, tuple(server.sign_in(target) for _ in range(PEOPLE)))


def fill_database(bench: Workbench, target: Own, copy: str, number: int, earlier: float = 0) -> int:
    """Copy the newest session; return the bytes of one, with its index entries.

    earlier: by how many seconds the copies expire earlier.
    """
    project = bench.project(target, copy)
    variables = {"DATABASE_URL": f"sqlite+aiosqlite:///{project.path / 'app.db'}"}
    variables |= bench.stores(target, copy)
    script = str(PROBES / "fill.py")
    return int(project.python(script, str(number), str(earlier), **variables)) // number


def fill_redis(url: str, number: int) -> int:
    """Copy the session of one person for others; return the bytes of one, with its index entry."""
    port = re.findall(r":(\d+)/", url)[0]
    command = ["redis-cli", "-p", port]

    def ask(*words: str) -> bytes:
        return subprocess.run([*command, *words], check=True, capture_output=True).stdout

    names = ask("KEYS", "*").decode().split()
    record = next(name for name in names if "{" in name)
    index = next(name for name in names if ask("TYPE", name) == b"zset\n")
    value, score = ask("GET", record)[:-1], ask("ZRANGE", index, "0", "0", "WITHSCORES").split()[-1]
    member_bytes = int(ask("EVAL", f"return #redis.call('ZRANGE', '{index}', 0, 0)[1]", "0"))
    before = _memory(ask("INFO", "memory"))
    with tempfile.TemporaryFile() as commands:
        for name in _names(index, record, number):
            commands.write(_command(b"SET", name[1].encode(), value, b"EX", b"3600"))
            member = secrets.token_bytes(member_bytes)
            commands.write(_command(b"ZADD", name[0].encode(), score, member))
            commands.write(_command(b"EXPIRE", name[0].encode(), b"43200"))
        commands.seek(0)
        subprocess.run([*command, "--pipe"], check=True, stdin=commands, capture_output=True)
    return (_memory(ask("INFO", "memory")) - before) // number


def _names(index: str, record: str, number: int) -> Iterator[tuple[str, str]]:
    """Yield the keys of the index and of the session of other people."""
    head, old, tail = re.split(r"[{}]", record)
    alphabet = string.ascii_letters + string.digits
    for count in range(number):
        new = "".join(random.choices(alphabet, k=len(old)))
        yield (
            re.sub(r"\d+$", str(1_000 + count // SESSIONS_OF_A_USER), index),
            f"{head}{{{new}}}{tail}",
        )


def _command(*words: bytes) -> bytes:
    """Return a command in Redis's wire format (RESP)."""
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(word), word) for word in words
    )


def _memory(info: bytes) -> int:
    [used] = re.findall(rb"^used_memory:(\d+)", info, re.M)
    return int(used)
