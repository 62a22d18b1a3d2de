"""The app as visitors reach it: the generated proxy configurations and service, as they are run."""

import itertools
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from tests import baking
from tests.answers import PLAIN
from tests.conftest import Bake
from tests.deploying import (
    HOST,
    PROXIES,
    SITE,
    VISITOR,
    App,
    Certificate,
    Proxy,
    program,
    proxied,
    service,
    serving_as_the_service,
)
from tests.project import Project, free_port
from tests.test_server import COOKIE, close_code
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple"

SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
}
ONCE = (
    "content-security-policy",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
)


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Project:
    project = baking.bake(tmp_path_factory.mktemp("deployed"), cookiecutter_config, PLAIN)
    project.use(environment_of(project))
    return project


@pytest.fixture(scope="module")
def app(project: Project) -> Iterator[App]:
    with serving_as_the_service(project) as app:
        yield app


@pytest.fixture(scope="module", params=PROXIES)
def proxy(
    request: pytest.FixtureRequest,
    project: Project,
    app: App,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(request.param)
    with proxied(request.param, project, folder, app, certificate) as proxy:
        yield proxy


@pytest.fixture
def visitor(proxy: Proxy) -> Iterator[httpx2.Client]:
    with proxy.visitor() as visitor:
        yield visitor


NUMBERS = itertools.count()


@pytest.fixture
def account(visitor: httpx2.Client) -> dict[str, str]:
    """Return the name and password of a user of the test's own."""
    account = {"username": f"visitor{next(NUMBERS)}", "password": PASSWORD}
    assert visitor.post("/api/register", json=account).status_code == 201
    return account


def has_each_header_once(answer: httpx2.Response, names: Collection[str] = ONCE) -> None:
    """See that an answer has each of some headers once, and names no version."""
    for name in names:
        assert len(answer.headers.get_list(name)) == 1, (answer.url, name)
    assert not re.search(r"\d|uvicorn", answer.headers.get("server", ""))


def test_plain_http_leads_to_https_and_sets_no_cookie(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    for spoofed in ({}, {"X-Forwarded-Proto": "https"}):
        answer = visitor.post(f"http://{HOST}/api/login?a=b", json=account, headers=spoofed)
        # 308 keeps the method.
        assert answer.status_code == 308
        has_each_header_once(answer, set(ONCE) - {"strict-transport-security"})
        assert answer.headers["location"] == f"{SITE}/api/login?a=b"
        assert "set-cookie" not in answer.headers
    answer = visitor.get(f"http://{HOST}/api/me", headers={"Host": "evil.example"})
    assert "evil" not in str(answer.headers)


def test_a_link_that_is_followed_while_the_app_is_down_is_in_no_log(
    project: Project, app: App, certificate: Certificate, tmp_path: Path
) -> None:
    stopped = replace(app, address=f"127.0.0.1:{free_port()}")
    with proxied("nginx", project, tmp_path, stopped, certificate) as proxy:
        with proxy.visitor() as visitor:
            for path in ("/reset?token=of-a-link", "/?page=of-no-link"):
                assert visitor.get(path).status_code == 502
        logged = (tmp_path / "error.log").read_text("utf-8")
    assert "/?page=of-no-link" in logged
    assert "of-a-link" not in logged


def test_whoever_has_a_network_of_ipv6_is_one_visitor_and_a_provider_is_none(
    project: Project, app: App, certificate: Certificate, tmp_path: Path
) -> None:
    limits = {
        # So that it does not depend on how fast this machine is.
        "rate=5r/s": "rate=1r/m",
        "burst=50": "burst=2",
        # This machine has no such addresses.
        "limit_conn app_visitors 100;": "set_real_ip_from 127.0.0.0/8; real_ip_header X-Visitor;",
    }
    with (
        proxied("nginx", project, tmp_path, app, certificate, limits) as proxy,
        proxy.visitor() as visitor,
    ):

        def statuses(path: str, *addresses: str) -> list[int]:
            headers = [{"X-Visitor": address} for address in addresses]
            return [visitor.post(path, json={}, headers=each).status_code for each in headers]

        one_network = [f"2001:db8:1:2::{number}" for number in range(5)]
        assert statuses("/api/login", *one_network) == [422] * 3 + [429] * 2
        # However long the zeros in it are.
        in_full = [f"2001:db8:1:0:3:4:5:{number}" for number in range(3)]
        in_short = [f"2001:db8:1::{number}" for number in range(2)]
        assert statuses("/api/login", *in_full, *in_short) == [422] * 3 + [429] * 2
        neighbours = [f"2a02:0:0:{number}:1:1:1:1" for number in range(5, 10)]
        assert statuses("/api/login", *neighbours) == [422] * 5
        others = [f"2001:db8:{number}::1" for number in range(4, 9)]
        assert statuses("/api/login", *others) == [422] * 5
        assert 429 not in statuses("/login/acme/logout", *["203.0.113.7"] * 5)


# Caddy gets its certificate by itself.
@pytest.mark.parametrize("proxy", ["nginx"], indirect=True)
def test_what_shows_whose_name_it_is_is_shown_over_plain_http(
    proxy: Proxy, visitor: httpx2.Client
) -> None:
    shown = proxy.webroot / ".well-known" / "acme-challenge" / "token"
    shown.parent.mkdir(parents=True)
    shown.write_text("token.thumbprint")
    address = f"http://{HOST}/.well-known/acme-challenge"
    assert visitor.get(f"{address}/token").text == "token.thumbprint"
    assert visitor.get(f"{address}/other").status_code == 404
    (proxy.webroot / "other").write_text("of another site")
    assert visitor.get(f"http://{HOST}/other").status_code == 308


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_who_signs_in_over_https_is_signed_in(
    proxy: Proxy, account: dict[str, str], version: str
) -> None:
    with proxy.visitor(http2=version == "HTTP/2") as visitor:
        answer = visitor.post("/api/login", json=account)
        assert (answer.status_code, answer.http_version) == (200, version)
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith(f"{COOKIE}=")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert visitor.get("/api/me").json()["username"] == account["username"]
        # As a browser does it: the proxy has to pass on the host that the form was sent to.
        assert visitor.post("/api/logout", headers={"Origin": SITE}).status_code == 204
        assert visitor.get("/api/me").status_code == 401


def test_what_visitors_say_of_where_they_come_from_changes_nothing(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    answer = visitor.post("/api/login", json=account, headers=SPOOFED)
    assert answer.status_code == 200
    assert "strict-transport-security" in answer.headers
    sessions = visitor.get("/api/sessions", headers=SPOOFED).json()
    assert [session["ip"] for session in sessions] == [VISITOR]
    answer = visitor.get("/", headers={"Host": "evil.example"})
    assert "set-cookie" not in answer.headers
    assert "evil" not in f"{answer.headers} {answer.text}"
    assert account["username"] not in answer.text


def test_the_app_believes_nobody_but_the_proxy(app: App) -> None:
    headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
    for address, status in (("127.0.0.1", 401), (VISITOR, 307)):
        transport = httpx2.HTTPTransport(local_address=address)
        with httpx2.Client(transport=transport, timeout=PATIENCE_SECONDS) as client:
            assert client.get(f"{app.url}/api/me", headers=headers).status_code == status


def test_guesses_with_a_new_address_each_have_to_wait_all_the_same(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    wrong = {**account, "password": "not the password at all"}
    statuses = [
        visitor.post(
            "/api/login", json=wrong, headers={"X-Forwarded-For": f"203.0.113.{number}"}
        ).status_code
        for number in range(6)
    ]
    assert statuses == [401] * 5 + [429]


def test_a_socket_is_for_our_own_origin_and_closes_when_its_session_ends(
    visitor: httpx2.Client, proxy: Proxy, account: dict[str, str]
) -> None:
    token = visitor.post("/api/login", json=account).cookies[COOKIE]
    cookie = {"cookie": f"{COOKIE}={token}"}
    with pytest.raises(InvalidStatus) as refused:
        proxy.socket("https://evil.example", cookie)
    assert refused.value.response.status_code == 403
    with proxy.socket(SITE, cookie) as socket:
        assert json.loads(socket.recv()) == {"username": account["username"]}
        assert visitor.post("/api/logout").status_code == 204
        assert close_code(socket) == 1008


def test_a_body_over_the_limit_is_413_and_one_at_it_is_welcome(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    limit = 65536
    body = json.dumps(account).encode().ljust(limit)
    headers = {"Content-Type": "application/json"}
    assert visitor.post("/api/login", content=body, headers=headers).status_code == 200
    for content in (body + b" ", iter([body, b" "]), body * 100, iter([body] * 100)):
        answer = visitor.post("/api/login", content=content, headers=headers)
        assert answer.status_code == 413
        has_each_header_once(answer)


@pytest.mark.parametrize("name", PROXIES)
def test_a_response_that_fills_the_cookie_arrives(
    ready: Bake, certificate: Certificate, tmp_path: Path, name: str
) -> None:
    project = ready(session_backend="signed-cookie")
    account = {"username": "alice", "password": PASSWORD}
    with (
        serving_as_the_service(project) as app,
        proxied(name, project, tmp_path, app, certificate) as proxy,
        proxy.visitor() as visitor,
    ):
        assert visitor.post("/api/register", json=account).status_code == 201
        assert visitor.post("/api/login", json=account).status_code == 200
        answer = visitor.put("/api/session/data/note", json="a" * 2_800)
        assert answer.status_code == 204
        assert len(answer.headers["set-cookie"]) > 3_900
        assert visitor.get("/api/session/data").json() == {"note": "a" * 2_800}


def test_headers_that_no_browser_would_send_do_not_reach_the_app(visitor: httpx2.Client) -> None:
    answer = visitor.get("/health/live", headers={"X-Large": "x" * 65536})
    assert answer.status_code in {400, 431}
    assert "x-request-id" not in answer.headers


@pytest.mark.parametrize("name", PROXIES)
def test_while_the_app_is_away_the_proxy_sends_the_security_headers(
    project: Project, app: App, certificate: Certificate, tmp_path: Path, name: str
) -> None:
    nothing = replace(app, address=f"127.0.0.1:{free_port()}")
    with (
        proxied(name, project, tmp_path, nothing, certificate) as proxy,
        proxy.visitor() as visitor,
    ):
        answer = visitor.get("/login")
        assert answer.status_code == 502
        has_each_header_once(answer)


def test_each_security_header_is_sent_once_and_no_version(visitor: httpx2.Client) -> None:
    for path, status in (
        ("/", 303),
        ("/login", 200),
        ("/static/style.css", 200),
        ("/api/me", 401),
        ("/nowhere", 404),
    ):
        answer = visitor.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == status
        has_each_header_once(answer)


def test_the_service_is_one_that_systemd_takes_and_finds_hardened(
    project: Project, tmp_path: Path
) -> None:
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / "app.service"
    unit.write_text(project.read("deploy/app.service").replace("/srv/app", str(project.path)))
    assert project.run(analyze, "verify", "--man=no", str(unit)).stdout == ""
    # 10.0 is a service without any limit; systemd calls "OK" what is below 5.0.
    project.run(analyze, "security", "--offline=true", "--threshold=15", str(unit))


def test_what_the_proxies_and_the_service_say_fits_together(bake_once: Bake) -> None:
    project = bake_once()
    [serve] = service(project)["ExecStart"]
    said = dict(re.findall(r"--([a-z-]+) (\d+)", serve))
    [kept_by_nginx] = re.findall(
        r"^  keepalive_timeout (\d+)s;\n\}", project.read("deploy/nginx.conf"), re.MULTILINE
    )
    [kept_by_caddy] = re.findall(r"\bkeepalive (\d+)s\n", project.read("deploy/Caddyfile"))
    # The app may not be first to close a connection that the proxy is about to use.
    assert max(int(kept_by_nginx), int(kept_by_caddy)) < int(said["timeout-keep-alive"])
    assert said["ws-max-size"] == "65536"


@pytest.mark.parametrize(("session_backend", "workers"), [("memory", "1"), ("database", "4")])
def test_sessions_in_memory_have_one_worker(
    bake_once: Bake, session_backend: str, workers: str
) -> None:
    [serve] = service(bake_once(session_backend=session_backend))["ExecStart"]
    assert f" --workers {workers} " in serve
