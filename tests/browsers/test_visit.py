"""A visit, from the first page to the last, by mouse, by keyboard, and without scripts."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, WebSocket, expect

from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.people import (
    NEW_PASSWORD,
    PASSWORD,
    Device,
    change_password,
    code_of,
    fill_in,
    has_cookies,
    shown_secret,
    sign_in,
    sign_out,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def register(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/")
    page.get_by_role("link", name="Register").click()
    fill_in(page, name, password)
    page.get_by_role("button", name="Register").click()


def is_told(field: Locator, fault: str | re.Pattern[str]) -> None:
    """See that a field is said to be wrong, and that one can go on typing there."""
    # Firefox gives the focus to the window in front alone.
    field.page.bring_to_front()
    expect(field).to_have_accessible_description(fault)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()


def end_other_devices(page: Page, elsewhere: Page, third: Page, name: str) -> None:
    """Sign out one device by its button, and then all others at once."""
    devices = page.get_by_role("list").get_by_role("listitem").filter(has_text="last seen")
    for other in (elsewhere, third):
        sign_in(other, name, NEW_PASSWORD)
    page.reload()
    expect(devices).to_have_count(3)
    expect(devices.filter(has_text="this device")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Sign out .+ on .+")).first.click()
    expect(devices).to_have_count(2)
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(devices).to_have_count(1)
    expect(devices).to_contain_text("this device")


@pytest.mark.parametrize(
    ("engine", "session_backend"),
    # The pages are the same wherever a server keeps the sessions.
    [("chromium", "database"), ("chromium", "signed-cookie"), ("firefox", "database")],
    indirect=["engine"],
)
def test_a_visit_from_opening_an_account_to_deleting_it(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str, session_backend: str
) -> None:
    app = serve(session_backend=session_backend)
    page, elsewhere, third = (visits.page(app) for _ in range(3))
    # Chromium notes on the console that a form was answered with an error.
    complaints.allow("status of 401", "status of 403", "status of 409", "status of 422")

    register(page, alice, "passwordpassword")
    is_told(page.get_by_label("Password", exact=True), re.compile("easy to guess"))
    register(page, alice)
    expect(page.get_by_role("status")).to_have_text(
        "Your account has been created. You can sign in now."
    )
    register(page, alice)
    is_told(page.get_by_label("User name"), re.compile("is taken"))

    page.goto("/login")
    fill_in(page, alice, "not the right password")
    page.get_by_label("Password", exact=True).press("Enter")
    is_told(page.get_by_label("Password", exact=True), "Wrong user name or password.")
    expect(page.get_by_label("User name")).to_have_value(alice)
    expect(page.get_by_label("Password", exact=True)).to_have_value("")

    sign_in(page, alice)
    page.get_by_role("link", name="Change your password").click()
    change_password(page, "not the right password", NEW_PASSWORD)
    is_told(page.get_by_label("Current password"), "Wrong password.")
    change_password(page, PASSWORD, NEW_PASSWORD)
    expect(page.get_by_role("status")).to_contain_text("Your password has been changed")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("status")).to_have_count(0)
    expect(page.get_by_role("main")).to_be_focused()

    if session_backend == "signed-cookie":
        sign_in(elsewhere, alice, NEW_PASSWORD)
        page.get_by_role("button", name="Sign out everywhere else").click()
        expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    else:
        end_other_devices(page, elsewhere, third, alice)
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()

    sign_out(page)
    sign_in(page, alice, NEW_PASSWORD)
    page.goto("/confirm?next=/account/delete")
    for password in ("not the right password", NEW_PASSWORD):
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert not has_cookies(page.context)
    fill_in(page, alice, NEW_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    is_told(page.get_by_label("Password", exact=True), "Wrong user name or password.")


def test_a_password_can_be_looked_at_while_it_is_typed(serve: Serve, visits: Visits) -> None:
    page = visits.page(serve())
    page.goto("/login")
    field = page.get_by_label("Password", exact=True)
    field.fill(PASSWORD)
    show = page.get_by_role("button", name="Show password")
    for shown, kind in ((False, "password"), (True, "text"), (False, "password")):
        expect(page.get_by_role("button", name="Show password", pressed=shown)).to_be_visible()
        expect(field).to_have_attribute("type", kind)
        show.click()
    expect(field).to_have_value(PASSWORD)


# What has the focus: its name, whether that can be seen, and where it is on the page. Browsers
# scroll by whole pixels.
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    name: (element.labels?.[0] ?? element).innerText.trim(),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.top > -1 && box.bottom < innerHeight + 1
      && box.left >= 0 && box.right <= innerWidth,
  };
}"""


