"""Strangers try to use the server up: it stays as large as it is, and there for everybody else.

The app is started by its service or its image; no more of that is changed than where it listens.
"""

import json
import os
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import httpx2
import pytest

from tests.deploying import (
    SETTINGS,
    VISITOR,
    App,
    image_command,
    serving_as_the_service,
    serving_by,
)
from tests.ledger import Ledger, is_soak
from tests.project import Project
from tests.reliability.bystander import MIB, Bystander, Usage
from tests.reliability.crowd import CHUNK, Crowd
from tests.reliability.hosts import baked
from tests.reliability.strangers import (
    ALICE,
    CHAPTER,
    CONNECTION,
    FORWARDED,
    HASH,
    PATIENCE,
    SLACK,
    all_is_as_before,
    direct,
    register,
    request,
    sign_in,
    take_down,
)
from tests.test_server import COOKIE
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

BACKENDS = ["database", "redis", "memory", "signed-cookie"]

# Requests that are sent before an answer is waited for.
IN_A_ROW = 50

# How often one address may fail at one account.
MAX_FAILURES = 5

# What a connection takes that says nothing.
SILENT = 32 * 1024

# How many passwords a worker hashes at a time.
HASHES = max(1, (os.cpu_count() or 1) - 1)


# What two workers keep open to their store once people sign in (docs/scaling.md).
KEPT = {"redis": 2 * 65}


# Without a proxy: what uvicorn is told


def test_bodies_that_come_a_byte_a_second_hold_nobody_up(
    app: App, alice: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    size, seconds = (900, 120) if soak else (600, 3)
    usage = Usage(app.pid)
    headers = {**FORWARDED, "Content-Type": "application/json", "Content-Length": "60000"}
    with Bystander(alice) as bystander, Crowd(app.port, size) as crowd:
        crowd.say(request("POST", "/api/login", headers))
        for _ in range(seconds):
            assert crowd.say(b" ") == size
            crowd.listen(1)
        assert (crowd.open, crowd.answered) == (size, 0)
    all_is_as_before(app, alice, usage)
    take_down(
        ledger,
        "bodies that come a byte a second",
        times=size,
        bystander=bystander,
        usage=usage,
        room=size * CONNECTION + 2 * SLACK,
    )


def test_a_trailer_gives_nobody_another_address(app: App) -> None:
    """Some proxies hand trailers on, in which a visitor has named an address for each guess."""
    said = {"X-Forwarded-For": VISITOR, "Content-Type": "application/json"}
    said |= {**FORWARDED, "Transfer-Encoding": "chunked", "Connection": "close"}
    guess = json.dumps({**ALICE, "username": "mallory"})
    seen = []
    for number in range(MAX_FAILURES + 1):
        body = f"{len(guess):x}\r\n{guess}\r\n0\r\nX-Forwarded-For: 198.51.100.{number}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", app.port), timeout=PATIENCE) as visitor:
            visitor.sendall(request("POST", "/api/login", said, body.encode()))
            seen.append(visitor.makefile("rb").readline().split()[1])
    assert seen == [b"401"] * MAX_FAILURES + [b"429"]


