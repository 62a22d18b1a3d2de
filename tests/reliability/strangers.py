"""What those have in common who try to use the server up, and how it is told what came of it."""

import httpx2

from tests.deploying import HOST, VISITOR, App
from tests.ledger import Ledger
from tests.reliability.bystander import MIB, Bystander, Usage
from tests.test_server import COOKIE
from tests.waiting import wait_until

CHAPTER = "Abuse"
ALICE = {"username": "alice", "password": "correct horse battery staple"}

# What the proxy says of a request, to the app.
FORWARDED = {"Host": HOST, "X-Forwarded-Proto": "https"}

# As long as a machine that does much else may take for what it does at once.
PATIENCE = 30

# What an allocator keeps for itself, of each process.
SLACK = 8 * MIB

# argon2id of a password. Looking whether all is as before, somebody signs in.
HASH = 19 * MIB

# What uvicorn takes of a body or a header before it stops reading, and what a connection or a
# request needs besides.
CONNECTION = 64 * 1024 + 64 * 1024


def direct(app: App, address: str = VISITOR) -> httpx2.Client:
    """Return a client that speaks to the app as its proxy does, for a visitor at an address."""
    headers = {**FORWARDED, "X-Forwarded-For": address}
    return httpx2.Client(base_url=app.url, headers=headers, timeout=PATIENCE, trust_env=False)


def register(app: App) -> None:
    with direct(app) as client:
        assert client.post("/api/register", json=ALICE).status_code == 201


def sign_in(client: httpx2.Client) -> None:
    answer = client.post("/api/login", json=ALICE)
    assert answer.status_code == 200
    client.headers["cookie"] = f"{COOKIE}={answer.cookies[COOKIE]}"


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return a request as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {said}" for name, said in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def all_is_as_before(app: App, client: httpx2.Client, usage: Usage, kept: int = 0) -> None:
    """Fail unless the session lives, people can sign in, and all connections are given back.

    kept: how many a proxy, or a pool, may keep open for later.
    """
    assert client.get("/api/me").status_code == 200
    with direct(app) as another:
        sign_in(another)
    wait_until(lambda: usage.sockets <= usage.sockets_before + kept, PATIENCE)


def take_down(
    ledger: Ledger,
    what: str,
    *,
    backend: str = "database",
    times: int,
    lost: int = 0,
    bystander: Bystander,
    usage: Usage,
    room: float,
    seen: str = "",
) -> None:
    """Take down what came of it; fail when somebody was disturbed, or too much memory was taken.

    room: the bytes that it may have taken. seen: what else there is to say.
    """
    more = usage.more_memory
    said = [seen, f"{more // MIB} MiB more", bystander.seen]
    lost += len(bystander.wrong)
    ledger.note(
        CHAPTER, what, backend=backend, times=times, lost=lost, seen="; ".join(filter(None, said))
    )
    assert bystander.wrong == []
    assert lost == 0
    assert more < room + HASH
