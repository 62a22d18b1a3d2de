"""Somebody sends what is not meant to be sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.models import User
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Start
from tests.routes import SAFE_METHODS, http_routes_of


async def test_extra_fields_change_nothing(client: Client) -> None:
    body = {"username": "eve", "password": PASSWORD, "role": "admin", "id": 7, "is_active": False}
    response = await client.post("/api/register", json=body)
    assert response.json() == {"id": 1, "username": "eve", "role": "user"}
    await client.sign_in("eve")
    assert (await client.get("/api/admin/users")).status_code == 403


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""]
)
async def test_the_api_takes_json_and_nothing_that_a_form_can_send(
    client: Client, content_type: str
) -> None:
    await client.signed_in()
    before = client.token
    fields = ("username", "password", "current_password", "new_password")
    body = json.dumps(dict.fromkeys(fields, PASSWORD))
    headers = {"content-type": content_type} if content_type else {}
    for path in ("register", "login", "confirm", "password"):
        response = await client.post(f"/api/{path}", content=body.encode(), headers=headers)
        assert response.status_code == 422, path
    response = await client.put("/api/session/data/x", content=b"1", headers=headers)
    assert response.status_code == 422
    assert client.token == before


async def test_what_was_sent_is_not_sent_back_in_an_error(client: Client) -> None:
    body = {"username": ["alice"], "password": {"my secret": PASSWORD}}
    response = await client.post("/api/login", json=body)
    assert response.status_code == 422
    assert PASSWORD not in response.text


async def test_a_lone_surrogate_is_refused_as_invalid(client: Client) -> None:
    body = b'{"username": "\\ud800", "password": "\\udfff"}'
    headers = {"content-type": "application/json"}
    for path in ("/api/login", "/api/register"):
        response = await client.post(path, content=body, headers=headers)
        assert response.status_code == 422


async def test_a_body_over_the_limit_is_refused_before_it_is_read(client: Client) -> None:
    response = await client.post("/api/login", json={"username": "a" * 70_000, "password": ""})
    assert response.status_code == 413
    assert response.json() == {"detail": "The request is too large."}
    await client.signed_in()
    for length in ("65537", "99999999999999999999999", "1" * 5000):
        response = await client.post("/api/logout", headers={"content-length": length})
        assert response.status_code == 413
        assert await client.is_signed_in()


async def test_a_length_that_is_no_number_is_no_error_of_ours(client: Client) -> None:
    for length in ("\xb2", "-1", "1e9", ""):
        headers = [(b"content-length", length.encode("latin-1"))]
        assert (await client.post("/api/logout", headers=headers)).status_code < 500


async def test_a_body_that_does_not_say_how_long_it_is_is_counted(client: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1000

    headers = {"content-type": "application/json"}
    response = await client.post("/api/login", content=chunks(), headers=headers)
    assert response.status_code == 413


async def test_no_field_of_a_change_makes_anybody_an_administrator(client: Client) -> None:
    await client.signed_in()
    extra = {"role": "admin", "id": 7, "is_active": False, "session_version": 9, "password_hash": "x"}
    bodies: dict[str, dict[str, Any]] = {
        "/api/login": {"username": "alice", "password": PASSWORD},
        "/api/confirm": {"password": PASSWORD},
        "/api/password": {"current_password": PASSWORD, "new_password": PASSWORD + "!"},
    }
    for path, body in bodies.items():
        assert (await client.post(path, json={**body, **extra})).is_success
    assert (await client.get("/api/me")).json() == {"id": 1, "username": "alice", "role": "user"}
    async with client.app.state.services.database.transaction() as work:
        user = await work.get_one(User, 1)
    assert (user.role, user.is_active) == ("user", True)


async def test_no_route_falls_over_what_it_is_sent(start: Start) -> None:
    client = Client(await start(login_max_failures=1_000_000))
    bodies = [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"x"',
        b"\xff\xfe",
        b'{"username": 1, "password": true, "remember": "yes"}',
        b'{"username": "a\\u0000b", "password": "a\\u0000b"}',
        b'{"username": null, "password": {"a": []}}',
        b"[" * 5000 + b"]" * 5000,
        b'{"username": "' + b"a" * 60_000 + b'", "password": "x"}',
        b"NaN",
        b"1e999999",
    ]
    for method, path in http_routes_of(client.app):
        if method in SAFE_METHODS:
            continue
        for body in bodies:
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                # Some of them end the session, or the account.
                if not client.token:
                    await client.signed_in()
                headers = {"content-type": kind}
                response = await client.request(method, path, content=body, headers=headers)
                assert response.status_code < 500, f"{method} {path} {body[:40]!r}"
                assert response.status_code != 401 or path == "/api/login"


async def test_whatever_is_oversized_is_refused_or_ignored(client: Client) -> None:
    await client.signed_in()
    long = "x" * 60_000
    ours = f"{COOKIE}={client.token}"
    others = "; ".join(f"c{number}={long[:60]}" for number in range(1000))
    assert (await client.send_cookie(f"{others}; {ours}")).status_code == 200
    assert (await client.get("/api/me", headers={"user-agent": long})).status_code == 200
    assert (await client.get("/api/me", params={"next": long})).status_code == 200
    assert (await client.get(f"/{long}")).status_code == 404
    assert (await client.put(f"/api/session/data/{long}", json=1)).status_code == 422
    for body in ({"username": long, "password": "x"}, {"username": "x", "password": long}):
        for path in ("/api/login", "/api/register"):
            assert (await client.post(path, json=body)).status_code == 422
    many = {f"field{number}": number for number in range(2000)}
    assert (await client.post("/api/login", json=many)).status_code == 422
    assert (await client.post("/api/login", json={"a": long * 2})).status_code == 413
    assert await client.is_signed_in()
