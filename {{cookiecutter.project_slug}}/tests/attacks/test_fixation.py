"""An attacker sets a cookie: from a sibling subdomain, a proxy, a borrowed machine."""

import pytest

from tests.client import COOKIE, PASSWORD, Client
from tests.people import ALICE, FIELD, MALLORY


async def test_a_fixated_token_is_not_adopted_and_is_revoked_at_sign_in(
    client: Client, other: Client
) -> None:
    await other.signed_in(MALLORY)
    fixated = other.token
    assert fixated is not None
    await client.register(ALICE)
    client.use_token(fixated)
    await client.sign_in(ALICE)
    assert client.token != fixated
    assert not await other.opens(fixated)


async def test_logout_and_sign_in_end_every_session_that_was_sent_along(
    client: Client, other: Client
) -> None:
    await other.register(ALICE)
    for path in ("/api/logout", "/api/login"):
        first = await Client(client.app).signed_in(ALICE)
        second = await Client(client.app).signed_in(ALICE)
        both = {"cookie": f"{COOKIE}={first.token}; {COOKIE}={second.token}"}
        body = {FIELD: ALICE, "password": PASSWORD}
        assert (await client.post(path, json=body, headers=both)).is_success
        assert not await first.is_signed_in()
        assert not await second.is_signed_in()


async def test_a_cookie_tossed_over_the_real_one_never_wins(client: Client, other: Client) -> None:
    """A sibling may set a cookie for a longer path or with an earlier date: first or last."""
    await client.signed_in(ALICE)
    await other.signed_in(MALLORY)
    real, tossed = f"{COOKIE}={client.token}", f"{COOKIE}={other.token}"
    for header in (f"{tossed}; {real}", f"{real}; {tossed}", f"{tossed}; x=y; {real}"):
        response = await client.send_cookie(header)
        assert response.status_code == 401
    two_headers = [("cookie", real), ("cookie", tossed)]
    assert (await Client(client.app).get("/api/me", headers=two_headers)).status_code == 401
    assert await client.is_signed_in()


async def test_values_from_before_sign_in_are_gone_after_it(client: Client, other: Client) -> None:
    await other.signed_in(MALLORY)
    await other.put("/test/values/cart", json="from mallory")
    await client.register(ALICE)
    client.use_token(other.token)
    assert (await client.get("/test/values")).json() == {"cart": "from mallory"}
    await client.sign_in(ALICE)
    assert (await client.get("/test/values")).json() == {}


async def test_an_anonymous_request_gets_no_cookie_that_could_be_fixated(client: Client) -> None:
    for path in ("/", "/login", "/api/me", "/test/public", "/nowhere"):
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


async def test_no_other_spelling_of_the_cookie_counts(client: Client) -> None:
    await client.signed_in()
    assert await client.is_signed_in()
    for spelling in SPELLINGS:
        cookie = spelling % (COOKIE.encode(), str(client.token).encode())
        for header in (cookie, b"a=b; " + cookie + b"; c=d"):
            assert (await client.send_cookie(header)).status_code == 401, header


async def test_no_other_cookie_name_counts(client: Client) -> None:
    await client.signed_in()
    plain = COOKIE.removeprefix("__Host-Http-")
    for name in (COOKIE.lower(), f"__Host-{plain}", plain, "session"):
        assert (await client.send_cookie(f"{name}={client.token}")).status_code == 401, name


async def test_two_session_cookies_count_as_none_in_any_order(
    client: Client, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(MALLORY)
    for pair in ((client, other), (other, client), (client, client)):
        header = "; ".join(f"{COOKIE}={each.token}" for each in pair)
        caplog.clear()
        assert (await client.send_cookie(header)).status_code == 401
        assert "two session cookies" in caplog.text


async def test_a_token_outside_the_cookie_is_ignored(client: Client, other: Client) -> None:
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
