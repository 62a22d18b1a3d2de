"""Passkeys in a real browser, whose authenticator is a virtual one (WebAuthn, 11)."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browsers.conftest import Complaints, Stored, Visits
from tests.browsers.people import PASSWORD, App, fill_in, sign_in, sign_out
from tests.browsers.sites import Certificates
from tests.project import free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine", ["chromium"], indirect=True)]

PLATFORM = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

# The button of a passkey.
REMOVE = re.compile("^Remove (?!password)")


# A browser answers an offer at once, and a passkey that is touched before would be taken for one.
NOTES_THE_OFFER = """
const get = navigator.credentials?.get.bind(navigator.credentials);
if (get) navigator.credentials.get = (options) => {
  document.documentElement.dataset.offered = "";
  return get(options);
};
"""


class Device:
    """The authenticator of one page's browser context."""

    def __init__(self, page: Page, **options: Any) -> None:
        page.context.add_init_script(NOTES_THE_OFFER)
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable", {"enableUI": False})
        added = self.cdp.send(
            "WebAuthn.addVirtualAuthenticator", {"options": {**PLATFORM, **options}}
        )
        self.id: str = added["authenticatorId"]

    def call(self, name: str, **values: Any) -> Any:
        return self.cdp.send(f"WebAuthn.{name}", {"authenticatorId": self.id, **values})

    @property
    def passkeys(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("getCredentials")["credentials"]
        return found

    def verify_user(self, verified: bool) -> None:
        self.call("setUserVerified", isUserVerified=verified)

    def wait_for_user(self) -> None:
        """Answer nothing until ``touch``; the name field's offer would be taken at once."""
        self.call("setAutomaticPresenceSimulation", enabled=False)

    def touch(self) -> None:
        self.call("setAutomaticPresenceSimulation", enabled=True)


@pytest.fixture(scope="module")
def app(stored: Callable[..., Stored], certificates: Certificates) -> Iterator[App]:
    """Serve an app where it says it is: passkeys belong to one origin."""
    project, variables = stored(passkeys="yes")
    port = free_port()
    origin = f"http://localhost:{port}"
    with project.serving(port=port, variables={**variables, "PUBLIC_URL": origin}):
        yield App(origin, origin, certificates.trust)


def add_passkey(page: Page) -> None:
    page.goto("/account")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("listitem").filter(has_text="not used yet")).to_be_visible()


def is_home(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=f"Hello {name}")).to_be_visible()


def is_account(page: Page) -> None:
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()


def leave(page: Page, device: Device) -> None:
    """Sign out, to a page whose offer in the name field goes on waiting."""
    device.wait_for_user()
    sign_out(page)
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    expect(page.locator("[data-offered]")).to_be_attached()
    device.touch()


def person(app: App, visits: Visits, name: str) -> tuple[Page, Device]:
    """Somebody who is signed in and has a passkey on the device at hand."""
    app.open_account(name)
    page = visits.page(app)
    device = Device(page)
    sign_in(page, name)
    add_passkey(page)
    return page, device


def test_a_passkey_is_added_and_signs_in_from_the_name_field_and_by_the_button(
    app: App, visits: Visits, alice: str
) -> None:
    page, device = person(app, visits, alice)
    assert [each["isResidentCredential"] for each in device.passkeys] == [True]
    # Without a click: the virtual authenticator picks the one that is offered.
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    is_home(page, alice)
    leave(page, device)
    expect(page.get_by_label("User name")).to_have_attribute("autocomplete", "username webauthn")
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_home(page, alice)
    page.goto("/account")
    expect(page.get_by_role("listitem").filter(has_text="last used")).to_have_count(1)


def test_the_person_at_the_device_has_to_be_verified(
    app: App, visits: Visits, complaints: Complaints, alice: str
) -> None:
    page, device = person(app, visits, alice)
    device.verify_user(False)
    page.goto("/confirm")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_have_text(
        "That did not work. Try again, or use another way."
    )
    device.verify_user(True)
    page.get_by_role("button", name="Use a passkey").click()
    is_home(page, alice)


def test_a_passkey_that_was_removed_here_signs_nobody_in_and_is_forgotten_by_the_device(
    app: App, visits: Visits, complaints: Complaints, alice: str
) -> None:
    complaints.allow("status of 404")
    page, device = person(app, visits, alice)
    [kept] = device.passkeys
    page.get_by_role("button", name=REMOVE).click()
    expect(page.get_by_text("not used yet")).to_have_count(0)
    # Told by the page (Signal API), which a browser may do later.
    wait_until(lambda: device.passkeys == [])
    device.call("addCredential", credential=kept)
    leave(page, device)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("no longer registered here")
    assert device.passkeys == []


def test_two_tabs_wait_for_a_passkey_at_once(app: App, visits: Visits, alice: str) -> None:
    page, device = person(app, visits, alice)
    leave(page, device)
    device.wait_for_user()
    second = page.context.new_page()
    second.goto("/login")
    expect(second.locator("[data-offered]")).to_be_attached()
    page.bring_to_front()
    device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_home(page, alice)


def test_another_device_signs_in_with_the_passkey_that_was_synchronised_to_it(
    app: App, visits: Visits, alice: str
) -> None:
    _, device = person(app, visits, alice)
    page = visits.page(app)
    other = Device(page)
    other.call("addCredential", credential=device.passkeys[0])
    page.goto("/account")
    is_account(page)


def test_a_device_keeps_one_passkey_for_each_account(
    app: App, visits: Visits, complaints: Complaints, alice: str
) -> None:
    page, device = person(app, visits, alice)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("This device has a passkey for you already.")
    assert len(device.passkeys) == 1


def test_an_account_can_do_without_a_password(
    app: App, visits: Visits, complaints: Complaints, alice: str
) -> None:
    complaints.allow("status of 422")
    page, _ = person(app, visits, alice)
    page.get_by_role("button", name="Remove password").click()
    expect(page.get_by_text("Your account has no password")).to_be_visible()
    expect(page.get_by_role("button", name=REMOVE)).to_have_count(0)
    for password, told in (("passwordpassword", True), (PASSWORD, False)):
        page.get_by_label("New password").fill(password)
        page.get_by_role("button", name="Set password").click()
        if told:
            expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    expect(page.get_by_label("Current password")).to_be_visible()


def test_a_passkey_is_added_renamed_and_used_by_keyboard_alone(
    app: App, visits: Visits, complaints: Complaints, alice: str
) -> None:
    app.open_account(alice)
    page = visits.page(app)
    device = Device(page)
    sign_in(page, alice)
    page.goto("/account")
    page.get_by_role("button", name="Add a passkey").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("not used yet")).to_be_visible()
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("My laptop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove My laptop")).to_be_visible()
    leave(page, device)
    button = page.get_by_role("button", name="Sign in with a passkey")
    expect(page.get_by_label("User name")).to_be_focused()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    is_home(page, alice)


def test_whoever_is_not_fresh_is_asked_first_and_comes_back(
    app: App, visits: Visits, complaints: Complaints, alice: str
) -> None:
    complaints.allow("status of 403")
    page, device = person(app, visits, alice)
    leave(page, device)
    fill_in(page, alice, PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_home(page, alice)
    page.goto("/account")
    page.get_by_role("button", name="Remove password").click()
    page.get_by_role("button", name="Use a passkey").click()
    is_account(page)


def test_without_scripts_the_password_form_is_all_there_is(
    app: App, visits: Visits, alice: str
) -> None:
    app.open_account(alice)
    page = visits.page(app, java_script_enabled=False)
    page.goto("/login")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    sign_in(page, alice)
    page.goto("/account")
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
