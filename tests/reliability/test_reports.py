"""Bugs that were reported publicly of other systems, tried on the app as it is served."""

import socket
import sqlite3
import ssl
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError

from tests.ledger import Ledger
from tests.project import Project, Server
from tests.reliability.hosts import baked
from tests.test_server import COOKIE, connect

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "quite another set of words"
WRONG = "not the right password"
MAX_FAILURES = 20
# Read once, though nothing here is encrypted: it takes longer than most requests.
AUTHORITIES = ssl.create_default_context()
PAGES = {"accept": "text/html", "sec-fetch-site": "same-origin"}

_numbers = count(1)


@dataclass(frozen=True)
class Served:
    """The app, served, and its project."""

    project: Project
    server: Server
    backend: str

    def visitor(self) -> "Visitor":
        """Open an account for somebody new, who is not signed in yet."""
        visitor = Visitor(self, f"visitor{next(_numbers)}")
        assert visitor.call("POST", "/api/register", visitor.account()).status_code == 201
        return visitor


class Visitor:
    """Somebody with a browser that keeps the session cookie."""

    def __init__(self, app: Served, name: str) -> None:
        self.app, self.name, self.token = app, name, ""

    def account(self, password: str = PASSWORD) -> dict[str, str]:
        return {"username": self.name, "password": password}

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """Send a request with the cookie, and keep the cookie that is set."""
        if self.token:
            headers.setdefault("cookie", f"{COOKIE}={self.token}")
        sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        answer = self.app.server.send(method, path, json=body, headers=sent, verify=AUTHORITIES)
        if COOKIE in answer.cookies:
            self.token = answer.cookies[COOKIE]
        return answer

    def sign_in(self, password: str = PASSWORD) -> httpx2.Response:
        return self.call("POST", "/api/login", self.account(password))

    def signed_in(self) -> "Visitor":
        assert self.sign_in().status_code == 200
        return self

    def another_device(self) -> "Visitor":
        return Visitor(self.app, self.name).signed_in()

    def status(self, token: str | None = None) -> int:
        """Return what is answered to the session: one's own, or that of a token."""
        cookie = f"{COOKIE}={self.token if token is None else token}"
        return self.call("GET", "/api/me", cookie=cookie).status_code


# Each case does what was reported, fails when it happens here as well, and returns what happened.


def slow_write_beside_logout(app: Served) -> str:
    visitor = app.visitor().signed_in()
    copied = visitor.token
    url = httpx2.URL(app.server.url)
    with socket.create_connection((url.host, url.port or 0), timeout=60) as slow:
        lines = [
            "PUT /api/session/data/theme HTTP/1.1",
            f"Host: localhost:{url.port}",
            f"Cookie: {COOKIE}={copied}",
            "Content-Type: application/json",
            "Content-Length: 6",
            "Connection: close",
        ]
        slow.sendall("\r\n".join([*lines, "", '"da']).encode())
        assert visitor.call("POST", "/api/logout").status_code == 204
        slow.sendall(b'rk"')
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    status = int(answer.split()[1])
    after = visitor.status(copied)
    assert (status, after) == (401, 401)
    assert b"set-cookie" not in answer.lower()
    return f"{status}, no cookie; the session stays dead: {after}"


def copied_cookie_after_logout(app: Served) -> str:
    visitor = app.visitor().signed_in()
    copied = visitor.token
    assert visitor.status(copied) == 200
    assert visitor.call("POST", "/api/logout").status_code == 204
    assert visitor.status(copied) == 401
    return "200 before, 401 after"


def chosen_session_id(app: Served) -> str:
    visitor = app.visitor()
    visitor.token = chosen = "A" * 43
    assert visitor.status() == 401
    assert visitor.sign_in().status_code == 200
    assert visitor.token != chosen
    assert visitor.status(chosen) == 401
    return "a token of the app's own; the chosen one is 401"


def new_id_at_sign_in(app: Served) -> str:
    visitor = app.visitor().signed_in()
    before = visitor.token
    assert visitor.sign_in().status_code == 200
    assert visitor.token != before
    assert (visitor.status(before), visitor.status()) == (401, 200)
    return "a new token; the one from before is 401"


