"""Many people at once, and workers that are killed under them."""

import asyncio
import json
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.machine import memory_of
from tests.ledger import Ledger, is_soak
from tests.project import Project
from tests.reliability.aside import run_aside
from tests.reliability.hosts import PASSWORD, Host, baked, probe, running, visitor
from tests.reliability.people import Person, Tally, connections, in_use
from tests.test_server import COOKIE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at by way of /proc"),
]

CHAPTER = "Load"
STACKS = [("redis", "postgresql"), ("database", "sqlite")]
MORE_STACKS = [("database", "postgresql"), ("signed-cookie", "sqlite")]
WORKERS = 4


@dataclass(frozen=True)
class Scale:
    """How much. Times are seconds.

    pause: between two requests of one person, on average. calm: before each kill, and after the
    last one. lifetime: of a session.
    """

    people: int
    pause: float
    kills: int
    calm: float
    lifetime: int


SHORT = Scale(people=30, pause=0.6, kills=1, calm=3, lifetime=4)
# One minute, and ten of them, as it takes a worker two seconds and more to start.
MINUTE = Scale(people=200, pause=0.6, kills=8, calm=5, lifetime=30)
LONG = Scale(people=200, pause=0.6, kills=75, calm=5, lifetime=30)

# What docs/scaling.md says that a worker keeps of them, and has at most. Of SQLite files are
# counted: one of a closed connection stays open while another one of the process holds a lock.
KEPT = {"postgresql": 10, "sqlite": 16, "redis": 64}
AT_MOST = {"postgresql": 15, "sqlite": 16, "redis": 64}

# The room of two hashes, which the allocator may keep after any of them. A leak grows over that.
SLACK_BYTES = 2 * 19 * 1024 * 1024


@dataclass
class Course:
    """What was seen of the host meanwhile."""

    seconds: float = 0
    most_connections: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)
    """Of the one worker that is not killed, in bytes."""


@dataclass(frozen=True)
class Served:
    """A host with its project and its stores, and as many accounts as there are people."""

    host: Host
    project: Project
    stores: Mapping[str, str]
    scale: Scale

    @property
    def backend(self) -> str:
        """What the ledger calls it."""
        answers = self.project.answers
        return f"{answers['session_backend']}, {answers['database']}"


