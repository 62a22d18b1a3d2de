"""Somebody plants a cookie: from a sibling subdomain, a proxy, a borrowed machine."""

import pytest

from tests.client import COOKIE, PASSWORD, Client


async def test_a_planted_token_is_not_adopted_and_dies_at_sign_in(
    client: Client, other: Client
) -> None:
    await other.signed_in("mallory")
    planted = other.token
    assert planted is not None
    await client.register("alice")
    client.cookies.set(COOKIE, planted, domain="localhost.local", path="/")
    await client.sign_in("alice")
    assert client.token != planted
    assert not await other.opens(planted)


async def test_logout_and_sign_in_end_every_session_that_was_sent_along(
    client: Client, other: Client
) -> None:
    await other.register("alice")
    for path in ("/api/logout", "/api/login"):
        first, second = Client(client.app), Client(client.app)
        await first.sign_in("alice")
        await second.sign_in("alice")
        both = {"cookie": f"{COOKIE}={first.token}; {COOKIE}={second.token}"}
        body = {"username": "alice", "password": PASSWORD}
        assert (await client.post(path, json=body, headers=both)).is_success
        assert not await first.is_signed_in()
        assert not await second.is_signed_in()


async def test_a_cookie_tossed_over_the_real_one_never_wins(
    client: Client, other: Client
) -> None:
    """A sibling may set a cookie for a longer path or with an earlier date: first or last."""
    await client.signed_in("alice")
    await other.signed_in("mallory")
    real, tossed = f"{COOKIE}={client.token}", f"{COOKIE}={other.token}"
    for header in (f"{tossed}; {real}", f"{real}; {tossed}", f"{tossed}; x=y; {real}"):
        response = await client.send_cookie(header)
        assert response.status_code == 401
    two_headers = [("cookie", real), ("cookie", tossed)]
    assert (await Client(client.app).get("/api/me", headers=two_headers)).status_code == 401
    assert await client.is_signed_in()


async def test_nothing_that_was_kept_before_sign_in_is_there_after_it(
    client: Client, other: Client
) -> None:
    await other.signed_in("mallory")
    await other.put("/api/session/data/cart", json="planted")
    await client.register("alice")
    client.cookies.set(COOKIE, str(other.token), domain="localhost.local", path="/")
    await client.sign_in("alice")
    assert (await client.get("/api/session/data")).json() == {}


async def test_a_visitor_is_given_no_cookie_that_could_be_fixed_on_them(client: Client) -> None:
    for path in ("/", "/login", "/api/me", "/api/public", "/nowhere"):
        assert "set-cookie" not in (await client.get(path)).headers


SPELLINGS = [
    b"%s =%s",
    b"  %s=%s",
    b"\t%s=%s",
    b"\xa0%s=%s",
    b"\x85%s=%s",
    b"\x00%s=%s",
    b"%s\xa0=%s",
    b'"%s"=%s',
    b'%s="%s"',
    b"=%s=%s",
    b"x%s=%s",
    b"%s.=%s",
    b"%s= %s",
    b"%s=%s,",
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
async def test_no_other_spelling_of_the_name_or_value_counts(
    client: Client, spelling: bytes
) -> None:
    await client.signed_in()
    cookie = spelling % (COOKIE.encode(), str(client.token).encode())
    for header in (cookie, b"a=b; " + cookie + b"; c=d"):
        assert (await client.send_cookie(header)).status_code == 401


@pytest.mark.parametrize("name", ["__host-http-session", "__Host-session", "session"])
async def test_no_other_name_counts(client: Client, name: str) -> None:
    await client.signed_in()
    assert (await client.send_cookie(f"{name}={client.token}")).status_code == 401


async def test_two_of_the_name_are_none_in_any_order(
    client: Client, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in("alice")
    await other.signed_in("mallory")
    for pair in ((client, other), (other, client), (client, client)):
        header = "; ".join(f"{COOKIE}={each.token}" for each in pair)
        caplog.clear()
        assert (await client.send_cookie(header)).status_code == 401
        assert "two session cookies" in caplog.text


async def test_a_token_anywhere_else_is_ignored(client: Client, other: Client) -> None:
    await client.signed_in()
    token = str(client.token)
    pair = f"{COOKIE}={token}"
    for headers in (
        {"authorization": f"Bearer {token}"},
        {"x-session": token},
        {"x-cookie": pair},
        {"set-cookie": pair},
    ):
        assert (await other.get("/api/me", headers=headers)).status_code == 401
    response = await other.get("/api/me", params={COOKIE: token, "session": token})
    assert response.status_code == 401
