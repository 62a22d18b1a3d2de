"""The pages, as a browser without JavaScript uses them."""

import re

import httpx2
import pytest

from app.web.redirects import safe_next
from tests.browser import COOKIE, PASSWORD, Browser
from tests.conftest import Clock, Start

NEW_PASSWORD = "quite another set of words"


async def submit(browser: Browser, path: str, **fields: str) -> httpx2.Response:
    headers = {"sec-fetch-site": "same-origin"}
    return await browser.post(path, data=fields, headers=headers)


async def test_register_sign_in_look_around_and_sign_out(browser: Browser) -> None:
    response = await submit(browser, "/register", username="alice", password=PASSWORD)
    assert (response.status_code, response.headers["location"]) == (303, "/login?registered=1")
    assert "Your account is open" in (await browser.get("/login?registered=1")).text

    response = await submit(browser, "/login", username="alice", password=PASSWORD)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "Hello alice" in (await browser.get("/")).text
    assert "Change password" in (await browser.get("/account")).text

    copied = browser.ticket
    response = await submit(browser, "/logout")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert browser.ticket is None
    assert not await browser.opens(copied)
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("path", ["/", "/account"])
async def test_a_page_leads_to_sign_in_and_back(browser: Browser, path: str) -> None:
    response = await browser.get(path)
    assert response.status_code == 303
    assert response.headers["location"] == f"/login?next={path}"
    assert f'name="next" value="{path}"' in (await browser.get(f"/login?next={path}")).text
    await browser.register()
    response = await submit(browser, "/login", username="alice", password=PASSWORD, next=path)
    assert response.headers["location"] == path


async def test_a_wrong_form_is_shown_again_with_its_message_and_status(browser: Browser) -> None:
    await browser.register("alice")
    wrong = "not the right password"
    for path, fields, status, message in (
        ("/login", {"username": "alice", "password": wrong}, 401, "Wrong user name or password"),
        ("/login", {}, 422, "A user name is needed"),
        ("/register", {"username": "bob", "password": "short"}, 422, "at least 15 characters"),
        ("/register", {"username": "ALICE", "password": PASSWORD}, 409, "is taken"),
    ):
        response = await submit(browser, path, **fields)
        assert response.status_code == status
        assert message in response.text
        assert f'name="username" value="{fields.get("username", "")}"' in response.text
        assert wrong not in response.text
        assert ("www-authenticate" in response.headers) == (status == 401)


async def test_the_sign_in_form_says_how_long_to_wait(browser: Browser) -> None:
    for _ in range(5):
        await submit(browser, "/login", username="alice", password="not the right password")
    response = await submit(browser, "/login", username="alice", password=PASSWORD)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "900"
    assert "Try again in 900 seconds" in response.text


async def test_remember_me_is_a_box_to_tick(browser: Browser) -> None:
    await browser.register()
    response = await submit(browser, "/login", username="alice", password=PASSWORD, remember="true")
    assert "Max-Age" in response.headers["set-cookie"]


