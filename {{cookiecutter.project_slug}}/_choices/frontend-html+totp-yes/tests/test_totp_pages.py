"""The pages of a second factor, as people use them in a browser without JavaScript."""

import re
from html import unescape

import httpx2
import pytest
from fastapi import FastAPI

from app.config import PROJECT
from app.pages.pending import MAX_AGE_SECONDS
from app.services import Services
from tests.authenticator_app import STEP, WRONG_CODE, App
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, FIELD, MALLORY
from tests.test_links import NEW_PASSWORD
from tests.test_pages import Page, browser, submit

PENDING = f"__Host-{PROJECT['slug']}-sign-in"


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


@pytest.fixture
async def app_of(app: FastAPI, clock: Clock) -> App:
    """Return the authenticator app of Alice, who is signed in elsewhere."""
    return await App.set_up(await Client(app).signed_in(), clock)


async def begin(client: Client, name: str = ALICE, **more: str) -> httpx2.Response:
    """Type name and password."""
    return await submit(client, "/login", **{FIELD: name, "password": PASSWORD}, **more)


async def enter(client: Client, code: str) -> httpx2.Response:
    return await submit(client, "/login/code", code=code)


def copy_pending(giver: Client, taker: Client) -> None:
    """Bring the cookie of a sign-in under way into another browser."""
    taker.cookies.set(PENDING, giver.cookies[PENDING], domain="localhost.local", path="/")


async def test_a_person_sets_it_up_signs_in_with_a_code_and_turns_it_off(
    client: Client, clock: Clock
) -> None:
    await client.register()
    await begin(client)
    assert "Set up an authenticator app" in (await client.get("/account")).text
    assert "Turn off" not in (await client.get("/account/totp")).text
    seen = Page(await submit(client, "/account/totp"))
    [secret] = re.findall(r"<code>([A-Z2-7 ]+)</code>", seen.html)
    app = App(secret.replace(" ", ""), clock, [])
    wrong = await submit(client, "/account/totp/confirm", code=app.wrong_code())
    assert wrong.status_code == 403
    assert Page(wrong).texts["code-error"] == WRONG_CODE
    # The same secret is still there to be scanned.
    assert secret in wrong.text
    done = await submit(client, "/account/totp/confirm", code=app.code())
    codes = re.findall(r"<code>([a-z2-7-]{29})</code>", done.text)
    assert len(codes) == 10
    assert done.headers["cache-control"] == "no-store"
    assert Page(await client.get("/account")).texts["totp"].startswith("Authenticator app")
    assert 'class="badge">on<' in (await client.get("/account")).text
    await submit(client, "/logout")

    clock.turn(STEP)
    response = await begin(client, next="/account?tab=2")
    assert (response.status_code, response.headers["location"]) == (303, "/login/code")
    field = Page(await client.get("/login/code")).elements["code"]
    assert (field["autocomplete"], field["inputmode"]) == ("one-time-code", "numeric")
    wrong = await enter(client, app.wrong_code())
    assert (wrong.status_code, Page(wrong).texts["code-error"]) == (401, WRONG_CODE)
    response = await enter(client, app.code())
    assert (response.status_code, response.headers["location"]) == (303, "/account?tab=2")
    assert client.token
    assert PENDING not in client.cookies

    new = await submit(client, "/account/recovery-codes")
    assert not set(codes) & set(re.findall(r"<code>([a-z2-7-]{29})</code>", new.text))
    off = await submit(client, "/account/totp/off")
    assert (off.status_code, off.headers["location"]) == (303, "/account")
    assert "turned off" in str(Page(await client.get("/account")).flash)
    await submit(client, "/logout")
    assert (await begin(client)).headers["location"] == "/"


async def test_a_browser_that_keeps_no_cookie_is_told_so_at_the_second_step(
    client: Client, app_of: App
) -> None:
    fields = {FIELD: ALICE, "password": PASSWORD}
    navigating = {"upgrade-insecure-requests": "1"}
    way = (await client.post("/login", data=fields, headers=navigating)).headers["location"]
    assert (await client.get(way)).headers["location"] == "/login/code"
    seen = Page(await browser(client.app).get(way))
    assert "has not kept the cookie" in seen.texts["alert"]


