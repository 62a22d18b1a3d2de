"""A person at a real browser."""

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Bake

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "quite another set of words"

pytestmark = pytest.mark.slow


def sign_in(page: Page, url: str, password: str = PASSWORD) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Hello alice")).to_be_visible()


def test_a_visit_from_registering_to_signing_out(ready: Bake, chromium: Browser) -> None:
    project = ready()
    with project.database() as variables, project.serving(variables=variables) as server:
        here, there = chromium.new_context(), chromium.new_context()
        page, elsewhere = here.new_page(), there.new_page()
        complaints: list[str] = []
        for each in (page, elsewhere):
            each.on("console", lambda message: complaints.append(message.text))
            each.on("pageerror", lambda error: complaints.append(str(error)))

        page.goto(server.url)
        page.get_by_role("link", name="Register").click()
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Register").click()
        expect(page.get_by_role("status")).to_have_text("Your account is open. Sign in to start.")

        sign_in(page, server.url)
        [cookie] = here.cookies()
        assert cookie["name"] == "__Host-Http-session"
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
        assert (cookie["path"], cookie["domain"], cookie["expires"]) == ("/", "localhost", -1)
        assert page.evaluate("document.cookie") == ""

        page.goto(f"{server.url}/account")
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_role("status")).to_contain_text("Your password is changed")
        [renewed] = here.cookies()
        assert renewed["value"] != cookie["value"]

        sign_in(elsewhere, server.url, NEW_PASSWORD)
        page.reload()
        expect(page.get_by_role("listitem")).to_have_count(2)
        page.get_by_role("button", name="Sign out 127.0.0.1").click()
        expect(page.get_by_role("listitem")).to_have_count(1)
        elsewhere.reload()
        expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()

        page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert here.cookies() == []
        copied = {"cookie": f"{cookie['name']}={renewed['value']}"}
        assert httpx2.get(f"{server.url}/api/me", headers=copied).status_code == 401
        assert complaints == []


def test_a_wrong_password_is_told_and_the_name_is_kept(ready: Bake, chromium: Browser) -> None:
    project = ready()
    with project.database() as variables, project.serving(variables=variables) as server:
        page = chromium.new_context().new_page()
        page.goto(f"{server.url}/login")
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill("not the right password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("Wrong user name or password.")
        expect(page.get_by_label("User name")).to_have_value("alice")
        expect(page.get_by_label("Password")).to_have_value("")
