"""An attacker sets a cookie: from a sibling subdomain, a proxy, a borrowed machine."""

import pytest

from tests.attacks.stories import Target, story
from tests.client import COOKIE, PASSWORD, Client
from tests.people import ALICE, FIELD, MALLORY


@story("session fixation", promise=17)
async def test_a_fixated_token_is_not_adopted_and_is_revoked_at_sign_in(target: Target) -> None:
    """Plant a token of the attacker's own in the browser of a victim, who then signs in."""
    planted = (await target.signed_in(target.mallory)).token
    await target.signed_in(target.alice)
    victim = target.browser()
    victim.use_token(planted)
    target.expect(await victim.sign_in(target.alice), 200)
    target.hold(victim.token != planted, "the victim has another token")
    target.hold(not await target.browser().opens(planted), "the planted one opens nothing")


@story("leftover sessions", promise=17)
async def test_logout_and_sign_in_end_every_session_that_was_sent_along(target: Target) -> None:
    """Let a browser send two session cookies as it signs out or in, so that one survives."""
    for path in ("/api/logout", "/api/login"):
        first = await target.signed_in(target.alice)
        second = await target.signed_in(target.alice)
        name = first.cookie_name
        both = {"cookie": f"{name}={first.token}; {name}={second.token}"}
        body = {FIELD: target.alice, "password": PASSWORD}
        target.expect(await target.browser().post(path, json=body, headers=both), 200, 204)
        for each in (first, second):
            target.hold(not await each.is_signed_in(), "a session sent along has ended")


@story("cookie tossing", promise=6)
async def test_a_cookie_tossed_over_the_real_one_never_wins(target: Target) -> None:
    """Set a second session cookie from a sibling subdomain, before the real one or after it.

    A sibling may set a cookie for a longer path or with an earlier date: first or last.
    """
    victim, attacker = [await target.signed_in(each) for each in (target.alice, target.mallory)]
    real, tossed = (f"{each.cookie_name}={each.token}" for each in (victim, attacker))
    for header in (f"{tossed}; {real}", f"{real}; {tossed}", f"{tossed}; x=y; {real}"):
        target.expect(await victim.send_cookie(header), 401)
    two_headers = [("cookie", real), ("cookie", tossed)]
    target.expect(await target.browser().get("/api/me", headers=two_headers), 401)
    target.hold(await victim.is_signed_in(), "the victim is still signed in")


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


@story("cookie smuggling", promise=5)
async def test_no_other_spelling_of_the_cookie_counts(target: Target) -> None:
    """Send a session cookie whose name only looks like the real one to a careless parser."""
    client = await target.signed_in(target.alice)
    assert await client.is_signed_in()
    for spelling in SPELLINGS:
        cookie = spelling % (client.cookie_name.encode(), str(client.token).encode())
        # Whitespace before a header's value is no part of it, and some bytes are no header.
        alone = [cookie] if cookie.strip(b" \t") == cookie else []
        for header in (*alone, b"a=b; " + cookie + b"; c=d"):
            target.expect(await client.send_cookie(header), 401, 400)


@story("cookie without its prefix", promise=5)
async def test_no_other_cookie_name_counts(target: Target) -> None:
    """Send the token under a name without the prefix, which any subdomain could set."""
    client = await target.signed_in(target.alice)
    plain = COOKIE.removeprefix("__Host-Http-")
    for name in {COOKIE.lower(), f"__Host-{plain}", plain, "session"} - {client.cookie_name}:
        target.expect(await client.send_cookie(f"{name}={client.token}"), 401)


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


@story("token outside the cookie", promise=7)
async def test_a_token_outside_the_cookie_is_ignored(target: Target) -> None:
    """Send a real token in the query or another header, from where other sites could send it."""
    client, other = await target.signed_in(target.alice), target.browser()
    token = str(client.token)
    pair = f"{client.cookie_name}={token}"
    for headers in (
        {"authorization": f"Bearer {token}"},
        {"x-session": token},
        {"x-cookie": pair},
        {"set-cookie": pair},
    ):
        target.expect(await other.get("/api/me", headers=headers), 401)
    params = {client.cookie_name: token, "session": token}
    target.expect(await other.get("/api/me", params=params), 401)
