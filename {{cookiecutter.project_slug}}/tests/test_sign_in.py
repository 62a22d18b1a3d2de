"""Registering, signing in, signing out."""

import pytest

from tests.client import COOKIE, Client
from tests.conftest import Start
from tests.people import ALICE, FIELD, REGISTERED, SPELLINGS


async def test_a_registered_user_signs_in_and_is_known(client: Client) -> None:
    assert (await client.register(SPELLINGS[0])).status_code == REGISTERED
    assert COOKIE not in client.cookies
    signed_in = await client.sign_in(ALICE)
    assert signed_in.status_code == 200
    assert signed_in.json() == {"id": 1, FIELD: ALICE, "role": "user"}
    assert (await client.get("/api/me")).json() == signed_in.json()
    assert (await client.get("/test/user")).json() == ALICE


async def test_without_a_session_a_protected_route_responds_401(client: Client) -> None:
    for path in ("/api/me", "/api/session", "/test/user", "/test/values", "/test/admin"):
        response = await client.get(path)
        assert response.status_code == 401, path
        assert response.json() == {"detail": "Sign in first."}
        assert response.headers["www-authenticate"] == f'Cookie cookie-name="{COOKIE}"'


async def test_sign_in_always_makes_a_new_token_and_revokes_the_old_one(client: Client) -> None:
    await client.signed_in()
    first = client.token
    await client.sign_in()
    assert client.token != first
    assert not await client.opens(first)
    assert await client.is_signed_in()


async def test_a_copied_cookie_is_worthless_after_logout(client: Client) -> None:
    await client.signed_in()
    copied = client.token
    response = await client.post("/api/logout")
    assert response.status_code == 204
    assert client.token is None
    assert not await client.opens(copied)


async def test_logout_ends_this_session_only(client: Client, other: Client) -> None:
    await client.signed_in()
    await other.signed_in()
    await client.post("/api/logout")
    assert await other.is_signed_in()


async def test_logout_may_be_repeated_and_needs_no_session(client: Client) -> None:
    for _ in range(2):
        response = await client.post("/api/logout")
        assert response.status_code == 204
        assert "Max-Age=0" in response.headers["set-cookie"]


async def test_logout_by_get_does_nothing(client: Client) -> None:
    await client.signed_in()
    response = await client.get("/api/logout")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert await client.is_signed_in()


async def test_registration_can_be_closed(start: Start) -> None:
    client = Client(await start(allow_registration=False))
    assert (await client.register()).status_code == 403
    assert (await client.sign_in()).status_code == 401


@pytest.mark.parametrize("role", ["user", "admin"])
async def test_a_test_signs_in_with_any_role(client: Client, other: Client, role: str) -> None:
    await client.signed_in(role=role)
    assert (await client.get("/api/me")).json()["role"] == role
    await other.signed_in(role="admin")
    assert (await other.get("/api/me")).json()["role"] == "admin"
