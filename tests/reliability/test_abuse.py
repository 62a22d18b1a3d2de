"""Strangers try to use the server up: it stays as large as it is, and there for everybody else.

The app is started by its service or its image, and the proxies by the configuration that comes
with it; no more of that is changed than where they listen, and, in the short form, time-outs.
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

from tests import baking
from tests.deploying import (
    HOST,
    PROXIES,
    SETTINGS,
    VISITOR,
    App,
    Certificate,
    Proxy,
    image_command,
    proxied,
    serving_as_the_service,
    serving_by,
)
from tests.ledger import Ledger, is_soak
from tests.project import Project
from tests.reliability.bystander import MIB, Bystander, Usage
from tests.reliability.crowd import CHUNK, Crowd, allow_many_connections
from tests.test_server import COOKIE

pytestmark = pytest.mark.slow

CHAPTER = "Abuse"
ALICE = {"username": "alice", "password": "correct horse battery staple"}
BACKENDS = ["database", "redis", "memory", "signed-cookie"]

# Requests that are sent before an answer is waited for.
IN_A_ROW = 50

# Neither the address of the proxy nor that of any visitor.
STRANGER = "127.0.0.3"
ANOTHER_STRANGER = "127.0.0.4"

# keepalive in nginx.conf; Caddy keeps 32, unless it is told otherwise.
KEPT = {"nginx": 16, "caddy": 32}

# limit_conn in nginx.conf.
OF_ONE_ADDRESS = 100

# What the proxy says of a request, to the app.
FORWARDED = {"Host": HOST, "X-Forwarded-Proto": "https"}

# As long as a machine that does much else may take for what it does at once.
PATIENCE = 30

# What an allocator keeps for itself, of each process.
SLACK = 8 * MIB

# What uvicorn takes of a body or a header before it stops reading, and what a connection or a
# request needs besides.
CONNECTION = 64 * 1024 + 64 * 1024

# What a connection takes that says nothing.
SILENT = 32 * 1024

# argon2id of a password, and how many a worker makes at a time.
HASHES = max(1, (os.cpu_count() or 1) - 1)
HASH = 19 * MIB


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Project:
    allow_many_connections()
    project = baking.bake(tmp_path_factory.mktemp("abused"), cookiecutter_config, {})
    project.use(environment_of(project))
    return project


@pytest.fixture(scope="module")
def app(project: Project) -> Iterator[App]:
    with serving_as_the_service(project) as app:
        register(app)
        yield app


@pytest.fixture
def alice(app: App) -> Iterator[httpx2.Client]:
    with direct(app) as client:
        sign_in(client)
        yield client


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.issue(tmp_path_factory.mktemp("certificate"))


# What is shorter here than visitors are given.
SHORTER = {
    "nginx": {
        "client_header_timeout 10s;": "client_header_timeout 2s;",
        "client_body_timeout 10s;": "client_body_timeout 2s;",
        "lingering_time 10s;": "lingering_time 2s;",
        "\n  keepalive_timeout 60s;\n\n": "\n  keepalive_timeout 2s;\n\n",
    },
    "caddy": {
        "read_header 10s": "read_header 2s",
        "read_body 10s": "read_body 2s",
        "idle 60s": "idle 2s",
    },
}


@pytest.fixture(scope="module", params=PROXIES)
def name(request: pytest.FixtureRequest) -> str:
    """Return which proxy there is."""
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def proxy(
    name: str,
    project: Project,
    app: App,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(name)
    limits = {} if is_soak() else SHORTER[name]
    with proxied(name, project, folder, app, certificate, limits) as proxy:
        yield proxy


@pytest.fixture
def visitor(proxy: Proxy, alice: httpx2.Client) -> Iterator[httpx2.Client]:
    """A user who is signed in, at the other side of the proxy than strangers who abuse it."""
    with proxy.visitor() as visitor:
        visitor.headers["cookie"] = alice.headers["cookie"]
        visitor.timeout = httpx2.Timeout(PATIENCE)
        yield visitor


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


def is_let_in(app: App) -> bool:
    """Sign in from where Alice has before; whether the app had time for it. It may not refuse."""
    with direct(app) as owner:
        status = owner.post("/api/login", json=ALICE).status_code
    assert status in {200, 503}
    return status == 200


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return a request as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {said}" for name, said in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something holds, now or within what a busy machine may take."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def all_is_as_before(app: App, client: httpx2.Client, usage: Usage, kept: int = 0) -> None:
    """Fail unless the session lives, people can sign in, and all connections are given back.

    kept: how many a proxy may keep open for later.
    """
    assert client.get("/api/me").status_code == 200
    with direct(app) as another:
        sign_in(another)
    assert soon(lambda: usage.sockets <= usage.sockets_before + kept)


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
    ledger.note(
        CHAPTER,
        "bodies that come a byte a second",
        backend="database",
        times=size,
        lost=len(bystander.wrong),
        seen=f"{usage.more_memory // MIB} MiB more; {bystander.seen}",
    )
    assert bystander.wrong == []
    assert usage.more_memory < size * CONNECTION + 2 * SLACK


def test_more_connections_than_it_may_have_are_refused_and_not_kept(
    app: App, alice: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    size = 10_000 if soak else 3_000
    usage = Usage(app.pid)
    with Crowd(app.port, size) as crowd:
        assert soon(lambda: usage.sockets >= usage.sockets_before + size)
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
            deadline = time.monotonic() + PATIENCE
            while crowd.open and time.monotonic() < deadline:
                crowd.say(b"x" * CHUNK)
                crowd.listen(1)
            still_open = crowd.open
        all_is_as_before(image, alice, usage)
        more = usage.more_memory
    ledger.note(
        CHAPTER,
        "headers without end, to the image",
        backend="database",
        times=size,
        lost=len(bystander.wrong) + still_open,
        seen=f"{more // MIB} MiB more; {bystander.seen}",
    )
    assert (bystander.wrong, still_open) == ([], 0)
    assert more < size * CONNECTION + SLACK


def test_cookies_of_64_kb_are_nobody_s(
    app: App, alice: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    size, times = (100, 100) if soak else (50, 5)
    usage = Usage(app.pid)
    cookie = {"Cookie": f"{COOKIE}={'x' * 65536}"}
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
    ledger.note(
        CHAPTER,
        "cookies of 64 kB, past the proxy",
        backend="database",
        times=size * times,
        lost=len(bystander.wrong) + wrong.total(),
        seen=f"{usage.more_memory // MIB} MiB more; {bystander.seen}",
    )
    assert (bystander.wrong, wrong) == ([], {})
    assert usage.more_memory < size * CONNECTION + 2 * SLACK


# Every backend, with what comes as it should


@pytest.fixture(scope="module", params=BACKENDS if is_soak() else BACKENDS[:1])
def backend(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def served(
    backend: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Iterator[App]:
    """Run the app with one of the backends."""
    if backend == BACKENDS[0]:
        yield request.getfixturevalue("app")
        return
    folder = tmp_path_factory.mktemp(backend)
    project = baking.bake(folder, cookiecutter_config, {"session_backend": backend})
    project.use(environment_of(project))
    with project.stores() as variables, serving_as_the_service(project, variables) as app:
        register(app)
        yield app


@pytest.fixture
def signed_in(served: App) -> Iterator[httpx2.Client]:
    with direct(served) as client:
        sign_in(client)
        yield client


def test_forged_tickets_are_nobody_s_and_leave_nothing(
    served: App, backend: str, signed_in: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    connections = 8
    times = 1_000_000 if soak else 10_000
    # As it is, but for the signature.
    _, _, ticket = signed_in.headers["cookie"].partition("=")
    told, _, _ = ticket.rpartition(".")

    def forge(_: int) -> Counter[int]:
        answers: Counter[int] = Counter()
        with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as connection:
            for _ in range(times // connections // IN_A_ROW):
                forged = (f"{COOKIE}={told}.{secrets.token_urlsafe(32)}" for _ in range(IN_A_ROW))
                asked = (
                    request("GET", "/api/me", {**FORWARDED, "Cookie": each}) for each in forged
                )
                connection.sendall(b"".join(asked))
                heard = b""
                while len(statuses := re.findall(rb"HTTP/1\.1 (\d{3})", heard)) < IN_A_ROW:
                    heard += connection.recv(CHUNK)
                assert b"set-cookie" not in heard
                answers.update(map(int, statuses))
        return answers

    usage = Usage(served.pid)
    begun = time.monotonic()
    with Bystander(signed_in) as bystander, ThreadPoolExecutor(connections) as pool:
        found = sum(pool.map(forge, range(connections)), Counter[int]())
    took = time.monotonic() - begun
    all_is_as_before(served, signed_in, usage)
    opened = times - found[401]
    ledger.note(
        CHAPTER,
        "forged tickets, with the form of real ones",
        backend=backend,
        times=times,
        lost=len(bystander.wrong) + opened,
        seen=f"{times / took:,.0f} a second; {usage.more_memory // MIB} MiB more; {bystander.seen}",
    )
    assert (bystander.wrong, opened) == ([], 0)
    # What waits its turn, and nothing for what was answered.
    assert usage.more_memory < connections * IN_A_ROW * CONNECTION / 2 + 2 * SLACK


@pytest.mark.parametrize("names", ["one name", "many names"])
def test_a_storm_of_sign_ins_takes_no_more_than_a_hash_at_a_time(
    served: App,
    backend: str,
    signed_in: httpx2.Client,
    names: str,
    soak: bool,
    ledger: Ledger,
) -> None:
    size, rounds = 150, 20 if soak else 1
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
                assert soon(lambda: is_let_in(served))
                assert crowd.listen_until(lambda: not crowd.open, time.monotonic() + PATIENCE)
                found += crowd.answers
    took = time.monotonic() - begun
    all_is_as_before(served, signed_in, usage)
    # 503 when it had to wait too long for the database: a guess that came to nothing.
    unexpected = size * rounds - found[401] - found[429] - found[503]
    assert found[401] > 0
    assert (found[429] > 0) == (names == "one name")
    ledger.note(
        CHAPTER,
        f"wrong passwords for {names}, {size} at once",
        backend=backend,
        times=size * rounds,
        lost=len(bystander.wrong) + unexpected,
        seen=f"{found[401] / took:,.0f} hashes a second; {usage.more_memory // MIB} MiB more; "
        + bystander.seen,
    )
    assert (bystander.wrong, unexpected) == ([], 0)
    assert usage.more_memory < 2 * HASHES * HASH + size * CONNECTION + 2 * SLACK


# The proxies


def test_who_says_nothing_or_too_slowly_is_sent_away(
    app: App, name: str, proxy: Proxy, visitor: httpx2.Client, soak: bool, ledger: Ledger
) -> None:
    size = 8_000 if soak else 2_000
    slow = 150
    # Seconds that a request may take to come, and that a connection may be idle after one.
    limit, idle = (10, 60) if soak else (2, 2)
    usage = Usage(app.pid)
    json_ahead = {"Host": HOST, "Content-Type": "application/json", "Content-Length": "60000"}

    def encrypted(size: int, address: str = STRANGER) -> Crowd:
        port = proxy.https_port
        return Crowd(port, size, address=address, tls=proxy.trust(), name=HOST)

    with (
        Bystander(visitor) as bystander,
        Crowd(proxy.https_port, size, address=STRANGER) as silent,
        encrypted(slow) as headers,
        encrypted(slow) as bodies,
        encrypted(50, ANOTHER_STRANGER) as served,
    ):
        headers.say(b"GET / HTTP/1.1\r\nHost: app.example.com\r\nX-Slow: ")
        bodies.say(request("POST", "/api/login", json_ahead))
        served.say(request("GET", "/health/live", {"Host": HOST}))

        def comes_about(holds: Callable[[], bool], within: float) -> bool:
            """Whether something comes about while bytes go on coming."""
            deadline = time.monotonic() + within + PATIENCE
            while not holds() and time.monotonic() < deadline:
                headers.say(b"x")
                bodies.say(b" ")
                for crowd in (silent, headers, bodies, served):
                    crowd.listen(0.25)
            return holds()

        assert comes_about(lambda: not silent.open and not headers.open, within=limit)
        assert comes_about(lambda: not served.open, within=idle)
        assert set(served.answers) == {200}
        # They are no more than one address may have, and end when not even a byte comes.
        assert comes_about(lambda: bodies.open <= OF_ONE_ADDRESS, within=limit)
        assert bodies.listen_until(lambda: not bodies.open, time.monotonic() + limit + PATIENCE)
    all_is_as_before(app, visitor, usage, KEPT[name])
    times = size + 2 * slow + 50
    ledger.note(
        CHAPTER,
        f"{name}: silence, slow headers, slow bodies, idle connections",
        backend="database",
        times=times,
        lost=len(bystander.wrong),
        seen=f"all closed; the app has {usage.more_memory // MIB} MiB more; {bystander.seen}",
    )
    assert bystander.wrong == []
    assert usage.more_memory < slow * CONNECTION + 2 * SLACK


def test_headers_without_end_reach_nobody(
    app: App,
    name: str,
    proxy: Proxy,
    visitor: httpx2.Client,
    soak: bool,
    ledger: Ledger,
) -> None:
    size = 1_000 if soak else 100
    usage = Usage(app.pid)
    with (
        Bystander(visitor) as bystander,
        Crowd(proxy.https_port, size, address=STRANGER, tls=proxy.trust(), name=HOST) as crowd,
    ):
        crowd.say(b"GET /api/me HTTP/1.1\r\nHost: app.example.com\r\nX-Large: ")
        deadline = time.monotonic() + PATIENCE
        while crowd.open and time.monotonic() < deadline:
            crowd.say(b"x" * CHUNK)
            crowd.listen(1)
        still_open = crowd.open
    all_is_as_before(app, visitor, usage, KEPT[name])
    ledger.note(
        CHAPTER,
        f"{name}: headers without end",
        backend="database",
        times=size,
        lost=len(bystander.wrong) + still_open,
        seen=f"all closed; the app has {usage.more_memory // MIB} MiB more; {bystander.seen}",
    )
    assert (bystander.wrong, still_open) == ([], 0)
    assert set(crowd.answers) <= {400, 431}
    assert usage.more_memory < 2 * SLACK