def overlapping_writes(app: Served) -> str:
    visitor = app.visitor().signed_in()
    names = [f"value{number}" for number in range(12)]

    def write(name: str) -> int:
        cookie = f"{COOKIE}={visitor.token}"
        path = f"/api/session/data/{name}"
        return Visitor(app, "").call("PUT", path, name, cookie=cookie).status_code

    with ThreadPoolExecutor(len(names)) as pool:
        assert set(pool.map(write, names)) == {204}
    kept = visitor.call("GET", "/api/session/data").json()
    assert kept == {name: name for name in names}
    return f"{len(kept)} of {len(names)} are kept"


def sessions_of_strangers(app: Served) -> str:
    def rows() -> int:
        with closing(sqlite3.connect(app.project.path / "app.db")) as database:
            found: int = database.execute("SELECT count(*) FROM sessions").fetchone()[0]
            return found

    before = rows()
    for path in ("/", "/login", "/health/ready", "/api/public", "/api/me") * 10:
        answer = Visitor(app, "").call("GET", path, accept="text/html")
        assert COOKIE not in answer.cookies
    assert rows() == before
    return f"50 requests, {rows() - before} sessions more, no cookie"


def malformed_cookie(app: Served) -> str:
    values = ("foobar", "100%", "%E0%A4%A", "_" * 86, "x" * 4000, "a.b.c", "\xff\xfe", '"quoted"')
    seen = {Visitor(app, "").status(value) for value in values}
    assert seen == {401}
    visitor = app.visitor().signed_in()
    beside = f"other=100%; {COOKIE}={visitor.token}; x=%E0%A4%A"
    assert visitor.call("GET", "/api/me", cookie=beside).status_code == 200
    return f"401 for all {len(values)}; malformed cookies beside a good one: 200"


def large_value(app: Served) -> str:
    visitor = app.visitor().signed_in()
    answer = visitor.call("PUT", "/api/session/data/big", "x" * 5000)
    assert answer.status_code == 413
    assert answer.json()["detail"]
    assert visitor.status() == 200
    return "413 with a sentence; the session lives on"


def others_after_a_new_password(app: Served) -> str:
    visitor = app.visitor().signed_in()
    other = visitor.another_device()
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert visitor.call("POST", "/api/password", change).status_code == 204
    assert (visitor.status(), other.status()) == (200, 401)
    return "the other device is 401, this one goes on"


def disabled_account(app: Served) -> str:
    visitor = app.visitor().signed_in()
    app.project.python("-m", "app", "disable-user", visitor.name)
    assert visitor.status() == 401
    assert visitor.sign_in().status_code == 401
    return "401 at the next request; signing in is 401 as well"


def forged_addresses(app: Served) -> str:
    visitor = app.visitor()
    seen = [
        visitor.call("POST", "/api/login", visitor.account(WRONG), **{"x-forwarded-for": address})
        for address in (f"198.51.100.{number}" for number in range(MAX_FAILURES + 2))
    ]
    assert [answer.status_code for answer in seen[-2:]] == [429, 429]
    guesses = sum(answer.status_code == 401 for answer in seen)
    assert guesses <= MAX_FAILURES
    return f"{guesses} guesses, as many as one address has, then 429"


ELSEWHERE = ("//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example")


def redirect_elsewhere(app: Served) -> str:
    seen = set()
    for path in ELSEWHERE:
        visitor = app.visitor()
        form = {**visitor.account(), "next": path}
        answer = app.server.send("POST", "/login", data=form, headers=PAGES, verify=AUTHORITIES)
        assert answer.status_code == 303
        seen.add(answer.headers["location"])
    assert seen == {"/"}
    return f"all {len(ELSEWHERE)} lead to `/`"


def time_of_unknown_names(app: Served) -> str:
    known, unknown = app.visitor(), Visitor(app, f"nobody{next(_numbers)}")
    took: dict[Visitor, list[float]] = {known: [], unknown: []}
    said = set()
    for _ in range(9):
        for visitor in (known, unknown):
            began = time.perf_counter()
            answer = visitor.sign_in(WRONG)
            took[visitor].append(time.perf_counter() - began)
            said.add((answer.status_code, answer.text))
    assert len(said) == 1
    # Of the least, which other work on the machine disturbs least. Without a hash it is a tenth.
    ratio = min(took[unknown]) / min(took[known])
    assert ratio > 0.6
    half = [1000 * statistics.median(took[visitor]) for visitor in (known, unknown)]
    return (
        f"the same answer; half within {half[0]:.0f} ms for a known, {half[1]:.0f} for an unknown"
    )


