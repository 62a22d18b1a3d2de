"""Every page in every state, looked over by axe-core: light and wide, dark and narrow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.browsers.conftest import Complaints, Serve, Stored, Visits
from tests.browsers.people import (
    MAX_FAILURES,
    PASSWORD,
    App,
    change_password,
    code_of,
    fill_in,
    shown_secret,
    sign_in,
    sign_out,
)
from tests.browsers.providers import Provider
from tests.browsers.sites import STRANGER, Sites
from tests.browsers.test_passkeys import Device, add_passkey

pytestmark = pytest.mark.slow

# WCAG 2.0 to 2.2, levels A and AA, and what axe-core advises beyond.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 360))

State = tuple[str, str]

ADMIN = "an administrator whose name is as long as a name may be ואחר"
COMMAND = (".venv/bin/python", "-m", "app")


def check(page: Page, state: str) -> None:
    """See that axe-core finds nothing, and that no line runs off the screen.

    Firefox shows its own scheme, whatever it is asked for: dark is looked at in Chromium alone.
    """
    # A page that has no style yet has other sizes.
    page.wait_for_load_state()
    for scheme, width in LOOKS:
        # What is still fading in has less contrast.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        found = Axe().run(page, options={"runOnly": RULES})
        assert found.violations_count == 0, f"{state}, {scheme}: {found.generate_report()}"
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert too_wide <= 0, f"{state} is {too_wide} pixels wider than {width}"


def signed_out(page: Page, app: App, alice: str) -> Iterator[State]:
    """Go through what strangers see. Yields each state, and the heading that is shown in it."""

    def send(button: str, name: str, password: str) -> None:
        fill_in(page, name, password)
        page.get_by_role("button", name=button).click()

    bob, carol = (alice.replace("alice", name) for name in ("bob", "carol"))
    page.goto("/login")
    yield "sign in", "Sign in"
    send("Sign in", alice, "not the right password")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    yield "sign in, wrong password", "Sign in"
    page.goto("/register")
    yield "register", "Register"
    send("Register", alice, PASSWORD)
    expect(page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
    yield "register, name taken", "Register"
    send("Register", bob, "passwordpassword")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    yield "register, easy password", "Register"
    send("Register", bob, PASSWORD)
    expect(page.get_by_role("status")).to_be_visible()
    yield "sign in, registered", "Sign in"
    guess = {"username": carol, "password": "not the right password"}
    for _ in range(MAX_FAILURES):
        app.call("POST", "/api/login", guess)
    send("Sign in", guess["username"], guess["password"])
    expect(page.get_by_text("Too many failed attempts.")).to_be_visible()
    yield "sign in, too many attempts", "Sign in"


def signed_in(page: Page, app: App, alice: str) -> Iterator[State]:
    """Go through what is for people who have signed in."""
    app.device(alice)
    sign_in(page, alice)
    yield "dashboard", f"Hello {alice}"
    page.goto("/account")
    expect(page.get_by_role("button", name="Sign out everywhere else")).to_be_visible()
    yield "account, two devices", "Account"
    change_password(page, "not the right password", PASSWORD)
    expect(page.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    yield "account, wrong password", "Account"
    change_password(page, PASSWORD, "passwordpassword")
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    yield "account, easy password", "Account"
    change_password(page, PASSWORD, PASSWORD)
    expect(page.get_by_role("status")).to_be_visible()
    yield "account, password changed", "Account"
    page.goto("/confirm?next=/account/delete")
    yield "confirm", "Confirm your password"
    page.get_by_label("Password", exact=True).fill("not the right password")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    yield "confirm, wrong password", "Confirm your password"
    page.goto("/account/delete")
    yield "delete", "Delete your account"


def with_mail(page: Page, app: App, alice: str) -> Iterator[State]:
    """Go through what there is for people who sign in with an address, and the mail they get."""
    old, new = f"{alice}@example.com", f"{alice}@example.org"
    page.goto("/register")
    yield "register", "Register"
    fill_in(page, "no address", PASSWORD)
    # What the browser says of it is no part of the page.
    page.locator("form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_label("Email address")).to_have_attribute("aria-invalid", "true")
    yield "register, no address", "Register"
    fill_in(page, old, PASSWORD)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("status")).to_be_visible()
    yield "sign in, mail sent", "Sign in"
    page.goto("/verify/resend")
    yield "resend", "Send the link again"
    page.goto(app.link(old))
    yield "verify", "Confirm your email address"
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_be_visible()
    page.goto("/verify")
    yield "verify, used", "This link does not work"
    page.goto("/forgot")
    yield "forgot", "Forgot your password?"
    page.get_by_label("Email address").fill(old)
    page.get_by_role("button", name="Send email").click()
    expect(page.get_by_role("status")).to_be_visible()
    page.goto(app.link(old))
    yield "reset", "Choose a new password"
    page.get_by_label("New password").fill("passwordpassword")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    yield "reset, easy password", "Choose a new password"
    sign_in(page, old)
    page.goto("/account")
    yield "account", "Account"
    form = page.get_by_role("region", name="Email address")
    form.get_by_role("textbox").fill(new)
    form.get_by_role("button").click()
    expect(page.get_by_role("status")).to_be_visible()
    yield "account, mail sent", "Account"
    page.goto(app.link(new))
    yield "change", "Confirm your new email address"
    page.goto("/dev/mail")
    yield "mail", "Mail"
    page.get_by_role("link", name="HTML").first.click()
    yield "one mail", "Your email address is about to change"


def with_factors(page: Page, app: App, alice: str) -> Iterator[State]:
    """Go through what there is for people with an authenticator app, and with passkeys."""

    def send(code: str, button: str, *, field: str = "Code", is_wrong: bool = False) -> None:
        page.get_by_label(field, exact=True).fill(code)
        page.get_by_role("button", name=button).click()
        if is_wrong:
            place = page.get_by_label(field, exact=True)
            expect(place).to_have_attribute("aria-invalid", "true")

    def use_recovery_code() -> None:
        page.get_by_role("link", name="Use a recovery code").click()
        expect(page.get_by_label("Recovery code", exact=True)).to_be_visible()

    def enter_password() -> None:
        page.goto("/login")
        fill_in(page, alice, PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()

    app.open_account(alice)
    sign_in(page, alice)
    page.goto("/account")
    yield "account, no factor", "Account"
    page.get_by_role("link", name="Set up an authenticator app").click()
    yield "authenticator app, off", "Authenticator app"
    page.get_by_role("button", name="Set up").click()
    yield "set up", "Set up an authenticator app"
    secret = shown_secret(page)
    send("no code", "Turn on", is_wrong=True)
    yield "set up, wrong code", "Set up an authenticator app"
    send(code_of(secret), "Turn on")
    yield "recovery codes", "Recovery codes"
    recovery_code = page.locator("#codes code").first.inner_text()
    page.get_by_role("link", name="I've saved them").click()
    yield "account, app", "Account"
    page.get_by_role("link", name="Turn it off").click()
    yield "authenticator app, on", "Authenticator app"
    page.goto("/confirm?next=/account")
    yield "confirm with a code", "Confirm with a code"
    send("no code", "Continue", is_wrong=True)
    yield "confirm, wrong code", "Confirm with a code"
    use_recovery_code()
    yield "confirm with a recovery code", "Confirm with a code"
    sign_out(page)
    enter_password()
    yield "second step", "Enter a code"
    send("no code", "Sign in", is_wrong=True)
    yield "second step, wrong code", "Enter a code"
    use_recovery_code()
    yield "second step, recovery code", "Enter a code"
    send(recovery_code, "Sign in", field="Recovery code")
    expect(page.get_by_role("heading", name=f"Hello {alice}")).to_be_visible()
    Device(page)
    add_passkey(page)
    page.locator("summary").click()
    yield "account, passkey", "Account"
    page.goto("/confirm?next=/account")
    yield "confirm with a passkey", "Confirm with a passkey"
    page.goto("/account")
    page.get_by_role("button", name="Remove password").click()
    expect(page.get_by_text("Your account has no password")).to_be_visible()
    yield "account, no password", "Account"


def with_provider(page: Page, provider: Provider, alice: str) -> Iterator[State]:
    """Go through what there is for people with an account elsewhere."""
    leave = page.get_by_role("button", name="Continue with Corner Shop")
    page.goto("/register")
    yield "register, providers", "Register"
    page.goto("/login")
    yield "sign in, providers", "Sign in"
    leave.click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "sign in, cancelled", "Sign in"
    leave.click()
    provider.sign_in(page, f"{alice}@example.com")
    yield "name", "Choose a user name"
    page.locator("form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
    yield "name, none", "Choose a user name"
    page.get_by_label("User name").fill(alice)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name=f"Hello {alice}")).to_be_visible()
    page.goto("/account")
    yield "account, no password", "Account"
    page.get_by_role("button", name="Add Corner Shop").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "account, linked already", "Account"
    page.goto("/confirm?next=/account/delete")
    yield "confirm at a provider", "Confirm that it is you"
    page.goto("/account")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("status")).to_be_visible()
    yield "account, password set", "Account"


def with_users(page: Page, alice: str) -> Iterator[State]:
    """Go through what there is for administrators, and for developers. alice: whom it is about."""
    yield "dashboard", f"Hello {ADMIN}"
    page.get_by_role("link", name="Users").click()
    yield "users", "Users"
    page.get_by_role("searchbox").fill("nobody of that name")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No name contains")).to_be_visible()
    yield "users, none found", "Users"
    page.get_by_role("searchbox").fill(alice)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=alice).click()
    yield "user", alice
    page.get_by_role("button", name="Create reset link").click()
    expect(page.get_by_role("heading", name="Reset link")).to_be_visible()
    yield "user, reset link", alice
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("status")).to_be_visible()
    yield "user, disabled", alice


def check_each(page: Page, states: Iterator[State]) -> None:
    """Check the page in each state that a walk brings it into."""
    for state, heading in states:
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        check(page, state)


@contextmanager
def without(file: Path) -> Iterator[None]:
    """Take a file away, for as long as the block lasts."""
    kept = file.rename(file.with_suffix(".kept"))
    try:
        yield
    finally:
        kept.rename(file)


# The rules look at the page, which is the same in both.
@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
@pytest.mark.parametrize("walk", [signed_out, signed_in])
def test_no_page_has_a_barrier(
    serve_in_production: Serve,
    visits: Visits,
    complaints: Complaints,
    alice: str,
    walk: Callable[[Page, App, str], Iterator[State]],
) -> None:
    app = serve_in_production("strict")
    app.open_account(alice)
    page = visits.page(app)
    # Chromium notes on the console that a form was answered with an error.
    complaints.allow("Failed to load resource: the server responded with a status of 4")
    check_each(page, walk(page, app, alice))


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_no_page_of_mail_has_a_barrier_nor_has_a_mail(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str
) -> None:
    app = serve(identity="email")
    page = visits.page(app)
    complaints.allow("Failed to load resource: the server responded with a status of 4")
    check_each(page, with_mail(page, app, alice))


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_no_page_of_a_factor_has_a_barrier(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str
) -> None:
    app = serve(totp="yes", passkeys="yes")
    page = visits.page(app)
    complaints.allow("Failed to load resource: the server responded with a status of 4")
    check_each(page, with_factors(page, app, alice))


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_no_page_of_a_provider_has_a_barrier(
    serve_beside_provider: Serve,
    provider: Provider,
    visits: Visits,
    complaints: Complaints,
    alice: str,
) -> None:
    app = serve_beside_provider(session_backend="redis", samesite="none", identity="username")
    page = visits.page(app)
    complaints.allow("Failed to load resource: the server responded with a status of 4")
    check_each(page, with_provider(page, provider, alice))


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_no_page_for_administrators_and_developers_has_a_barrier(
    serve: Serve,
    stored: Callable[..., Stored],
    visits: Visits,
    complaints: Complaints,
    alice: str,
) -> None:
    app = serve()
    for name in (alice, ADMIN):
        app.open_account(name)
    project, stores = stored()
    project.run(*COMMAND, "change-role", ADMIN, "admin", variables=stores)
    page = visits.page(app)
    sign_in(page, ADMIN)
    check_each(page, with_users(page, alice))
    complaints.allow("status of 500")
    with without(project.path / "app/templates/delete.html"):
        page.goto("/account/delete")
        expect(page.get_by_role("heading", name="Traceback")).to_be_visible()
        check(page, "traceback")


def test_no_error_page_has_a_barrier(
    serve_in_production: Serve,
    stored: Callable[..., Stored],
    visits: Visits,
    complaints: Complaints,
    sites: Sites,
    alice: str,
) -> None:
    app = serve_in_production("strict")
    app.open_account(alice)
    page = visits.page(app)
    complaints.allow(*(f"status of {status}" for status in (403, 404, 500)))
    sign_in(page, alice)

    def is_shown(heading: str) -> None:
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        check(page, heading)

    form = f"<form method=post action='{app.origin}/logout'><button>Win</button></form>"
    page.goto(sites.put(STRANGER, form))
    page.get_by_role("button").click()
    is_shown("Not allowed")
    page.goto("/nowhere")
    is_shown("Page not found")
    project, _ = stored()
    with without(project.path / "app/templates/delete.html"):
        page.goto("/account/delete")
        is_shown("Something went wrong")

    # What a link on another site is answered with goes on by itself; here it is kept from it.
    link = app.call(
        "GET",
        "/account",
        **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        **{"sec-fetch-dest": "document"},
    )
    still = link.text.replace('http-equiv="refresh"', "")
    assert still != link.text

    def stay(route: Route) -> None:
        route.fulfill(body=still, headers=dict(link.headers))

    page.context.route(f"{app.origin}/account", stay)
    page.goto("/account")
    is_shown("One moment")
