"""Registering, signing in, signing out."""

import pytest

from tests.client import COOKIE, Client
from tests.conftest import Start
from tests.people import ALICE, FIELD, SPELLINGS


async def test_a_registered_user_signs_in_and_is_known(client: Client) -> None:
    registered = await client.register("Alice")
    assert registered.status_code == 201
    assert COOKIE not in client.cookies
    signed_in = await client.sign_in(ALICE)
    assert signed_in.status_code == 200
    assert signed_in.json() == registered.json() == {"id": 1, FIELD: ALICE, "role": "user"}
    assert (await client.get("/api/me")).json() == registered.json()
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


async def test_a_taken_name_is_refused_however_it_is_spelled(client: Client) -> None:
    await client.register(ALICE)
    for look_alike in (ALICE, *SPELLINGS):
        response = await client.register(look_alike)
        assert response.status_code == 409, look_alike
        assert response.json() == {"detail": "That user name is taken."}


async def test_a_name_with_more_spaces_is_the_same_name(client: Client) -> None:
    await client.register("bob smith")
    for spaces in ("  ", "   ", "\u00a0", " \u2003\u3000"):
        assert (await client.register(f"bob{spaces}smith")).status_code == 409
        assert (await client.sign_in(f" bob{spaces}smith")).status_code == 200


async def test_a_name_with_invisible_characters_is_refused(client: Client) -> None:
    names = ["", "   ", "a" * 65, "a\nb", "a\u200bb", "a\x00b", "a\ufe0f", "a\u034f", "a\u3164"]
    names += ["a\u115f", "a\u180b", "\u2800", "a\U000e0100"]
    for name in names:
        assert (await client.register(name)).status_code == 422, ascii(name)
        assert (await client.sign_in(name)).status_code == 422, ascii(name)


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