async def test_the_password_form(browser: Browser) -> None:
    await browser.signed_in()
    wrong = "not the right password"
    fields = {"current_password": wrong, "new_password": NEW_PASSWORD}
    response = await submit(browser, "/account", **fields)
    assert response.status_code == 403
    assert "not your password" in response.text
    before = browser.ticket
    fields["current_password"] = PASSWORD
    response = await submit(browser, "/account", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/account?changed=1")
    assert "Your password is changed" in (await browser.get("/account?changed=1")).text
    assert browser.ticket != before


async def test_a_password_form_that_is_sent_after_logout_elsewhere_leads_to_sign_in(
    browser: Browser,
) -> None:
    await browser.signed_in()
    await browser.app.state.services.accounts.end_sessions("alice")
    fields = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = await submit(browser, "/account", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/login")


#{% if cookiecutter.session_backend != "signed-cookie" %}
async def test_another_device_is_signed_out_from_the_account_page(
    browser: Browser, other: Browser
) -> None:
    await browser.signed_in()
    await other.sign_in()
    page = (await browser.get("/account")).text
    assert "192.0.2.1" in page
    [action] = re.findall(r'action="(/account/sessions/[0-9a-f]{64}/end)"', page)
    assert (await submit(browser, action)).status_code == 303
    assert not await other.is_signed_in()
    assert (await submit(browser, action)).status_code == 404


async def test_signing_out_this_device_from_the_list_deletes_its_cookie(browser: Browser) -> None:
    await browser.signed_in()
    here = (await browser.get("/api/session")).json()["id"]
    assert (await submit(browser, f"/account/sessions/{here.upper()}/end")).status_code == 303
    assert browser.ticket is None


#{% endif %}
async def test_the_form_ends_the_session_that_it_was_sent_with(
    browser: Browser, other: Browser
) -> None:
    await browser.signed_in("alice")
    await other.signed_in("mallory")
    planted = str(other.ticket)
    headers = {"cookie": f"{COOKIE}={planted}"}
    fields = {"username": "alice", "password": PASSWORD}
    response = await Browser(browser.app).post("/login", data=fields, headers=headers)
    assert response.status_code == 303
    assert planted not in response.headers["set-cookie"]
    assert not await browser.opens(planted)


async def test_the_way_back_keeps_the_query_of_a_page(browser: Browser) -> None:
    response = await browser.get("/account?changed=1")
    assert response.headers["location"] == "/login?next=/account%3Fchanged%3D1"
    page = (await browser.get(response.headers["location"])).text
    assert 'name="next" value="/account?changed=1"' in page


async def test_all_other_devices_are_signed_out_at_once(browser: Browser, other: Browser) -> None:
    await browser.signed_in()
    await other.sign_in()
    assert (await submit(browser, "/account/sessions/end-others")).status_code == 303
    assert not await other.is_signed_in()
    assert await browser.is_signed_in()


async def test_somebody_who_is_signed_in_does_not_see_the_sign_in_form(browser: Browser) -> None:
    await browser.signed_in()
    response = await browser.get("/login?next=/account")
    assert (response.status_code, response.headers["location"]) == (303, "/account")


async def test_a_hostile_name_is_shown_as_text(browser: Browser) -> None:
    name = "<script>alert(1)</script>\"'"
    await browser.signed_in(name)
    for path in ("/", "/account"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


async def test_a_page_that_is_not_there_is_a_page(browser: Browser) -> None:
    response = await browser.get("/nowhere")
    assert response.status_code == 404
    assert "<h1>Not Found</h1>" in response.text
    assert (await browser.get("/api/nowhere")).json() == {"detail": "Not Found"}


async def test_a_form_that_is_no_form_is_refused_with_a_page(browser: Browser) -> None:
    response = await submit(browser, "/login", username="a" * 1025)
    assert response.status_code == 422
    assert "<h1>" in response.text


@pytest.mark.parametrize(
    "path", ["/", "/account", "/account?changed=1", "/a/b?c=d&e=%20", "/stra%C3%9Fe/a%20b"]
)
def test_next_leads_to_a_path_of_this_app(path: str) -> None:
    assert safe_next(path) == path


async def test_the_style_is_served_from_here_and_no_page_has_any_inline(
    browser: Browser,
) -> None:
    await browser.signed_in()
    assert (await browser.get("/static/style.css")).status_code == 200
    assert (await browser.get("/static/../main.py")).status_code == 404
    for path in ("/", "/account", "/nowhere"):
        page = (await browser.get(path)).text
        assert not re.search(r"<style|<script|style=|\son\w+=|https?://", page), path


async def test_no_page_that_depends_on_a_session_is_stored(browser: Browser) -> None:
    responses = [await browser.get(path) for path in ("/", "/login", "/account")]
    await browser.signed_in()
    responses += [await browser.get(path) for path in ("/", "/login", "/account")]
    for response in responses:
        assert response.headers["cache-control"] == "no-store", response.url
        assert "Cookie" in response.headers["vary"], response.url


async def test_an_error_of_last_resort_is_a_page_without_details(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret details")

    monkeypatch.setattr(browser.app.state.services.sessions, "resume_with_user", broken)
    response = await browser.send_cookie(f"{COOKIE}=x", "/")
    assert response.status_code == 500
    assert response.headers["content-type"].startswith("text/html")
    assert "secret details" not in response.text


async def test_registration_can_be_closed(start: Start) -> None:
    browser = Browser(await start(allow_registration=False))
    assert (await browser.get("/register")).status_code == 403
    assert (await browser.post("/register")).status_code == 403
    assert "/register" not in (await browser.get("/login")).text


async def test_a_page_costs_what_a_route_costs(browser: Browser, statements: list[str]) -> None:
    await browser.signed_in()
    statements.clear()
    assert (await browser.get("/api/me")).status_code == 200
    of_a_route = list(statements)
    statements.clear()
    assert (await browser.get("/")).status_code == 200
    assert statements == of_a_route


async def test_a_page_is_503_while_the_database_is_out_of_reach(
    start: Start, browser: Browser, unreachable_database_url: str
) -> None:
    await browser.signed_in()
    cut_off = Browser(await start(database_url=unreachable_database_url))
    response = await cut_off.send_cookie(f"{COOKIE}={browser.ticket}", "/account")
    assert response.status_code in (303, 503)
    assert (await cut_off.get("/login")).status_code == 200


async def test_a_page_that_wants_a_fresh_proof_asks_for_it_and_leads_back(
    browser: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    clock.turn(601)
    for method, back in (("GET", "/account/delete"), ("POST", "/")):
        refused = await browser.request(method, "/account/delete")
        assert refused.status_code == 403
        assert "<h1>Confirm your password</h1>" in refused.text
        assert f'name="next" value="{back}"' in refused.text
    fields = {"password": "not the right password", "next": "/account/delete"}
    wrong = await submit(browser, "/confirm", **fields)
    assert wrong.status_code == 403
    assert "not your password" in wrong.text
    assert 'name="next" value="/account/delete"' in wrong.text
    fields["password"] = PASSWORD
    confirmed = await submit(browser, "/confirm", **fields)
    assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/account/delete")
    assert "Delete the account" in (await browser.get("/account/delete")).text
    assert "Confirm your password" in (await browser.get("/confirm")).text


async def test_an_account_is_deleted_by_its_form(browser: Browser) -> None:
    await browser.signed_in()
    response = await submit(browser, "/account/delete")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert browser.ticket is None
    assert (await browser.sign_in()).status_code == 401