def nul_in_a_name(app: Served) -> str:
    visitor = Visitor(app, "ali\0ce")
    seen = [visitor.sign_in().status_code]
    visitor.name = "alice"
    seen.append(visitor.sign_in("a\0" + PASSWORD).status_code)
    form = {"username": "ali\0ce", "password": PASSWORD}
    answer = app.server.send("POST", "/login", data=form, headers=PAGES, verify=AUTHORITIES)
    seen.append(answer.status_code)
    assert set(seen) == {422}
    return "422 for name, password and form"


def socket_after_logout(app: Served) -> str:
    visitor = app.visitor().signed_in()
    url = app.server.url.replace("http", "ws") + "/api/ws"
    with connect(url, additional_headers={"cookie": f"{COOKIE}={visitor.token}"}) as opened:
        assert visitor.name in str(opened.recv(timeout=60))
        assert visitor.call("POST", "/api/logout").status_code == 204
        began = time.monotonic()
        with pytest.raises(ConnectionClosedError) as closed:
            opened.recv(timeout=60)
    took = time.monotonic() - began
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    return f"closed with 1008 within {max(1, round(took))} s"


def logout_by_link(app: Served) -> str:
    visitor = app.visitor().signed_in()
    seen = [visitor.call("GET", path).status_code for path in ("/logout", "/api/logout")]
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    seen.append(visitor.call("POST", "/api/logout", **foreign).status_code)
    assert seen == [405, 405, 403]
    assert visitor.status() == 200
    return "405 and, for a form of another site, 403; still signed in"


def caches(app: Served) -> str:
    visitor = app.visitor().signed_in()
    for path in ("/", "/api/me", "/login", "/api/session"):
        headers = visitor.call("GET", path).headers
        assert headers["cache-control"] == "no-store", path
        assert "Cookie" in headers["vary"], path
    for path in ("/static/icon.svg", "/api/public", "/api/me"):
        assert "set-cookie" not in visitor.call("GET", path).headers, path
    return "`no-store` and `Vary: Cookie`; files and reads set no cookie"


def end_of_a_long_password(app: Served) -> str:
    visitor = Visitor(app, f"visitor{next(_numbers)}")
    long = "".join(chr(ord("a") + number * 7 % 26) for number in range(90))
    answer = visitor.call("POST", "/api/register", visitor.account(long))
    assert answer.status_code == 201
    seen = [visitor.sign_in(each).status_code for each in (long[:72], long[:-1] + "!", long)]
    assert seen == [401, 401, 200]
    return "all 90 characters count"


def names_that_differ_in_case(app: Served) -> str:
    visitor = app.visitor()
    for name in (visitor.name.upper(), f" {visitor.name}", visitor.name.replace("v", "\uff56")):
        twin = Visitor(app, name)
        assert twin.call("POST", "/api/register", twin.account()).status_code == 409, name
        assert twin.sign_in().json()["username"] == visitor.name
    return "409; each spelling signs in the one account"


@dataclass(frozen=True)
class Report:
    """A bug that was reported. where: owner/name and number of the issue."""

    where: str
    said: str
    tried: str
    case: Callable[[Served], str]
    backend: str = "database"

    @property
    def markdown(self) -> str:
        name, _, number = self.where.partition("#")
        return f"[{self.where}](https://github.com/{name}/issues/{number}): {self.said}"


