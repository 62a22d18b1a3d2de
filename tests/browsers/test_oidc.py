"""Sign-in with an account at a provider: a real one, on another site than the app."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.people import PASSWORD, sign_in, sign_out
from tests.browsers.providers import Provider

pytestmark = pytest.mark.slow

CHROMIUM = pytest.mark.parametrize("engine", ["chromium"], indirect=True)
LAX = {"session_backend": "database", "samesite": "lax", "identity": "email"}
NONE = {"session_backend": "redis", "samesite": "none", "identity": "username"}
STRICT = {"session_backend": "signed-cookie", "samesite": "strict", "identity": "email"}


def leave(page: Page, path: str = "/login") -> None:
    """Go to the provider by the button of a page."""
    page.goto(path)
    go_on(page)


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Continue with Corner Shop").click()


def choose_name(page: Page, name: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_role("button", name="Create account").click()


def is_home(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=f"Hello {name}")).to_be_visible()


def is_signed_out(page: Page) -> None:
    page.goto("/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@CHROMIUM
@pytest.mark.parametrize(
    "answers", [LAX, NONE, STRICT], ids=lambda answers: "-".join(answers.values())
)
def test_an_account_begins_at_a_provider_and_lives_here(
    serve_beside_provider: Serve,
    provider: Provider,
    visits: Visits,
    complaints: Complaints,
    alice: str,
    answers: dict[str, str],
) -> None:
    app = serve_beside_provider(**answers)
    page = visits.page(app)
    # Chromium notes on the console that a page was answered with an error.
    complaints.allow("status of 403")
    first, second = f"{alice}@example.com", f"{alice}@example.org"
    has_name = answers["identity"] == "username"
    name = alice if has_name else first

    # Sign up, sign out, sign in.
    leave(page, "/register")
    provider.sign_in(page, first)
    if has_name:
        choose_name(page, name)
    is_home(page, name)
    sign_out(page)
    leave(page, "/login?next=/account")
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    # Without a password, the provider is asked who it is, and the only way in cannot be removed.
    page.goto("/confirm?next=/account/delete")
    page.get_by_role("button", name="Continue with Corner Shop").click()
    provider.sign_in(page, first)
    expect(page.get_by_role("heading", name="Delete your account")).to_be_visible()
    page.goto("/account")
    listed = page.get_by_role("region", name="Linked accounts").get_by_role("listitem")
    expect(listed).to_have_count(1)
    expect(listed.get_by_role("button")).to_have_count(0)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("status")).to_contain_text("You have a password now")

    # Who signs out there is signed out here.
    provider.sign_out(page)
    is_signed_out(page)

    # Link another account, and unlink the first.
    sign_in(page, name)
    page.goto("/account")
    page.get_by_role("button", name="Add Corner Shop").click()
    provider.sign_in(page, second)
    expect(listed).to_have_count(2)
    listed.first.get_by_role("button", name=re.compile("^Remove Corner Shop")).click()
    expect(page.get_by_role("status")).to_contain_text("The account has been removed")
    expect(listed).to_have_count(1)
    sign_out(page)
    leave(page)
    is_home(page, name)


def test_who_changes_their_mind_there_is_told_so_here(
    serve_beside_provider: Serve, provider: Provider, visits: Visits, alice: str
) -> None:
    page = visits.page(serve_beside_provider(**LAX))
    leave(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_have_text("You were not signed in there.")
    # From where they are: Firefox may not be done with that page, and a new address would meet it.
    go_on(page)
    provider.sign_in(page, f"{alice}@unverified.test")
    expect(page.get_by_role("alert")).to_contain_text("has not verified an email address")
    provider.sign_out(page)
    leave(page)
    provider.sign_in(page, f"{alice}@example.com")
    is_home(page, f"{alice}@example.com")


@CHROMIUM
def test_two_tabs_go_to_the_provider_at_once(
    serve_beside_provider: Serve, provider: Provider, visits: Visits, alice: str
) -> None:
    app = serve_beside_provider(**LAX)
    context = visits.context(app)
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        leave(tab)
    for tab in tabs:
        provider.sign_in(tab, f"{alice}@example.com")
        is_home(tab, f"{alice}@example.com")


@CHROMIUM
def test_without_scripts_the_way_is_the_same(
    serve_beside_provider: Serve, provider: Provider, visits: Visits, alice: str
) -> None:
    app = serve_beside_provider(**STRICT)
    page = visits.page(app, java_script_enabled=False)
    leave(page)
    provider.sign_in(page, f"{alice}@example.com")
    is_home(page, f"{alice}@example.com")
