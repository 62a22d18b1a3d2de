"""Flash messages: what the next page says about what was just done."""

import hashlib

import pytest
from fastapi import FastAPI, Request, Response
from itsdangerous import URLSafeSerializer

from app.config import PROJECT
from app.pages.flash import MAX_AGE_SECONDS, set_flash
from app.pages.redirects import see_other
from app.pages.templating import page
from tests.client import Client
from tests.conftest import KEY, Clock, Start
from tests.test_pages import Page
from tests.test_strict_links import FOLLOWED
from tests.test_token import OLD_KEY

NAME = f"__Host-{PROJECT['slug']}-flash"
SALT = "app.pages.flash"
TEXT = "Your note <b>has</b> been saved."
YEAR = 365 * 86_400


def with_pages(app: FastAPI) -> Client:
    """Return a client of an app that has a form, and a page that depends on no session."""

    @app.post("/test/notes")
    async def save(request: Request) -> Response:
        return see_other(request, "/test/notes", flash=TEXT)

    @app.get("/test/notes")
    async def show(request: Request) -> Response:
        return page(request, "base.html")

    return Client(app)


@pytest.fixture
def client(app: FastAPI) -> Client:
    return with_pages(app)


def sign(value: object, key: str = KEY, salt: str = SALT) -> str:
    """Return what the cookie would hold if somebody signed it with another key or salt."""
    sha256 = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return str(URLSafeSerializer(key, salt=salt, signer_kwargs=sha256).dumps(value))


async def shown(client: Client, cookie: str) -> str | None:
    """Return what a page says to a browser with this cookie."""
    client.cookies.set(NAME, cookie, domain="localhost.local", path="/")
    return Page(await client.get("/test/notes")).flash


async def test_a_flash_message_is_shown_by_the_next_page_and_by_no_other(client: Client) -> None:
    response = await client.post("/test/notes")
    assert (response.status_code, response.headers["location"]) == (303, "/test/notes")
    response = await client.get("/test/notes")
    assert Page(response).flash == TEXT
    assert response.headers["cache-control"] == "no-store"
    assert NAME not in client.cookies
    response = await client.get("/test/notes")
    assert Page(response).flash is None
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-cache"


async def test_any_response_can_carry_a_flash_message(client: Client) -> None:
    @client.app.post("/test/any")
    async def respond(request: Request) -> Response:
        response = Response("done")
        set_flash(request, response, TEXT)
        return response

    assert (await client.post("/test/any")).text == "done"
    assert Page(await client.get("/test/notes")).flash == TEXT


async def test_the_flash_cookie_is_for_this_host_and_no_script_and_is_deleted_as_it_was_set(
    client: Client,
) -> None:
    attributes = {"HttpOnly", "Path=/", "SameSite=lax", "Secure"}
    for method, age in (("POST", MAX_AGE_SECONDS), ("GET", 0)):
        response = await client.request(method, "/test/notes")
        [cookie] = response.headers.get_list("set-cookie")
        value, *found = [part for part in cookie.split("; ") if not part.startswith("expires=")]
        assert value.startswith(f"{NAME}=")
        assert {*found} == {*attributes, f"Max-Age={age}"}


async def test_without_secure_the_flash_cookie_has_a_name_that_browsers_keep(start: Start) -> None:
    client = with_pages(await start(session_cookie_secure=False, session_samesite="lax"))
    response = await client.post("/test/notes")
    assert response.headers["set-cookie"].startswith(f"{PROJECT['slug']}-flash=")
    assert "Secure" not in response.headers["set-cookie"]
    assert Page(await client.get("/test/notes")).flash == TEXT


async def test_the_text_of_a_flash_message_is_escaped(client: Client) -> None:
    await client.post("/test/notes")
    assert "&lt;b&gt;has&lt;/b&gt;" in (await client.get("/test/notes")).text


async def test_a_forged_flash_message_is_not_shown_and_its_cookie_is_deleted(
    client: Client, clock: Clock
) -> None:
    good = [TEXT, clock() + MAX_AGE_SECONDS]
    assert await shown(client, sign(good)) == TEXT
    await client.signed_in()
    payload, _, signature = sign(good).rpartition(".")
    forged = [
        TEXT,
        "x",
        ".",
        payload,
        f"{payload}.{signature[::-1]}",
        f"{sign([TEXT, clock() + 9]).rpartition('.')[0]}.{signature}",
        sign(good, key=OLD_KEY),
        sign(good, salt="app.pages.other"),
        sign(good, salt="itsdangerous"),
        str(client.token),
    ]
    for cookie in forged:
        assert await shown(client, cookie) is None, cookie
        assert NAME not in client.cookies


async def test_a_flash_message_is_shown_for_a_minute_and_no_longer(
    client: Client, clock: Clock
) -> None:
    await client.post("/test/notes")
    cookie = client.cookies[NAME]
    clock.turn(MAX_AGE_SECONDS - 1)
    assert await shown(client, cookie) == TEXT
    # Whatever the browser makes of Max-Age.
    clock.turn(1)
    assert await shown(client, cookie) is None


async def test_a_flash_message_of_a_clock_far_ahead_is_not_shown(
    client: Client, clock: Clock
) -> None:
    clock.turn(YEAR)
    await client.post("/test/notes")
    clock.turn(-YEAR)
    assert await shown(client, client.cookies[NAME]) is None


async def test_no_link_can_make_a_page_say_something(client: Client) -> None:
    query = "?changed=1&registered=1&flash=x&status=x&text=x&next=/account"
    assert Page(await client.get(f"/login{query}")).flash is None
    await client.signed_in()
    for path in ("/", "/account", "/test/notes"):
        assert Page(await client.get(f"{path}{query}")).flash is None, path


async def test_a_flash_message_opens_no_session(client: Client) -> None:
    await client.post("/test/notes")
    assert not await client.opens(client.cookies[NAME])


async def test_the_newest_key_signs_flash_messages_and_all_verify_them(
    start: Start, clock: Clock
) -> None:
    client = with_pages(await start(secret_keys=[KEY, OLD_KEY]))
    good = [TEXT, clock() + MAX_AGE_SECONDS]
    assert await shown(client, sign(good, key=OLD_KEY)) == TEXT
    await client.post("/test/notes")
    assert client.cookies[NAME] == sign(good)


async def test_a_flash_message_costs_no_statement(client: Client, statements: list[str]) -> None:
    await client.post("/test/notes")
    await client.get("/test/notes")
    assert statements == []


async def test_the_api_leaves_a_flash_message_to_the_next_page(client: Client) -> None:
    await client.signed_in()
    await client.post("/test/notes")
    for path in ("/api/me", "/api/nowhere"):
        assert "set-cookie" not in (await client.get(path)).headers
    assert Page(await client.get("/test/notes")).flash == TEXT


async def test_a_page_that_only_opens_a_link_again_leaves_a_flash_message_to_that(
    start: Start,
) -> None:
    client = with_pages(await start(session_samesite="strict"))
    await client.post("/test/notes")
    response = await client.get("/test/notes", headers=FOLLOWED)
    assert "http-equiv" in response.text
    assert Page(response).flash is None
    assert Page(await client.get("/test/notes")).flash == TEXT
