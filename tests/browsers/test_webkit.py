"""WebKit, the engine of Safari: without HTTPS it keeps no Secure cookie, on localhost neither."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests import processes
from tests.browsers.conftest import Stored
from tests.browsers.people import PASSWORD
from tests.deploying import program
from tests.project import free_port
from tests.waiting import PATIENCE_SECONDS, wait_until

pytestmark = pytest.mark.slow

# The name of the field in which WebDriver hands out elements.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# Sends a form as the browser would, and follows where that leads.
SUBMIT = """
const [fields, done] = arguments;
const form = document.querySelector("main form");
const body = new URLSearchParams(new FormData(form));
for (const name in fields) body.set(name, fields[name]);
const headers = { "Upgrade-Insecure-Requests": "1" };
fetch(form.action, { method: form.method, body, headers }).then(
  ({ status, url }) => done({ status, url }),
  (error) => done({ status: String(error) }),
);
"""


class Browser:
    """A window of WebKitGTK's browser, led by the WebDriver protocol."""

    def __init__(self, driver: httpx2.Client) -> None:
        self._driver = driver
        self._session = ""
        self._session = (
            "/session/" + self._call("POST", "/session", {"capabilities": {}})["sessionId"]
        )

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._driver.request(method, self._session + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def submit(self, fields: dict[str, str]) -> str:
        """Send the form of this page; return where that leads.

        By a script that stays on the page: the driver loses track of a page that is left while it
        waits for a command to end, as with a click or a key on a busy machine.
        """
        answer = self._call("POST", "/execute/async", {"script": SUBMIT, "args": [fields]})
        assert answer["status"] == 200, answer
        return str(answer["url"])

    def text(self, selector: str) -> str:
        """Return what can be read in an element of this page."""
        wanted = {"using": "css selector", "value": selector}
        element = self._call("POST", "/element", wanted)[ELEMENT]
        return str(self._call("GET", f"/element/{element}/text"))

    def close(self) -> None:
        self._call("DELETE", "")


@contextmanager
def _screen() -> Iterator[str]:
    """Run a display without a screen; yield its name."""
    command = [program("Xvfb", "xvfb"), "-displayfd", "1", "-nolisten", "tcp"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            with processes.guarding(process):
                yield f":{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def driver() -> Iterator[httpx2.Client]:
    """Run the driver of WebKitGTK, for tests to open browsers with."""
    command = program("WebKitWebDriver", "webkit2gtk-driver")
    url = f"http://127.0.0.1:{free_port()}"
    with _screen() as display, httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
        process = subprocess.Popen(
            [command, f"--port={client.base_url.port}"], env={**os.environ, "DISPLAY": display}
        )

        def is_ready() -> bool:
            try:
                return client.get("/status").status_code == 200
            except httpx2.ConnectError:
                assert process.poll() is None, "the driver has ended"
                return False

        try:
            wait_until(is_ready)
            yield client
        finally:
            process.terminate()
            processes.wait(process)


@pytest.fixture
def browser(driver: httpx2.Client) -> Iterator[Browser]:
    browser = Browser(driver)
    yield browser
    browser.close()


def sign_in(browser: Browser, url: str, name: str) -> None:
    browser.open(f"{url}/login")
    browser.open(browser.submit({"username": name, "password": PASSWORD}))


def test_who_signs_in_over_plain_http_is_told_what_to_set_and_then_is_signed_in(
    stored: Callable[..., Stored], browser: Browser, alice: str
) -> None:
    project, variables = stored()
    account = {"username": alice, "password": PASSWORD}
    with project.serving(variables=variables) as server:
        assert server.send("POST", "/api/register", json=account).status_code == 201
        sign_in(browser, server.url, alice)
        told = browser.text("[role=alert]")
    assert "has not kept the cookie" in told
    assert "SESSION_COOKIE_SECURE=false" in told
    with project.serving(variables={**variables, "SESSION_COOKIE_SECURE": "false"}) as server:
        sign_in(browser, server.url, alice)
        assert browser.text("h1") == f"Hello {alice}"
