"""Links on another site lead into the app, signed in, whatever the cookie's policy is."""

import pytest
from playwright.sync_api import expect

from tests.answers import CHOICES
from tests.browsers.conftest import Serve, Visits
from tests.browsers.people import sign_in
from tests.browsers.sites import STRANGER, Sites

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("samesite", CHOICES["samesite"])
def test_a_link_on_another_site_opens_the_page_for_who_is_signed_in(
    serve_in_production: Serve, visits: Visits, sites: Sites, alice: str, samesite: str
) -> None:
    app = serve_in_production(samesite)
    app.open_account(alice)
    page = visits.page(app)
    sign_in(page, alice)
    page.goto(sites.put(STRANGER, f'<a href="{app.origin}/account">Follow me</a>'))
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    assert page.url == f"{app.origin}/account"
