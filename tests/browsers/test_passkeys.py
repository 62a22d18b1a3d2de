"""Passkeys in a real browser, whose authenticator is a virtual one (WebAuthn, 11)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browsers.conftest import SHARED, Complaints, Stored, Visits
from tests.browsers.people import PASSWORD, App, sign_in, sign_out
from tests.browsers.sites import Certificates
from tests.project import free_port

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine", ["chromium"], indirect=True)]

PLATFORM = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """The authenticator of one page's browser context."""

    def __init__(self, page: Page, **options: Any) -> None:
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
    with project.serving(port=port, variables={**variables, **SHARED, "PUBLIC_URL": origin}):
        yield App(origin, origin, certificates.trust)


def add_passkey(page: Page) -> None:
    page.goto("/account")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("listitem").filter(has_text="not used yet")).to_be_visible()


def is_home(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=f"Hello {name}")).to_be_visible()


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
    sign_out(page)
    is_home(page, alice)
    device.wait_for_user()
    sign_out(page)
    expect(page.get_by_label("User name")).to_have_attribute("autocomplete", "username webauthn")
    device.touch()
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_home(page, alice)
    page.goto("/account")
    expect(page.get_by_role("listitem").filter(has_text="last used")).to_have_count(1)
