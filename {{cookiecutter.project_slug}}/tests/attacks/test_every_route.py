"""Somebody walks the app: every route of it, the owner's own as well, without a session."""

import pytest

from tests.client import PASSWORD, Client
from tests.routes import MOUNT, SAFE_METHODS, SOCKET, http_routes_of, routes_of
from tests.websocket import Socket

# Declared @public on purpose. A new one has to be written here, too, where a reviewer sees it;
# what stands in braces in its path is 0 here.
PUBLIC = {
    "/api/register",
    "/api/login",
    "/api/logout",
    "/api/public",
    "/health/live",
    "/health/ready",
    #{% if cookiecutter.frontend == "html" %}
    "/login",
    "/register",
    "/logout",
    "/static",
    #{% endif %}
    "/openapi.json",
    "/docs",
}


async def test_without_a_session_no_route_but_the_public_ones_gives_anything(
    client: Client,
) -> None:
    walked = set()
    for method, path in routes_of(client.app):
        walked.add(path)
        if path in PUBLIC:
            continue
        why = f"{method} {path} is open to everybody. If that is meant, add it to PUBLIC above."
        assert method != MOUNT, why
        if method == SOCKET:
            async with Socket(client, path=path) as socket:
                messages = [await socket.receive(), await socket.receive()]
            assert [each["type"] for each in messages] == ["websocket.accept", "websocket.close"]
            assert messages[1]["code"] == 1008, why
        else:
            response = await client.request(method, path, json={})
            assert response.status_code in (303, 401), why
            assert "set-cookie" not in response.headers
    assert walked > PUBLIC


async def test_whatever_a_session_opens_is_kept_by_no_cache(client: Client) -> None:
    for method, path in http_routes_of(client.app):
        if path in PUBLIC:
            continue
        await client.signed_in()
        response = await client.request(method, path, json={})
        assert response.status_code not in (303, 401) or method != "GET", f"{method} {path}"
        assert response.headers.get("cache-control") == "no-store", f"{method} {path}"
        assert "Cookie" in response.headers.get("vary", ""), f"{method} {path}"


async def test_get_and_head_change_nothing(client: Client, statements: list[str]) -> None:
    await client.signed_in()
    statements.clear()
    for method, path in http_routes_of(client.app):
        if method in ("GET", "HEAD"):
            response = await client.request(method, path)
            assert "set-cookie" not in response.headers, path
    changes = [each for each in statements if not each.startswith(("SELECT", "PRAGMA"))]
    assert changes == []


async def test_what_changes_something_cannot_be_reached_by_a_link(client: Client) -> None:
    await client.signed_in()
    pages = {path for method, path in http_routes_of(client.app) if method == "GET"}
    for method, path in http_routes_of(client.app):
        if method not in SAFE_METHODS and path not in pages:
            response = await client.get(path, params={"username": "a", "password": PASSWORD})
            assert response.status_code == 405, path
    assert await client.is_signed_in()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/me", "/api/me/", "//api/me", "/API/ME", "/api/data/"])
async def test_other_methods_and_spellings_open_nothing(
    client: Client, method: str, path: str
) -> None:
    await client.signed_in()
    assert (await client.request(method, path)).status_code in (404, 405)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a@localhost", "[", "localhost:x"]
)
async def test_a_host_that_is_not_ours_is_refused(client: Client, host: str) -> None:
    response = await client.get("/api/public", headers={"host": host})
    assert response.status_code == 400
    headers = {"host": host, "sec-fetch-site": "cross-site"}
    assert (await client.post("/api/login", headers=headers)).status_code == 403
