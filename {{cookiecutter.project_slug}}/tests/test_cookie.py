"""The session cookie: how it is written, and what counts as one."""

from dataclasses import replace
from typing import Literal

import pytest

from app.config import PROJECT
from app.sessions.cookie import SessionCookie
from tests.client import COOKIE, Client
from tests.conftest import Start

SLUG = PROJECT["slug"]
# As it was chosen when the project was made.
CHOSEN = {"lax": "Lax", "strict": "Strict", "none": "None; Partitioned"}
SAMESITE = CHOSEN[PROJECT["samesite"]]


async def test_the_cookie_is_set_once_with_every_attribute_and_no_domain(client: Client) -> None:
    await client.register()
    response = await client.sign_in()
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie == f"{COOKIE}={client.token}; Path=/; HttpOnly; Secure; SameSite={SAMESITE}"


async def test_the_cookie_outlives_the_browser_only_with_remember_me(client: Client) -> None:
    await client.register()
    response = await client.sign_in(remember=True)
    assert response.headers["set-cookie"].endswith(f"; SameSite={SAMESITE}; Max-Age=2592000")


async def test_the_cookie_is_deleted_with_the_attributes_it_was_set_with(client: Client) -> None:
    response = await (await client.signed_in()).post("/api/logout")
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie == f"{COOKIE}=; Path=/; HttpOnly; Secure; SameSite={SAMESITE}; Max-Age=0"


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
def test_samesite_is_always_written_out(samesite: Literal["lax", "strict", "none"]) -> None:
    cookie = SessionCookie(SLUG, secure=True, samesite=samesite)
    for header in (cookie.set_cookie("token", None), cookie.delete_cookie()):
        assert f"; SameSite={samesite.capitalize()}".encode() in header


async def test_with_samesite_none_the_cookie_is_partitioned_unless_switched_off(
    start: Start,
) -> None:
    for partitioned in (True, False):
        client = Client(await start(session_samesite="none", session_partitioned=partitioned))
        await client.register()
        for response in (await client.sign_in(), await client.post("/api/logout")):
            assert ("; Partitioned" in response.headers["set-cookie"]) == partitioned
    assert b"Partitioned" not in SessionCookie(SLUG, True, "strict").set_cookie("token", None)


def test_samesite_none_without_secure_is_an_error() -> None:
    with pytest.raises(ValueError, match="Secure"):
        SessionCookie(SLUG, secure=False, samesite="none")


async def test_no_other_response_sets_the_cookie(client: Client) -> None:
    await client.signed_in()
    for path in ("/api/me", "/api/session", "/test/user", "/test/values", "/nowhere"):
        assert "set-cookie" not in (await client.get(path)).headers, path


async def test_without_secure_the_cookie_has_no_prefix(start: Start) -> None:
    client = Client(await start(session_cookie_secure=False, session_samesite="lax"))
    await client.register()
    cookie = (await client.sign_in()).headers["set-cookie"]
    assert cookie.startswith(f"{SLUG}-session=")
    assert "Secure" not in cookie
    assert (await client.get("/api/me")).status_code == 200


def test_no_other_cookie_of_an_app_has_the_name_of_the_session_of_another() -> None:
    session = SessionCookie("shop-passkey", secure=True, samesite="lax")
    assert replace(session, slug="shop", purpose="passkey").name != session.name


def test_a_cookie_that_browsers_would_drop_for_its_size_is_an_error() -> None:
    cookie = SessionCookie(SLUG, secure=True, samesite="lax")
    longest = "x" * (4096 - len(COOKIE))
    assert cookie.set_cookie(longest, None)
    with pytest.raises(ValueError, match="4096"):
        cookie.set_cookie(longest + "x", None)


async def test_the_cookie_is_found_among_others_with_or_without_a_space(client: Client) -> None:
    await client.signed_in()
    ours = f"{COOKIE}={client.token}"
    for header in (f"a=b; {ours}; c=d", f"a=b;{ours};c", f"{ours};", f"x={COOKIE}; {ours}"):
        assert (await client.send_cookie(header)).status_code == 200, header


async def test_the_cookie_of_another_project_on_the_same_host_does_not_count(
    client: Client,
) -> None:
    await client.signed_in()
    for slug in ("", "other-", f"{SLUG}-2-"):
        header = f"__Host-Http-{slug}session={client.token}"
        assert (await client.send_cookie(header)).status_code == 401, header