async def test_a_recovery_code_does_as_well_and_remember_me_is_kept(
    client: Client, app_of: App
) -> None:
    await begin(client, remember="true")
    assert "/login/code?recovery=true" in (await client.get("/login/code")).text
    seen = Page(await client.get("/login/code?recovery=true"))
    # It has letters, which the keyboard for numbers of a phone lacks.
    assert "inputmode" not in seen.elements["code"]
    assert 'action="/login/code?recovery=true"' in seen.html
    response = await submit(client, "/login/code?recovery=true", code=app_of.recovery_codes[0])
    assert response.status_code == 303
    [cookie] = [each for each in response.headers.get_list("set-cookie") if COOKIE in each]
    assert "Max-Age=" in cookie


async def test_the_qr_code_is_drawn_in_the_page_and_asks_nobody_else(client: Client) -> None:
    await client.signed_in()
    response = await submit(client, "/account/totp")
    assert "<svg" in response.text
    assert "style=" not in response.text
    assert not re.findall(r'(?:src|href)="(?:https?:|//|data:)', response.text)
    [uri] = re.findall(r'href="(otpauth://[^"]+)"', response.text)
    assert unescape(uri).startswith("otpauth://totp/")


async def test_between_password_and_code_nobody_is_signed_in(client: Client, app_of: App) -> None:
    response = await begin(client)
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie.startswith(f"{PENDING}=")
    for part in ("HttpOnly", "Secure", "Path=/", "SameSite=lax", f"Max-Age={MAX_AGE_SECONDS}"):
        assert part in cookie
    assert client.token is None
    for path in ("/", "/account", "/account/totp", "/confirm"):
        assert (await client.get(path)).headers["location"].startswith("/login"), path
    assert (await client.get("/api/me")).status_code == 401
    # Nor is what leads to the second step a session token, or the other way round.
    assert not await client.opens(client.cookies[PENDING])
    thief = browser(client.app)
    signed_in = await Client(client.app).signed_in(MALLORY)
    thief.cookies.set(PENDING, str(signed_in.token), domain="localhost.local", path="/")
    assert (await enter(thief, app_of.code())).headers["location"] == "/login"


async def test_a_flash_message_is_no_sign_in_under_way(client: Client, app_of: App) -> None:
    await submit(client, "/logout")
    flash = client.cookies[f"__Host-{PROJECT['slug']}-flash"]
    client.cookies.set(PENDING, flash, domain="localhost.local", path="/")
    assert (await client.get("/login/code")).headers["location"] == "/login"


async def test_the_second_step_is_open_for_five_minutes(
    client: Client, app_of: App, clock: Clock
) -> None:
    assert MAX_AGE_SECONDS == 300
    await begin(client)
    clock.turn(299)
    assert (await client.get("/login/code")).status_code == 200
    # Whatever the browser thinks.
    pending = client.cookies[PENDING]
    clock.turn(1)
    client.cookies.set(PENDING, pending, domain="localhost.local", path="/")
    for response in (await client.get("/login/code"), await enter(client, app_of.code())):
        assert response.headers["location"] == "/login"
    assert client.token is None


async def test_a_second_step_of_a_clock_far_ahead_is_not_open_for_years(
    client: Client, app_of: App, clock: Clock
) -> None:
    year = 365 * 86_400
    clock.turn(year)
    await begin(client)
    clock.turn(-year)
    for response in (await client.get("/login/code"), await enter(client, app_of.code())):
        assert response.headers["location"] == "/login"
    assert client.token is None


@pytest.mark.parametrize("kind", ["totp", "recovery"])
async def test_once_an_account_is_gone_its_second_step_leads_back_to_the_first(
    client: Client, app_of: App, services: Services, kind: str
) -> None:
    await begin(client)
    await services.users.delete(ALICE)
    code = app_of.code() if kind == "totp" else app_of.recovery_codes[0]
    response = await enter(client, code)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert PENDING not in client.cookies


