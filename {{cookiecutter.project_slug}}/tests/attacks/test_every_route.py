"""An attacker tries every route without a session, every method, and every spelling of a path."""

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant

from app.web.dependencies import current_auth, current_session, current_user
from tests.attacks.stories import Target, story
from tests.client import PASSWORD, Client
from tests.conftest import Start
#{% if cookiecutter.identity == "email" %}
from tests.mail import PUBLIC_MAIL_PATHS
#{% endif %}
#{% if cookiecutter.oidc %}
from tests.oidc_routes import PUBLIC_OIDC_PATHS
#{% endif %}
#{% if cookiecutter.passkeys %}
from tests.passkey_routes import PUBLIC_PASSKEY_PATHS
#{% endif %}
from tests.people import FIELD
from tests.recorder import session_cookies
from tests.routes import SAFE_METHODS, http_routes, is_known, route_table
from tests.websocket import SESSION_ENDED, Socket

# Those of the app that are declared @public on purpose.
PUBLIC = {
    "/api/register",
    "/api/login",
    "/api/logout",
    "/api/password/reset",
    "/health/live",
    "/health/ready",
    #{% if cookiecutter.frontend == "html" %}
    "/login",
    "/register",
    "/logout",
    "/reset",
    #{% if cookiecutter.totp %}
    "/login/code",
    #{% endif %}
    "/static",
    "/robots.txt",
    "/.well-known/change-password",
    "/.well-known/security.txt",
    #{% endif %}
    #{% if cookiecutter.identity == "email" %}
    *PUBLIC_MAIL_PATHS,
    #{% endif %}
    #{% if cookiecutter.oidc %}
    *PUBLIC_OIDC_PATHS,
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    *PUBLIC_PASSKEY_PATHS,
    #{% endif %}
    "/openapi.json",
    "/docs",
    "/docs/{name}",
    "/test/public",
}


def depends_on_a_session(dependant: Dependant) -> bool:
    return any(
        each.call in (current_session, current_user, current_auth) or depends_on_a_session(each)
        for each in dependant.dependencies
    )


async def test_every_route_but_the_public_ones_depends_on_a_session(client: Client) -> None:
    """Of the app's own. Yours depend on one, or are declared public, or the app does not start."""
    paths = set()
    for route in route_table(client.app):
        if route.path not in PUBLIC and not is_known(str(route.path)):
            continue
        paths.add(str(route.path))
        dependant = getattr(route, "dependant", None)
        protected = isinstance(dependant, Dependant) and depends_on_a_session(dependant)
        assert protected == (route.path not in PUBLIC), route.path
    assert paths > PUBLIC


@story("forced browsing", promise=31)
async def test_without_a_session_only_public_routes_respond(target: Target) -> None:
    """Call every route without a session."""
    for method, path in target.routes:
        # Each from a new browser, without the cookies of the pages before.
        response = await target.browser().request(method, path, json={})
        if path not in PUBLIC:
            target.expect(response, 401)
        assert path not in PUBLIC or response.status_code != 401, path
        assert path.endswith("/logout") or not session_cookies(response), path


async def test_without_a_session_no_websocket_is_served(client: Client) -> None:
    async with Socket(client) as socket:
        await socket.accepted()
        assert await socket.receive() == SESSION_ENDED


async def test_no_cache_keeps_what_a_session_opens(client: Client) -> None:
    for method, path in http_routes():
        if path in PUBLIC:
            continue
        await client.signed_in()
        response = await client.request(method, path, json={})
        assert response.status_code != 401, f"{method} {path}"
        assert response.headers.get("cache-control") == "no-store", f"{method} {path}"
        assert "Cookie" in response.headers.get("vary", ""), f"{method} {path}"


async def test_get_and_head_change_nothing(client: Client, statements: list[str]) -> None:
    await client.signed_in()
    statements.clear()
    for method, path in http_routes():
        if method == "GET":
            for safe in ("GET", "HEAD"):
                response = await client.request(safe, path)
                assert "set-cookie" not in response.headers, path
    assert statements
    changes = [each for each in statements if not each.startswith(("SELECT", "PRAGMA"))]
    assert changes == []


@story("forgery by a link", promise=29)
async def test_what_changes_something_cannot_be_reached_by_a_link(target: Target) -> None:
    """Let a signed-in victim follow links to whatever changes something."""
    client = await target.signed_in(target.alice)
    readable = {path for method, path in target.routes if method == "GET"}
    for method, path in target.routes:
        if method not in SAFE_METHODS and path not in readable:
            params = {FIELD: "a", "password": PASSWORD}
            target.expect(await client.get(path, params=params), 405)
    target.hold(await client.is_signed_in(), "the victim is still signed in")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH"])
async def test_other_methods_and_spellings_open_nothing(client: Client, method: str) -> None:
    await client.signed_in()
    for path in ("/api/me", "/api/me/", "//api/me", "/API/ME", "/test/user", "/test/user/"):
        assert (await client.request(method, path)).status_code in (404, 405), path
    for path in ("/api/me/", "//api/me", "/API/ME", "/test/user/", "/test/%75ser/"):
        assert (await client.get(path)).status_code == 404, path


async def test_a_pattern_of_hosts_is_none_itself(start: Start) -> None:
    client = Client(await start(allowed_hosts="*.localhost"))
    for host, status in (("app.localhost", 200), ("*.localhost", 400), ("localhost", 400)):
        response = await client.get("/test/public", headers={"host": host})
        assert response.status_code == status, host


@story("forged Host header", promise=34)
async def test_a_request_for_another_host_is_refused(target: Target) -> None:
    """Ask for another host, as DNS rebinding does, and for what is no host."""
    client = await target.signed_in(target.alice)
    hosts = ("evil.example", "localhost.evil.example", "", "a@localhost", "[", "localhost:x")
    for host in (*hosts, "x/.localhost"):
        target.expect(await client.get("/api/session", headers={"host": host}), 400)
        headers = {"host": host, "sec-fetch-site": "cross-site"}
        target.expect(await client.post("/api/login", headers=headers), 403)


async def test_below_a_path_of_a_host_every_request_is_refused_with_the_reason(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    # The same for uvicorn --root-path /portal, FastAPI(root_path=…) and an app around this one.
    outer = FastAPI()
    outer.mount("/portal", client.app)
    for path in ("/", "/test/public", "/health/ready", "/nowhere"):
        response = await Client(outer).get(f"/portal{path}")
        assert response.status_code == 500
        assert "at the root of a host" in response.json()["detail"]
    response = await Client(outer).post("/portal/api/login", json={})
    assert response.status_code == 500
    assert "set-cookie" not in response.headers
    assert "at the root of a host" in caplog.text