def test_more_connections_than_it_may_have_are_refused_and_not_kept(
    app: App, alice: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    size = 10_000 if soak else 3_000
    usage = Usage(app.pid)
    with Crowd(app.port, size) as crowd:
        wait_until(lambda: usage.sockets >= usage.sockets_before + size, PATIENCE)
        # It has no time-out for who says nothing: that, and to keep them away, is the proxy's.
        crowd.say(request("GET", "/api/me", FORWARDED))
        # Who is refused is let go, until those who are left are few enough: 1,000 for each worker.
        deadline = time.monotonic() + 2 * PATIENCE
        assert crowd.listen_until(
            lambda: crowd.answered == size and crowd.open <= 2 * 1000, deadline
        )
        refused = crowd.answers[503]
        assert crowd.open + refused == size
    all_is_as_before(app, alice, usage)
    ledger.note(
        CHAPTER,
        "connections past --limit-concurrency",
        backend="database",
        times=size,
        seen=f"{usage.more_memory // MIB} MiB more; {refused:,} times 503, then as before",
    )
    assert usage.more_memory < size * SILENT + 2 * SLACK


def test_headers_without_end_are_cut_off_by_the_image(
    project: Project, app: App, soak: bool, ledger: Ledger
) -> None:
    size = 500 if soak else 100
    variables = {"ENVIRONMENT": "production", "FORWARDED_ALLOW_IPS": "127.0.0.1", **SETTINGS}
    with (
        # Its database is the one of the service, which has migrated it.
        serving_by(project, image_command(project), variables) as image,
        direct(image) as alice,
    ):
        sign_in(alice)
        usage = Usage(image.pid)
        with Bystander(alice) as bystander, Crowd(image.port, size) as crowd:
            crowd.say(b"GET /api/me HTTP/1.1\r\nHost: app.example.com\r\nX-Large: ")
            still_open = crowd.say_until_closed(b"x" * CHUNK, PATIENCE)
        all_is_as_before(image, alice, usage)
        take_down(
            ledger,
            "headers without end, to the image",
            times=size,
            lost=still_open,
            bystander=bystander,
            usage=usage,
            room=size * CONNECTION + SLACK,
        )


def test_cookies_of_64_kb_are_nobody_s(
    app: App, alice: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    size, times = (100, 100) if soak else (50, 5)
    usage = Usage(app.pid)
    cookie = {"Cookie": f"{COOKIE}={'x' * 64_000}"}
    asked = request("GET", "/api/me", {**FORWARDED, **cookie, "Connection": "close"})
    wrong: Counter[int] = Counter()
    with Bystander(alice) as bystander:
        for _ in range(times):
            with Crowd(app.port, size) as crowd:
                crowd.say(asked)
                assert crowd.listen_until(lambda: not crowd.open, time.monotonic() + PATIENCE)
                wrong += crowd.answers
    all_is_as_before(app, alice, usage)
    assert wrong.pop(401) == size * times
    take_down(
        ledger,
        "cookies of 64 kB, past the proxy",
        times=size * times,
        lost=wrong.total(),
        bystander=bystander,
        usage=usage,
        room=size * CONNECTION + 2 * SLACK,
    )


def is_let_in(app: App) -> bool:
    """Sign in from where Alice has before; whether the app had time for it. It may not refuse."""
    with direct(app) as owner:
        status = owner.post("/api/login", json=ALICE).status_code
    assert status in {200, 503}
    return status == 200


# Every backend, with what comes as it should


@pytest.fixture(scope="module", params=BACKENDS if is_soak() else BACKENDS[:1])
def backend(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def served(
    backend: str,
    request: pytest.FixtureRequest,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Iterator[App]:
    """Run the app with one of the backends."""
    if backend == BACKENDS[0]:
        yield request.getfixturevalue("app")
        return
    with (
        baked(cookiecutter_config, environment_of, session_backend=backend) as project,
        project.stores() as variables,
        serving_as_the_service(project, variables) as app,
    ):
        register(app)
        yield app


@pytest.fixture
def signed_in(served: App) -> Iterator[httpx2.Client]:
    with direct(served) as client:
        sign_in(client)
        yield client


def test_forged_tokens_are_nobody_s_and_leave_nothing(
    served: App, backend: str, signed_in: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    connections = 8
    times = 10_000
    if soak:
        times = 1_000_000 if backend == BACKENDS[0] else 100_000
    # As it is, but for the signature.
    _, _, token = signed_in.headers["cookie"].partition("=")
    told, _, _ = token.rpartition(".")

    def forge(_: int) -> Counter[int]:
        answers: Counter[int] = Counter()
        for _ in range(times // connections // IN_A_ROW):
            forged = (f"{COOKIE}={told}.{secrets.token_urlsafe(32)}" for _ in range(IN_A_ROW))
            asked = (request("GET", "/api/me", {**FORWARDED, "Cookie": each}) for each in forged)
            # A new one each time: 75 seconds after the first answer uvicorn closes a connection on
            # which requests are not waited for, whatever is under way.
            address = ("127.0.0.1", served.port)
            with socket.create_connection(address, timeout=PATIENCE) as connection:
                connection.sendall(b"".join(asked))
                heard = b""
                while heard.count(b"\r\n\r\n") < IN_A_ROW:
                    received = connection.recv(CHUNK)
                    assert received, heard
                    heard += received
            assert b"set-cookie" not in heard
            answers.update(map(int, re.findall(rb"HTTP/1\.1 (\d{3})", heard)))
        return answers

    usage = Usage(served.pid)
    begun = time.monotonic()
    with Bystander(signed_in) as bystander, ThreadPoolExecutor(connections) as pool:
        found = sum(pool.map(forge, range(connections)), Counter[int]())
    took = time.monotonic() - begun
    all_is_as_before(served, signed_in, usage, KEPT.get(backend, 0))
    opened = times - found[401]
    take_down(
        ledger,
        "forged tokens, with the form of real ones",
        backend=backend,
        times=times,
        lost=opened,
        bystander=bystander,
        usage=usage,
        # What waits its turn, and nothing for what was answered.
        room=connections * IN_A_ROW * CONNECTION / 2 + 2 * SLACK,
        seen=f"{times / took:,.0f} a second",
    )


@pytest.mark.parametrize("names", ["one name", "many names"])
def test_a_storm_of_sign_ins_takes_no_more_than_a_hash_at_a_time(
    served: App,
    backend: str,
    signed_in: httpx2.Client,
    names: str,
    soak: bool,
    ledger: Ledger,
) -> None:
    size, rounds = 150, 4 if soak else 1
    numbers = count()

    def guess() -> bytes:
        # Each from an address of its own: one alone would soon have to wait.
        number = next(numbers)
        name = f"{backend}{names[:3]}{number}" if names == "many names" else ALICE["username"]
        body = json.dumps({**ALICE, "username": name, "password": f"not the one {number}"}).encode()
        headers = {
            **FORWARDED,
            "X-Forwarded-For": str(ip_address("10.0.0.0") + number),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        return request("POST", "/api/login", headers, body)

    usage = Usage(served.pid)
    found: Counter[int] = Counter()
    begun = time.monotonic()
    with Bystander(signed_in) as bystander:
        for _ in range(rounds):
            with Crowd(served.port, size) as crowd:
                crowd.say(guess)
                # The owner of the name, where they have signed in before, is let in all the same.
                wait_until(lambda: is_let_in(served), PATIENCE)
                assert crowd.listen_until(lambda: not crowd.open, time.monotonic() + PATIENCE)
                found += crowd.answers
    took = time.monotonic() - begun
    all_is_as_before(served, signed_in, usage, KEPT.get(backend, 0))
    # 503 when it had to wait too long for the database: a guess that came to nothing.
    unexpected = size * rounds - found[401] - found[429] - found[503]
    # Guesses at one name count one another from the moment that they come in: of those that come in
    # together, on a machine that was busy, perhaps none is checked.
    assert found[401] > 0 or names == "one name"
    assert (found[429] > 0) == (names == "one name")
    take_down(
        ledger,
        f"wrong passwords for {names}, {size} at once",
        backend=backend,
        times=size * rounds,
        lost=unexpected,
        bystander=bystander,
        usage=usage,
        room=2 * HASHES * HASH + size * CONNECTION + 2 * SLACK,
        seen=f"{found[401] / took:,.0f} hashes a second",
    )
