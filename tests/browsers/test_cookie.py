"""The cookie in real browsers: how it is kept, for how long, and from whom."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.answers import CHOICES
from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.engines import open_profile
from tests.browsers.people import COOKIE, has_cookies, sign_in, sign_out
from tests.browsers.sites import APP

PARTITION = ("partitionKey", "_crHasCrossSiteAncestor")
REMEMBERED_SECONDS = 30 * 24 * 3600

pytestmark = pytest.mark.slow


def check_cookie(context: BrowserContext, domain: str, samesite: str, expires: float = -1) -> None:
    """See that the one cookie is kept just so. expires: Unix time in seconds; -1 for never."""
    [cookie] = context.cookies()
    # Chromium alone tells of the partition, and with which frames.
    kept = {name: value for name, value in cookie.items() if name not in PARTITION}
    assert cookie.keys().isdisjoint(PARTITION) or samesite == "none"
    assert kept == {
        "name": COOKIE,
        "value": cookie["value"],
        "domain": domain,
        "path": "/",
        "expires": pytest.approx(expires, abs=60),
        "httpOnly": True,
        "secure": True,
        "sameSite": samesite.capitalize(),
    }


def check_unreadable(page: Page) -> None:
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("cookieStore.getAll()") == []


@pytest.mark.parametrize("samesite", CHOICES["samesite"])
def test_the_cookie_is_kept_as_it_was_set_and_hidden_from_scripts(
    serve_in_production: Serve, visits: Visits, alice: str, samesite: str
) -> None:
    app = serve_in_production(samesite)
    app.open_account(alice)
    page = visits.page(app)
    sign_in(page, alice)
    check_cookie(page.context, APP, samesite)
    check_unreadable(page)
    sign_out(page)
    assert not has_cookies(page.context)
    sign_in(page, alice, remember=True)
    check_cookie(page.context, APP, samesite, time.time() + REMEMBERED_SECONDS)
    check_unreadable(page)
    sign_out(page)
    assert not has_cookies(page.context)


def test_after_signing_out_the_back_button_shows_nothing_of_before(
    serve: Serve, visits: Visits, alice: str
) -> None:
    app = serve()
    app.open_account(alice)
    page = visits.page(app)
    sign_in(page, alice)
    check_cookie(page.context, "localhost", "Lax")
    check_unreadable(page)
    page.goto("/account")
    sign_out(page)
    assert not has_cookies(page.context)
    for _ in range(2):
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert alice not in page.content()


@pytest.mark.parametrize("remember", [True, False])
def test_a_restart_of_the_browser_ends_what_it_was_not_to_remember(
    serve: Serve,
    playwright: Playwright,
    engine: str,
    complaints: Complaints,
    alice: str,
    tmp_path: Path,
    remember: bool,
) -> None:
    app = serve()
    app.open_account(alice)
    with complaints.of(open_profile(playwright, engine, tmp_path, app.origin)) as context:
        sign_in(context.new_page(), alice, remember=remember)
    with complaints.of(open_profile(playwright, engine, tmp_path, app.origin)) as context:
        page = context.new_page()
        page.goto("/")
        heading = f"Hello {alice}" if remember else "Sign in"
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
