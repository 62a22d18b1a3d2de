"""The cookie: how it is written, and what counts as one."""

import pytest

from app.sessions.cookie import CookiePolicy
from tests.client import COOKIE, Client
from tests.conftest import Start

#{% if cookiecutter.samesite == "lax" %}
SAMESITE = "Lax"
#{% elif cookiecutter.samesite == "strict" %}
SAMESITE = "Strict"
#{% else %}
SAMESITE = "None"
#{% endif %}


async def test_it_is_set_once_with_every_attribute_and_no_domain(client: Client) -> None:
    await client.register()
    response = await client.sign_in()
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie == f"{COOKIE}={client.token}; Path=/; HttpOnly; Secure; SameSite={SAMESITE}"


async def test_it_lives_on_after_the_browser_only_with_remember_me(client: Client) -> None:
    await client.register()
    response = await client.sign_in(remember=True)
    assert response.headers["set-cookie"].endswith(f"; SameSite={SAMESITE}; Max-Age=2592000")


async def test_it_is_deleted_with_the_attributes_it_was_set_with(client: Client) -> None:
    response = await (await client.signed_in()).post("/api/logout")
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie == f"{COOKIE}=; Path=/; HttpOnly; Secure; SameSite={SAMESITE}; Max-Age=0"


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
def test_samesite_is_always_written_out(samesite: str) -> None:
    policy = CookiePolicy(secure=True, samesite=samesite)  # type: ignore[arg-type]
    assert f"; SameSite={samesite.capitalize()}".encode() in policy.set("token", None)


def test_samesite_none_without_secure_is_an_error() -> None:
    with pytest.raises(ValueError, match="Secure"):
        CookiePolicy(secure=False, samesite="none")


async def test_no_other_answer_touches_it(client: Client) -> None:
    await client.signed_in()
    for path in ("/api/me", "/api/session", "/api/session/data", "/api/public", "/nowhere"):
        assert "set-cookie" not in (await client.get(path)).headers, path


async def test_a_name_without_prefix_is_for_plain_http_only(start: Start) -> None:
    client = Client(await start(session_cookie_secure=False, session_samesite="lax"))
    await client.register()
    cookie = (await client.sign_in()).headers["set-cookie"]
    assert cookie.startswith("session=")
    assert "Secure" not in cookie


def test_one_that_a_browser_would_drop_for_its_size_is_an_error() -> None:
    policy = CookiePolicy(secure=True, samesite="lax")
    longest = "x" * (4096 - len(COOKIE))
    assert policy.set(longest, None)
    with pytest.raises(ValueError, match="4096"):
        policy.set(longest + "x", None)


async def test_it_is_found_among_others_with_or_without_a_space(client: Client) -> None:
    await client.signed_in()
    ours = f"{COOKIE}={client.token}"
    for header in (f"a=b; {ours}; c=d", f"a=b;{ours};c", f"{ours};", f"x={COOKIE}; {ours}"):
        assert (await client.send_cookie(header)).status_code == 200, header
