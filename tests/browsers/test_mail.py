"""People who sign in with an address: each link of a mail is followed, from wherever it is read."""

import pytest
from playwright.sync_api import Page, expect

from tests.answers import CHOICES
from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.people import NEW_PASSWORD, PASSWORD, fill_in, sign_in, sign_out
from tests.browsers.sites import STRANGER, Sites

# What is tried is the app, in both browsers alike; and Playwright cannot switch scripts off in one.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("engine", ["chromium"], indirect=True),
]


def register(page: Page, address: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Register").click()
    fill_in(page, address, PASSWORD)
    page.get_by_role("button", name="Register").click()
    is_told(page, "We have sent you an email.")


def forget_password(page: Page, address: str) -> None:
    page.goto("/login")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Send email").click()
    is_told(page, "We have sent an email to that address.")


def change_address(page: Page, new: str) -> None:
    page.goto("/account")
    form = page.get_by_role("region", name="Email address")
    form.get_by_role("textbox").fill(new)
    form.get_by_role("button", name="Change address").click()
    is_told(page, "We have sent an email to that address.")


def set_password(page: Page, new: str) -> None:
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Set password").click()
    is_told(page, "Your password has been changed.")


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirm").click()


def is_told(page: Page, sentence: str) -> None:
    expect(page.get_by_role("status")).to_contain_text(sentence)


def is_at(page: Page, origin: str, path: str, heading: str) -> None:
    """See that a link has led to its page, and that its token cannot be seen there."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert page.url == origin + path


def follow(page: Page, address: str, subject: str) -> None:
    """Follow the link of the newest mail to somebody, where a developer reads it."""
    page.goto("/dev/mail")
    mail = page.get_by_role("article").filter(has_text=f"To {address}").first
    expect(mail.get_by_role("heading")).to_have_text(subject)
    mail.get_by_role("link", name="http").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_visit_from_registering_to_a_new_password(
    serve: Serve, visits: Visits, alice: str, scripts: bool
) -> None:
    app = serve(identity="email")
    page = visits.page(app, java_script_enabled=scripts)
    old, new = f"{alice}@example.com", f"{alice}@example.org"

    register(page, old)
    follow(page, old, "Confirm your email address")
    is_at(page, app.origin, "/verify", "Confirm your email address")
    confirm(page)
    is_told(page, "Your address is confirmed.")

    sign_in(page, old)
    change_address(page, new)
    follow(page, new, "Confirm your new email address")
    is_at(page, app.origin, "/change-email", "Confirm your new email address")
    confirm(page)
    is_told(page, "Your email address has been changed.")
    expect(page.get_by_role("heading", name=f"Hello {new}")).to_be_visible()
    sign_out(page)

    forget_password(page, new)
    follow(page, new, "Choose a new password")
    is_at(page, app.origin, "/reset", "Choose a new password")
    set_password(page, NEW_PASSWORD)
    sign_in(page, new, NEW_PASSWORD)

    page.goto("/dev/mail")
    mails = page.get_by_role("article")
    for address, subject in (
        (old, "Your email address is about to change"),
        (new, "Your password has been changed"),
    ):
        assert mails.filter(has_text=f"To {address}").filter(has_text=subject).count() == 1


@pytest.mark.parametrize("samesite", CHOICES["samesite"])
def test_a_link_in_a_mail_that_is_read_on_another_site_leads_to_its_page(
    serve: Serve, visits: Visits, sites: Sites, alice: str, samesite: str
) -> None:
    app = serve(identity="email", samesite=samesite)
    page = visits.page(app)
    old, new = f"{alice}@example.com", f"{alice}@example.org"

    def follow_elsewhere(address: str) -> None:
        page.goto(sites.put(STRANGER, f'<a href="{app.link(address)}">Follow me</a>'))
        page.get_by_role("link").click()

    register(page, old)
    follow_elsewhere(old)
    is_at(page, app.origin, "/verify", "Confirm your email address")
    confirm(page)
    is_told(page, "Your address is confirmed.")

    sign_in(page, old)
    change_address(page, new)
    follow_elsewhere(new)
    is_at(page, app.origin, "/change-email", "Confirm your new email address")
    confirm(page)
    # Somebody who is signed in, in spite of the way on which they have come.
    expect(page.get_by_role("heading", name=f"Hello {new}")).to_be_visible()
    sign_out(page)

    forget_password(page, new)
    follow_elsewhere(new)
    is_at(page, app.origin, "/reset", "Choose a new password")
    set_password(page, NEW_PASSWORD)
    sign_in(page, new, NEW_PASSWORD)


def test_a_form_of_another_site_does_not_follow_a_link_in_the_place_of_its_reader(
    serve: Serve, visits: Visits, complaints: Complaints, sites: Sites, alice: str
) -> None:
    app = serve(identity="email")
    complaints.allow("status of 403")
    page = visits.page(app)
    address = f"{alice}@example.com"
    register(page, address)
    page.goto(app.link(address))
    is_at(page, app.origin, "/verify", "Confirm your email address")
    form = f"<form method=post action='{app.origin}/verify'><button>Win</button></form>"
    page.goto(sites.put(STRANGER, form))
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
    page.goto("/verify")
    confirm(page)
    is_told(page, "Your address is confirmed.")
