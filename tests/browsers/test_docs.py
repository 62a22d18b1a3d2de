"""The interactive documentation, in development: it sends the session along."""

import pytest
from playwright.sync_api import expect

from tests.browsers.conftest import Serve, Visits
from tests.browsers.people import sign_in

pytestmark = pytest.mark.slow


def test_who_has_signed_in_tries_the_api_from_its_documentation(
    serve: Serve, visits: Visits, alice: str
) -> None:
    app = serve()
    app.open_account(alice)
    page = visits.page(app)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, alice)
    page.goto("/docs")
    operation = page.locator(".opblock").filter(has=page.get_by_text("/api/me", exact=True))
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text(f'"username": "{alice}"')
    assert [url for url in asked if not url.startswith((app.origin, "data:"))] == []