def press(page: Page, *keys: str) -> list[str]:
    """Press keys one by one; after each the focus can be seen. Return what had it, by name."""
    names = []
    for key in keys:
        page.keyboard.press(key)
        focused = page.evaluate(FOCUSED)
        assert focused["outlined"], focused
        assert focused["inside"], focused
        names.append(focused["name"])
    return names


def test_a_visit_by_keyboard_alone(serve: Serve, visits: Visits, alice: str) -> None:
    app = serve()
    app.open_account(alice)
    page = visits.page(app)
    page.goto("/login")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(alice)
    assert press(page, "Tab") == ["Password"]
    page.keyboard.type(PASSWORD)
    assert press(page, "Tab", "Tab") == ["Show password", "Remember me on this device"]
    page.keyboard.press("Space")
    expect(page.get_by_label("Remember me on this device")).to_be_checked()
    assert press(page, "Tab", "Tab", "Shift+Tab") == ["Sign in", "Register", "Sign in"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Hello {alice}")).to_be_visible()

    assert press(page, "Tab") == ["Skip to content"]
    page.keyboard.press("Enter")
    # The next key may be faster than the browser is at going there.
    expect(page.get_by_role("main")).to_be_focused()
    assert press(page, "Tab") == ["Change your password or sign out elsewhere"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    order = press(page, *["Tab"] * 9)
    assert order == [
        "Skip to content",
        "My FastAPI App",
        alice,
        "Sign out",
        "Current password",
        "Show password",
        "New password",
        "Show password",
        "Change password",
    ]
    assert press(page, *["Shift+Tab"] * 5)[-1] == "Sign out"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


# Playwright cannot switch scripts off in Firefox.
@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_a_visit_without_scripts(serve: Serve, visits: Visits, alice: str) -> None:
    app = serve()
    page = visits.page(app, java_script_enabled=False)
    register(page, alice)
    sign_in(page, alice)
    expect(page.get_by_role("button", name=re.compile("Show password|Dismiss"))).to_have_count(0)
    expect(page.get_by_role("group", name="Theme")).to_have_count(0)
    page.goto("/account")
    change_password(page, PASSWORD, NEW_PASSWORD)
    expect(page.get_by_role("status")).to_contain_text("Your password has been changed")
    sign_out(page)
    sign_in(page, alice, NEW_PASSWORD)
    page.goto("/confirm?next=/account/delete")
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_another_tab_notices_that_this_one_has_signed_out(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str
) -> None:
    app = serve()
    app.open_account(alice)
    context = visits.context(app)
    here, other = context.new_page(), context.new_page()
    # The other tab may ask whether its session lives before it shows the way back in.
    complaints.allow("/api/session", "status of 401")
    sign_in(here, alice)
    for page in (here, other):
        # The sign-in page has told all tabs that nobody is signed in. Firefox may deliver it late,
        # and then a page that is being opened loads once more.
        page.goto("/account", wait_until="commit")
        expect(page.get_by_text(alice).first).to_be_visible()
    sign_out(here)
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(other.get_by_text(alice)).to_have_count(0)


def beside_a_device(
    serve: Serve, visits: Visits, complaints: Complaints, name: str
) -> tuple[Page, Device]:
    """Return a page, and a device that is signed in to the account and may end its session."""
    complaints.allow("/api/session", "status of 401")
    app = serve()
    app.open_account(name)
    return visits.page(app), app.device(name)


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_a_session_that_ends_before_its_page_listens_is_missed_by_nobody(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str
) -> None:
    page, elsewhere = beside_a_device(serve, visits, complaints, alice)
    page.clock.install()
    page.clock.pause_at(time.time() + 60)
    sign_in(page, alice)
    assert elsewhere.call("DELETE", "/api/sessions").status_code == 204
    page.clock.run_for(1_000)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_a_page_leads_to_the_sign_in_form_when_its_session_is_ended_elsewhere(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str
) -> None:
    page, elsewhere = beside_a_device(serve, visits, complaints, alice)
    greetings: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: greetings.append(str(frame)))

    def wait_for_greetings(times: int) -> None:
        # Asking the page for anything lets the frames that have arrived be heard.
        wait_until(lambda: bool(page.title()) and len(greetings) == times)

    page.on("websocket", listen)
    sign_in(page, alice)
    page.goto("/account")
    wait_for_greetings(1)
    # A new token closes the socket as well: the page asks once more, and stays.
    page.evaluate(
        """password => fetch("/api/confirm", {
            method: "POST",
            headers: {"Content-Type": "application/json"},
            body: JSON.stringify({password}),
        })""",
        PASSWORD,
    )
    wait_for_greetings(2)
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    assert elsewhere.call("DELETE", "/api/sessions").status_code == 204
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url.endswith("/login?next=/account")
    assert alice in greetings[0]


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_what_a_form_leads_to_is_waited_for_when_the_session_ends_meanwhile(
    serve: Serve, visits: Visits, complaints: Complaints, alice: str
) -> None:
    page, elsewhere = beside_a_device(serve, visits, complaints, alice)
    sign_in(page, alice)
    page.goto("/account")
    sent: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route)
        else:
            route.continue_()

    page.route("**/account", hold)
    with page.expect_response(lambda response: response.status == 401):
        for label in ("Current password", "New password"):
            page.get_by_label(label).fill(PASSWORD)
        # Playwright's click would wait for what it leads to.
        page.get_by_role("button", name="Change password").evaluate("button => button.click()")
        wait_until(lambda: bool(page.title()) and len(sent) == 1)
        assert elsewhere.call("DELETE", "/api/sessions").status_code == 204
    # By the time this is answered, the script of the page has read that answer.
    page.title()
    sent[0].fulfill(body="<!doctype html><h1>New codes</h1>", content_type="text/html")
    expect(page.get_by_role("heading", name="New codes")).to_be_visible()


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_a_theme_that_was_chosen_is_kept_and_shown_from_the_first_paint(
    serve: Serve, visits: Visits, complaints: Complaints
) -> None:
    page = visits.page(serve(), color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    page.goto("/login")
    expect(page.get_by_role("radio", name="System")).to_be_checked()
    light = page.evaluate(background)
    page.get_by_role("radio", name="Dark").check()
    dark = page.evaluate(background)
    assert dark != light
    # Before any script that waits for the page has run.
    complaints.allow("/static/page.js")
    page.route("**/static/page.js", lambda route: route.abort())
    page.goto("/register", wait_until="commit")
    # There is none until the head, and the script in it, are done.
    expect(page.locator("body")).to_be_attached()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.unroute_all()
    page.goto("/register")
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    assert page.evaluate(background) == dark
    page.get_by_role("radio", name="System").check()
    assert page.evaluate(background) == light


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_an_authenticator_app_is_set_up_and_used_by_keyboard_alone(
    serve: Serve, visits: Visits, alice: str
) -> None:
    app = serve(totp="yes", passkeys="yes")
    app.open_account(alice)
    page = visits.page(app)
    sign_in(page, alice)
    page.goto("/account/totp")
    assert press(page, *["Tab"] * 5)[-1] == "Set up"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Set up an authenticator app")).to_be_visible()
    secret = shown_secret(page)
    assert press(page, *["Tab"] * 6)[-2:] == ["open the app", "Code"]
    page.keyboard.type(code_of(secret))
    assert press(page, "Tab") == ["Turn on"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert press(page, *["Tab"] * 7)[-3:] == ["Copy", "Print", "I've saved them"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    assert press(page, *["Tab"] * 4)[-1] == "Sign out"
    page.keyboard.press("Enter")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(alice)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code")).to_be_focused()
    # That of this half minute was used above; the next one is accepted as well.
    page.keyboard.type(code_of(secret, steps=1))
    assert press(page, "Tab", "Shift+Tab", "Tab") == ["Sign in", "Code", "Sign in"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Hello {alice}")).to_be_visible()
