"""The pages over the users, for administrators."""

import json
import re

import pytest
from fastapi import FastAPI

from app.models import MAX_ID
from app.pages import admin
from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB, CAROL, DAVE
from tests.routes import ADMIN_ACTIONS
from tests.test_pages import Page, browser, submit

# Ids go up: who is made first has the first.
ADMIN_ID, ALICE_ID = 1, 2
PATHS = [f"/admin/users/{ALICE_ID}/{each}" for each in ADMIN_ACTIONS]


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


@pytest.fixture
async def dave(client: Client, other: Client) -> Client:
    """Return the browser of an administrator; Alice has an account as well, and is signed in."""
    await client.signed_in(DAVE, role="admin")
    await other.signed_in(ALICE)
    return client


async def state_of_alice(browser: Client) -> tuple[bool, int]:
    """Return whether the account is enabled, and the version of its sessions."""
    user = await browser.app.state.services.users.find(ALICE)
    return user.is_active, user.session_version


def names(html: str) -> list[str]:
    """Return the names that a list of users shows."""
    return re.findall(r'<a href="/admin/users/\d+"><bdi>(.*?)</bdi>', html)


async def test_nobody_but_an_administrator_gets_beyond_a_403(dave: Client) -> None:
    before = await state_of_alice(dave)
    carol = await browser(dave.app).signed_in(CAROL)
    assert (await dave.get("/account")).text.count("/admin/users") == 1
    assert "/admin/users" not in (await carol.get("/account")).text
    for path in ("/admin/users", f"/admin/users/{ALICE_ID}", "/admin/users/999"):
        assert (await carol.get(path)).status_code == 403, path
        assert (await browser(dave.app).get(path)).status_code == 303, path
    for path in PATHS:
        assert (await submit(carol, path)).status_code == 403, path
    assert await state_of_alice(dave) == before


async def test_a_change_requires_a_session_that_is_fresh(dave: Client, clock: Clock) -> None:
    before = await state_of_alice(dave)
    clock.turn(601)
    assert (await dave.get("/admin/users")).status_code == 200
    refused = await dave.get(f"/admin/users/{ALICE_ID}")
    assert refused.status_code == 403
    assert f'name="next" value="/admin/users/{ALICE_ID}"' in refused.text
    for path in PATHS:
        refused = await submit(dave, path)
        assert refused.status_code == 403, path
        assert "<h1>Confirm your password</h1>" in refused.text
    assert await state_of_alice(dave) == before


async def test_another_site_changes_nothing(dave: Client) -> None:
    before = await state_of_alice(dave)
    for path in PATHS:
        response = await dave.post(path, headers={"sec-fetch-site": "cross-site"})
        assert response.status_code == 403, path
    assert await state_of_alice(dave) == before


async def test_accounts_are_found_by_part_of_their_name(dave: Client) -> None:
    await browser(dave.app).signed_in(BOB)
    assert names((await dave.get("/admin/users")).text) == [DAVE, ALICE, BOB]
    part = ALICE[1:4].upper()
    assert names((await dave.get("/admin/users", params={"q": f" {part} "})).text) == [ALICE]
    for wildcard in ("%", "_", "<b>"):
        page = (await dave.get("/admin/users", params={"q": wildcard})).text
        assert names(page) == []
        assert "No name contains" in page
        assert "<b>" not in page
    for wrong in ({"q": "\0"}, {"after": -1}, {"after": MAX_ID + 1}):
        assert (await dave.get("/admin/users", params=wrong)).status_code == 422


async def test_many_accounts_are_listed_in_pages(
    dave: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser(dave.app).signed_in(BOB)
    monkeypatch.setattr(admin, "USERS_ON_A_PAGE", 2)
    page = (await dave.get("/admin/users")).text
    assert names(page) == [DAVE, ALICE]
    assert "First page" not in page
    [link] = re.findall('href="([^"]*)">Next page', page)
    page = (await dave.get(link.replace("&amp;", "&"))).text
    assert names(page) == [BOB]
    assert "First page" in page
    assert "Next page" not in page


async def test_an_account_is_disabled_and_enabled_again(dave: Client, other: Client) -> None:
    place = f"/admin/users/{ALICE_ID}"
    response = await submit(dave, f"{place}/disable")
    assert (response.status_code, response.headers["location"]) == (303, place)
    page = Page(await dave.get(place))
    assert page.flash == "The account is disabled, and signed out everywhere."
    assert "Enable" in page.html
    assert "Create reset link" not in page.html
    assert not await other.is_signed_in()
    assert (await other.sign_in(ALICE)).status_code == 401
    assert (await submit(dave, f"{place}/reset-link")).status_code == 422
    assert (await submit(dave, f"{place}/enable")).status_code == 303
    assert (await other.sign_in(ALICE, PASSWORD)).status_code == 200


async def test_somebody_is_signed_out_everywhere(dave: Client, other: Client) -> None:
    assert (await submit(dave, f"/admin/users/{ALICE_ID}/end-sessions")).status_code == 303
    assert not await other.is_signed_in()
    assert await dave.is_signed_in()


async def test_a_reset_link_is_shown_once_and_works_once(dave: Client) -> None:
    place = f"/admin/users/{ALICE_ID}"
    response = await submit(dave, f"{place}/reset-link")
    [link] = re.findall(r'<code class="once">(http\S+/reset\?token=\S+)</code>', response.text)
    assert response.headers["cache-control"] == "no-store"
    assert "token=" not in (await dave.get(place)).text
    body = {"token": link.partition("token=")[2], "new_password": "quite another set of words"}
    assert (await dave.post("/api/password/reset", json=body)).status_code == 204
    assert (await dave.post("/api/password/reset", json=body)).status_code == 422


async def test_administrators_do_nothing_to_themselves(dave: Client) -> None:
    assert "your own account" in (await dave.get(f"/admin/users/{ADMIN_ID}")).text
    for action in ADMIN_ACTIONS:
        response = await submit(dave, f"/admin/users/{ADMIN_ID}/{action}")
        assert response.status_code == 403, action
        assert "your own account" in response.text
    assert await dave.is_signed_in()


async def test_an_account_that_does_not_exist_is_a_404(dave: Client) -> None:
    assert (await dave.get("/admin/users/999")).status_code == 404
    assert (await submit(dave, "/admin/users/999/disable")).status_code == 404


async def test_the_security_log_names_the_administrator(
    dave: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    # Even what is refused is forgotten with its request.
    for action in ("reset-link", "end-sessions", "disable", "reset-link", "enable", "reset-link"):
        await submit(dave, f"/admin/users/{ALICE_ID}/{action}")
    records = [each for each in caplog.records if each.name == "app.security"]
    events = [json.loads(each.getMessage()) for each in records]
    assert {"authn_token_created", "session_expired", "user_archived", "user_updated"} == {
        each["event"] for each in events
    }
    assert {(each["actor"], each["administrator"]) for each in events} == {(ALICE_ID, ADMIN_ID)}
    # What comes after it is somebody's own doing again.
    caplog.clear()
    await browser(dave.app).sign_in(BOB, "not the right password")
    assert "authn_login_fail" in caplog.text
    assert "administrator" not in caplog.text