async def test_the_code_of_one_account_does_not_finish_the_sign_in_of_another(
    client: Client, app_of: App, clock: Clock
) -> None:
    attacker = browser(client.app)
    of_mallory = await App.set_up(await Client(client.app).signed_in(MALLORY), clock)
    await begin(attacker, ALICE)
    response = await enter(attacker, of_mallory.code())
    assert response.status_code == 401
    assert attacker.token is None
    # Nor the other way round: what was begun for Mallory ends with Mallory.
    await begin(attacker, MALLORY)
    await enter(attacker, of_mallory.code())
    assert (await attacker.get("/api/me")).json()[FIELD] == MALLORY


async def test_a_copied_second_step_takes_a_code_of_its_own(client: Client, app_of: App) -> None:
    await begin(client)
    thief = browser(client.app)
    copy_pending(client, thief)
    code = app_of.code()
    assert (await enter(client, code)).status_code == 303
    assert (await enter(thief, code)).status_code == 401
    assert thief.token is None


async def test_a_new_password_ends_a_sign_in_under_way(
    client: Client, services: Services, app_of: App
) -> None:
    await begin(client)
    await services.users.set_password(ALICE, NEW_PASSWORD)
    response = await enter(client, app_of.code())
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.token is None
    assert PENDING not in client.cookies


async def test_a_disabled_account_is_not_signed_in_by_the_second_step(
    client: Client, services: Services, app_of: App
) -> None:
    await begin(client)
    await services.users.disable(ALICE)
    assert (await enter(client, app_of.code())).headers["location"] == "/login"
    assert client.token is None


async def test_too_many_wrong_codes_are_told_on_the_page(client: Client, app_of: App) -> None:
    await begin(client)
    for _ in range(5):
        await enter(client, app_of.wrong_code())
    response = await enter(client, app_of.code())
    assert response.status_code == 429
    assert "Too many failed attempts" in Page(response).texts["code-error"]


async def test_what_needs_a_fresh_session_asks_for_a_code(
    client: Client, app_of: App, clock: Clock
) -> None:
    await begin(client)
    await enter(client, app_of.code())
    clock.turn(601)
    response = await client.get("/account/delete")
    assert response.status_code == 403
    seen = Page(response)
    assert "password" not in seen.elements
    assert seen.elements["code"]["autocomplete"] == "one-time-code"
    assert 'action="/confirm?next=/account/delete&amp;code=true"' in seen.html
    assert 'href="/confirm?next=/account/delete&amp;code=true&amp;recovery=true"' in seen.html
    lost = Page(await client.get("/confirm?next=/account/delete&recovery=true"))
    assert "inputmode" not in lost.elements["code"]
    assert 'action="/confirm?next=/account/delete&amp;code=true&amp;recovery=true"' in lost.html
    assert "code" in Page(await client.get("/confirm")).elements
    refused = await submit(client, "/confirm", password=PASSWORD, next="/account/delete")
    assert refused.status_code == 403
    assert "not enough" in Page(refused).texts["code-error"]
    wrong = await submit(client, "/confirm", code=app_of.wrong_code(), next="/account/delete")
    assert (wrong.status_code, Page(wrong).texts["code-error"]) == (403, WRONG_CODE)
    right = await submit(client, "/confirm", code=app_of.code(), next="/account/delete")
    assert (right.status_code, right.headers["location"]) == (303, "/account/delete")
    assert (await client.get("/account/delete")).status_code == 200


async def test_without_a_second_factor_a_password_confirms(client: Client, clock: Clock) -> None:
    await client.signed_in()
    clock.turn(601)
    seen = Page(await client.get("/account/totp"))
    assert "code" not in seen.elements
    response = await submit(client, "/confirm", password=PASSWORD, next="/account/totp")
    assert (response.status_code, response.headers["location"]) == (303, "/account/totp")
    wrong = await submit(client, "/confirm", password="not the right password")
    assert Page(wrong).texts["password-error"] == "Wrong password."
    assert (await client.get("/account/totp")).status_code == 200