@pytest.fixture(
    scope="module", params=[*STACKS, *MORE_STACKS] if is_soak() else STACKS, ids="-".join
)
def served(
    request: pytest.FixtureRequest,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Iterator[Served]:
    scale = SHORT
    if is_soak():
        scale = LONG if request.param in STACKS else MINUTE
    session_backend, database = request.param
    answers = {"session_backend": session_backend, "database": database}
    with (
        baked(cookiecutter_config, environment_of, **answers) as project,
        project.stores() as stores,
    ):
        limits = {"SESSION_LIFETIME": str(scale.lifetime), "LOGIN_WINDOW": str(scale.lifetime)}
        host = Host(project, {**stores, **limits}, workers=WORKERS)
        probe(host, "open_accounts.py", str(scale.people), "person", PASSWORD)
        with running(host):
            yield Served(host, project, stores, scale)


def test_everybody_sees_only_what_is_theirs_while_workers_are_killed(
    served: Served, ledger: Ledger
) -> None:
    scale = served.scale
    tally, course = run_aside(put_under_load(served))
    kept = held(served)
    memory = [memory_of(worker, "VmRSS") for worker in served.host.workers]
    records = json.loads(probe(served.host, "purge.py").splitlines()[-1])
    first_half = course.memory[: len(course.memory) // 2]
    sign_ins = tally.done["sign_in"]
    lost = len(tally.wrong) + len(tally.unavailable)
    ledger.note(
        CHAPTER,
        f"{scale.people} people at {WORKERS} workers, one of which is killed again and again",
        backend=served.backend,
        times=tally.requests,
        lost=lost,
        seen=f"{tally.requests / course.seconds:.0f} requests/s, {scale.kills} killed, "
        f"{tally.broken} connections broken by that",
    )
    ledger.note(
        CHAPTER,
        "sessions that had ended are gone from the store",
        backend=served.backend,
        times=sign_ins,
        lost=records["overdue"],
        seen=f"{records['kept']} records left",
    )
    ledger.note(
        CHAPTER,
        "memory of a worker, connections to the stores",
        backend=served.backend,
        times=len(course.memory),
        seen=f"{max(first_half) / 2**20:.0f} MiB at most in the first half, "
        f"{max(memory) / 2**20:.0f} at the end; "
        + ", ".join(f"{kept[store]} to {store} at the end" for store in kept),
    )
    assert not tally.wrong
    assert not tally.unavailable
    # Each deed was done, and nobody else's connections broke than those of the killed.
    assert min(tally.done[deed] for deed in ("sign_in", "me", "session", "read", "replay")) > 0
    assert tally.done["ended"] > 0
    assert tally.broken <= scale.kills * scale.people
    assert records["overdue"] == 0
    assert max(memory) <= max(first_half) + SLACK_BYTES
    for store, number in course.most_connections.items():
        assert number <= AT_MOST[store] * (WORKERS + 1), store
        assert kept[store] <= KEPT[store] * WORKERS, store


async def put_under_load(served: Served) -> tuple[Tally, Course]:
    """Let people use the app; kill a worker every few seconds, each but the first."""
    tally, course, host, scale = Tally(), Course(), served.host, served.scale
    spared, *_ = host.workers
    begun_at = time.monotonic()
    async with connections() as transport:
        crowd = [
            Person(number, [host.url], transport, tally, lifetime=scale.lifetime)
            for number in range(scale.people)
        ]
        async with in_use(crowd, scale.pause):
            for kills in range(scale.kills + 1):
                calm_until = time.monotonic() + scale.calm
                while time.monotonic() < calm_until:
                    course.memory.append(memory_of(spared, "VmRSS"))
                    course.most_connections |= held(served)
                    await asyncio.sleep(0.25)
                if kills < scale.kills:
                    host.kill(random.choice([each for each in host.workers if each != spared]))
                    await asyncio.to_thread(host.wait_for_workers, WORKERS + kills + 1)
    course.seconds = time.monotonic() - begun_at
    return tally, course


def held(served: Served) -> Counter[str]:
    """Return how many connections there are to each store."""
    ports = {int(re.findall(r":(\d+)/", url)[-1]): name for name, url in served.stores.items()}
    found = Counter({"redis" if "REDIS" in name else "postgresql": 0 for name in served.stores})
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, *_ = line.split()
        name = ports.get(int(remote.partition(":")[2], 16))
        if name and state == "01":
            found["redis" if "REDIS" in name else "postgresql"] += 1
    if "DATABASE_URL" not in served.stores:
        file = served.project.path / "app.db"
        found["sqlite"] = sum(
            link.resolve() == file for worker in served.host.workers for link in opened(worker)
        )
    return found


def opened(worker: int) -> list[Path]:
    """Return what a process has open; nothing once it has ended."""
    try:
        return list(Path(f"/proc/{worker}/fd").iterdir())
    except FileNotFoundError:
        return []


def test_what_is_under_way_when_the_service_is_stopped_is_answered(
    served: Served, ledger: Ledger, soak: bool
) -> None:
    rounds, at_once = (20, 16) if soak else (1, 8)
    host = served.host
    answered = []
    for _ in range(rounds):
        with running(host):
            waiting = [ask_to_sign_in(host, number) for number in range(at_once)]
            host.terminate()
            # The passwords are still to come, and the hashing with them.
            host.wait_until_it_says("Shutting down", WORKERS)
            answered += [sign_in(each, number) for number, each in enumerate(waiting)]
            status = host.wait()
        assert status == 0, host.output
        assert "Traceback" not in host.output
    lost = sum(not answer.startswith("HTTP/1.1 200 OK") for answer in answered)
    ledger.note(
        CHAPTER,
        "SIGTERM while people sign in",
        backend=served.backend,
        times=len(answered),
        lost=lost,
        seen=f"all answered, then {WORKERS} workers ended with status 0, {rounds} times",
    )
    assert lost == 0, answered
    assert all(COOKIE in answer for answer in answered)


def credentials(number: int) -> bytes:
    return json.dumps({"username": f"person{number}", "password": PASSWORD}).encode()


def ask_to_sign_in(host: Host, number: int) -> socket.socket:
    """Begin a request, and wait until the app asks for its body (RFC 9110, 10.1.1)."""
    headers = {
        **visitor(number),
        "content-type": "application/json",
        "content-length": str(len(credentials(number))),
        "expect": "100-continue",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection(("127.0.0.1", host.port))
    connection.sendall(f"POST /api/login HTTP/1.1\r\n{head}\r\n".encode())
    assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    return connection


def sign_in(connection: socket.socket, number: int) -> str:
    """Send the body; the answer, up to where the server ends the connection."""
    with connection:
        connection.sendall(credentials(number))
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