REPORTS = (
    Report(
        "expressjs/session#632",
        "a slow request writes a session back after the logout",
        "a write whose body ends after the logout was answered",
        slow_write_beside_logout,
    ),
    Report(
        "tj/connect-redis#328",
        "the session is alive again after a race with the logout",
        "a write whose body ends after the logout was answered",
        slow_write_beside_logout,
        "redis",
    ),
    Report(
        "expressjs/cookie-session#106",
        "a copied cookie works after the logout, as there is no state at the server",
        "the cookie from before, after the logout",
        copied_cookie_after_logout,
        "signed-cookie",
    ),
    Report(
        "cherrypy/cherrypy#709",
        "session ids that the client has chosen are accepted",
        "a sign-in with a cookie of one's own making",
        chosen_session_id,
    ),
    Report(
        "sdelements/lets-chat#159",
        "the session id stays the same when somebody signs in",
        "a sign-in over a session, then its old cookie",
        new_id_at_sign_in,
    ),
    Report(
        "SerayaEryn/fastify-session#237",
        "of overlapping requests, one overwrites what the other has kept",
        "12 writes of different names at once",
        overlapping_writes,
    ),
    Report(
        "pallets-eco/flask-session#181",
        "each request of a stranger leaves an empty session in the store",
        "pages, API and health checks without a cookie",
        sessions_of_strangers,
    ),
    Report(
        "oauth2-proxy/oauth2-proxy#2604",
        "a malformed cookie is a 500 until the user deletes it",
        "8 malformed cookies, and some beside a good one",
        malformed_cookie,
    ),
    Report(
        "nextauthjs/next-auth#392",
        "a session with more than 1,900 characters is silently not created",
        "a value of 5,000 characters",
        large_value,
        "signed-cookie",
    ),
    Report(
        "supabase/auth#797",
        "a new password leaves the other sessions alive",
        "a change of the password, with another device signed in",
        others_after_a_new_password,
    ),
    Report(
        "pkp/pkp-lib#9326",
        "the sessions of a disabled account go on",
        "`python -m app disable-user`, then a request",
        disabled_account,
    ),
    Report(
        "long2ice/fastapi-limiter#9",
        "another `X-Forwarded-For` with each request evades the limit",
        f"{MAX_FAILURES + 2} wrong passwords, each with another address",
        forged_addresses,
    ),
    Report(
        "linagora/openrag#483",
        "`next=/\\evil.com` leads to another site after signing in",
        "4 such paths in the form",
        redirect_elsewhere,
    ),
    Report(
        "carlos-emr/carlos#2200",
        "names that exist take 200 ms to be refused, others 40",
        "wrong passwords for a known and an unknown name in turn",
        time_of_unknown_names,
    ),
    Report(
        "indico/indico#4159",
        "a NUL byte in the login form is a 500",
        "NUL in name and password, by API and form",
        nul_in_a_name,
    ),
    Report(
        "kubestellar/console#4906",
        "a WebSocket goes on after the logout",
        "a logout while a socket is open",
        socket_after_logout,
    ),
    Report(
        "spree/spree_auth_devise#302",
        "an image with the address of the logout signs visitors out",
        "GET of both logouts, and a POST of another site",
        logout_by_link,
    ),
    Report(
        "PennyDreadfulMTG/Penny-Dreadful-Tools#6615",
        "people are signed in as others, from a cookie on a cached file",
        "pages, API and files with a session: their headers",
        caches,
    ),
    Report(
        "pyca/bcrypt#969",
        "what a password has after 72 bytes is silently ignored",
        "a password of 90 characters; cut, and with another end",
        end_of_a_long_password,
    ),
    Report(
        "liqd/a4-meinberlin#1630",
        "two accounts whose names differ in case keep each other out",
        "the same name in capitals, with a space, in full width",
        names_that_differ_in_case,
    ),
)


@pytest.fixture(scope="module")
def serve(
    cookiecutter_config: Path, environment_of: Callable[[Project], Path]
) -> Iterator[Callable[[str], Served]]:
    """Serve the app, once for each backend."""
    served: dict[str, Served] = {}
    with ExitStack() as stack:

        def serve(backend: str) -> Served:
            if backend not in served:
                project = stack.enter_context(
                    baked(cookiecutter_config, environment_of, session_backend=backend)
                )
                variables = stack.enter_context(project.stores())
                variables["LOGIN_MAX_FAILURES"] = str(MAX_FAILURES)
                server = stack.enter_context(project.serving(variables=variables))
                served[backend] = Served(project, server, backend)
            return served[backend]

        yield serve


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.where)
def test_what_was_reported_of_others_does_not_happen_here(
    serve: Callable[[str], Served], ledger: Ledger, report: Report
) -> None:
    seen = report.case(serve(report.backend))
    ledger.note_report(report.markdown, backend=report.backend, tried=report.tried, seen=seen)
