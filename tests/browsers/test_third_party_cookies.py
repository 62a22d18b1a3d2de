"""A front end on another site, in browsers that treat third-party cookies in different ways."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright

from tests.browsers.conftest import Complaints, Serve, Stored
from tests.browsers.engines import Cookies, open_profile, require
from tests.browsers.people import PASSWORD, App
from tests.browsers.sites import FRONT_END, Sites
from tests.documents import Document

pytestmark = pytest.mark.slow

# The rows of the table in the generated README.md.
BROWSERS: dict[str, tuple[str, Cookies]] = {
    "Chromium that allows third-party cookies": ("chromium", "allowed"),
    "Chromium that blocks them, as in Incognito": ("chromium", "blocked"),
    "Chromium as Debian ships it": ("chromium", "default"),
    "Firefox with its own defaults": ("firefox", "default"),
    "Firefox that blocks all third-party cookies": ("firefox", "blocked"),
}

SIGN_IN = """async ([app, account]) => {
  const options = {credentials: "include", headers: {"content-type": "application/json"}};
  const login = await fetch(app + "/api/login", {...options, method: "POST", body: account});
  const me = await fetch(app + "/api/me", options);
  return [login.status, await login.text(), me.status];
}"""


def outcome(page: Page, app: App, name: str) -> str:
    """Sign in from the page, ask who that is, and return what came of it, in a few words."""
    account = json.dumps({"username": name, "password": PASSWORD})
    status, text, then = page.evaluate(SIGN_IN, [app.origin, account])
    if status == 403 and then == 401 and "SESSION_PARTITIONED=true" in text:
        return "403 that says why"
    return f"{status}, then {then}"


@pytest.mark.parametrize("browser", BROWSERS)
def test_a_sign_in_from_another_site_ends_as_the_readme_says(
    playwright: Playwright,
    stored: Callable[..., Stored],
    serve_in_production: Serve,
    sites: Sites,
    complaints: Complaints,
    alice: str,
    tmp_path: Path,
    browser: str,
) -> None:
    engine, cookies = BROWSERS[browser]
    require(engine)
    complaints.allow(sites.origin(FRONT_END))
    seen = []
    profile = open_profile(playwright, engine, tmp_path, cookies=cookies)
    with complaints.of(profile) as context:
        page = context.new_page()
        for partitioned in (True, False):
            app = serve_in_production("none", partitioned=partitioned, frontend="api")
            if partitioned:
                app.open_account(alice)
            context.clear_cookies()
            page.goto(sites.put(FRONT_END))
            seen.append(outcome(page, app, alice))
    project, _ = stored(frontend="api")
    [table] = [
        rows
        for header, *rows in Document(project.path / "README.md").tables
        if header[0] == "browser"
    ]
    assert {name: told for name, *told in table}.keys() == BROWSERS.keys()
    assert [browser, *seen] in table
