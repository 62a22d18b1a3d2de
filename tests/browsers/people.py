"""What a person does, at a page or on another device."""

import base64
import hmac
import re
import ssl
import time
from dataclasses import dataclass

import httpx2
from playwright.sync_api import BrowserContext, Page, expect

from tests.waiting import PATIENCE_SECONDS

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "quite another set of words"

# How many guesses of a password are let through.
MAX_FAILURES = 20

COOKIE = "__Host-Http-my-fastapi-app-session"

# What people sign in with, as the forms call it.
NAME = re.compile("User name|Email address")

# What another device says it is.
ANOTHER_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"


def credentials(name: str) -> dict[str, str]:
    """Return what somebody signs in with, by an address or a user name."""
    return {"email" if "@" in name else "username": name, "password": PASSWORD}


@dataclass(frozen=True)
class App:
    """An app that is served."""

    origin: str
    """What browsers call it."""
    url: str
    """Where it is reached without one."""
    trust: ssl.SSLContext

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx2.Response:
        """Send a request with a JSON body, as a program does."""
        return httpx2.request(
            method,
            self.url + path,
            json=body,
            headers=headers,
            verify=self.trust,
            timeout=PATIENCE_SECONDS,
        )

    def open_account(self, name: str) -> None:
        assert self.call("POST", "/api/register", credentials(name)).status_code == 201

    def link(self, address: str) -> str:
        """Return the link in the newest mail to an address."""
        mails = self.call("GET", "/dev/mail", accept="application/json").json()
        newest = next(mail["text"] for mail in mails if mail["to"] == address)
        [link] = re.findall(r"^https?://\S+$", newest, re.MULTILINE)
        return str(link)

    def open_account_by_mail(self, address: str) -> None:
        assert self.call("POST", "/api/register", credentials(address)).status_code == 202
        token = self.link(address).partition("token=")[2]
        assert self.call("POST", "/api/email/verify", {"token": token}).status_code == 204

    def device(self, name: str) -> "Device":
        """Sign in on another device."""
        sent = {"user-agent": ANOTHER_BROWSER}
        answer = self.call("POST", "/api/login", credentials(name), **sent)
        assert answer.status_code == 200
        return Device(self, answer.cookies[COOKIE])


@dataclass(frozen=True)
class Device:
    """A device that is signed in, without a browser."""

    app: App
    token: str

    def call(self, method: str, path: str, body: object = None) -> httpx2.Response:
        return self.app.call(method, path, body, cookie=f"{COOKIE}={self.token}")

    def is_signed_in(self) -> bool:
        return self.call("GET", "/api/me").status_code == 200


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label(NAME).fill(name)
    page.get_by_label("Password", exact=True).fill(password)


def sign_in(page: Page, name: str, password: str = PASSWORD, *, remember: bool = False) -> None:
    """Sign in; the page's context knows where the app is."""
    page.goto("/login")
    fill_in(page, name, password)
    page.get_by_label("Remember me on this device").set_checked(remember)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name=f"Hello {name}")).to_be_visible()
    # Firefox may take the end of loading this page for what interrupts the next navigation.
    page.wait_for_load_state()


def change_password(page: Page, current: str, new: str) -> None:
    """Change the password, on the page of the account."""
    page.get_by_label("Current password").fill(current)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change password").click()


def sign_out(page: Page) -> None:
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def has_cookies(context: BrowserContext) -> bool:
    """Tell whether the browser would send any; Firefox may still list what has just expired."""
    expiries = [cookie.get("expires", -1) for cookie in context.cookies()]
    return any(expires == -1 or expires > time.time() for expires in expiries)


def code_of(secret: str, steps: int = 0) -> str:
    """Return what an authenticator app shows now, or so many steps from now (RFC 6238)."""
    step = int(time.time()) // 30 + steps
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def shown_secret(page: Page) -> str:
    """Return the key that the set-up page shows for an authenticator app."""
    return page.locator(".card code").inner_text().replace(" ", "")
