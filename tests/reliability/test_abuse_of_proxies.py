"""Strangers try to use the proxies up, and the app through them: they get nowhere.

The proxies run with the configuration that comes with the app; no more of that is changed than
where they listen, and, in the short form, time-outs.
"""

import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.deploying import HOST, PROXIES, App, Certificate, Proxy, proxied
from tests.ledger import Ledger, is_soak
from tests.project import Project
from tests.reliability.bystander import Bystander, Usage
from tests.reliability.crowd import CHUNK, Crowd
from tests.reliability.strangers import (
    CONNECTION,
    PATIENCE,
    SLACK,
    all_is_as_before,
    request,
    take_down,
)

pytestmark = pytest.mark.slow

# Neither the address of the proxy nor that of any visitor.
STRANGER = "127.0.0.3"
ANOTHER_STRANGER = "127.0.0.4"

# keepalive in nginx.conf; Caddy keeps 32, unless it is told otherwise.
KEPT = {"nginx": 16, "caddy": 32}

# limit_conn in nginx.conf.
OF_ONE_ADDRESS = 100

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
    take_down(
        ledger,
        f"{name}: silence, slow headers, slow bodies, idle connections",
        times=times,
        bystander=bystander,
        usage=usage,
        room=slow * CONNECTION + 2 * SLACK,
        seen="all closed",
    )


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
        still_open = crowd.say_until_closed(b"x" * CHUNK, PATIENCE)
    all_is_as_before(app, visitor, usage, KEPT[name])
    assert set(crowd.answers) <= {400, 431}
    take_down(
        ledger,
        f"{name}: headers without end",
        times=size,
        lost=still_open,
        bystander=bystander,
        usage=usage,
        room=2 * SLACK,
        seen="all closed",
    )
