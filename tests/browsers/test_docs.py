"""The interactive documentation, in development: it sends the session along."""

from importlib.resources import files

import pytest
from playwright.sync_api import Route, expect

from tests.browsers.conftest import Serve, Visits
from tests.browsers.people import sign_in

pytestmark = pytest.mark.slow

# Swagger UI as the CDN has it, for there is no network in tests.
ASSETS = files("swagger_ui") / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}


def from_here(route: Route) -> None:
    """Answer for the CDN, which lets other sites use its files."""
    name = route.request.url.rpartition("/")[2]
    if name == "favicon.png":
        name = "favicon-32x32.png"
    route.fulfill(
        body=(ASSETS / name).read_bytes(),
        content_type=TYPES["." + name.rpartition(".")[2]],
        headers={"Cross-Origin-Resource-Policy": "cross-origin"},
    )


def test_who_has_signed_in_tries_the_api_from_its_documentation(
    serve: Serve, visits: Visits, alice: str
) -> None:
    app = serve()
    app.open_account(alice)
    page = visits.page(app)
    for elsewhere in ("https://cdn.jsdelivr.net/**", "https://fastapi.tiangolo.com/**"):
        page.context.route(elsewhere, from_here)
    sign_in(page, alice)
    page.goto("/docs")
    operation = page.locator(".opblock").filter(has=page.get_by_text("/api/me", exact=True))
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text(f'"username": "{alice}"')
