"""WebKit, the engine of Safari: without HTTPS it keeps no Secure cookie, on localhost neither."""

import json
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

    def _element(self, selector: str, using: str = "css selector") -> str:
        """Return where an element is, once there is one: on this page or one that it leads to."""
        wanted = {"using": using, "value": selector}
        found: list[dict[str, str]] = []

        def is_there() -> bool:
            found[:] = self._call("POST", "/elements", wanted)
            return bool(found)

        wait_until(is_there, tell=lambda: f"there is no {selector}")
        return f"/element/{found[0][ELEMENT]}"

    def fill(self, selector: str, text: str) -> None:
        """Fill a field in; what is typed gets lost now and then while the machine is busy."""
        self._run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")

    def click(self, selector: str) -> None:
        self._run(f"document.querySelector({json.dumps(selector)}).click()")

    def _run(self, script: str) -> None:
        self._call("POST", "/execute/sync", {"script": script, "args": []})

    def text(self, selector: str) -> str:
        """Return what can be read in an element."""
        return str(self._call("GET", self._element(selector) + "/text"))

    def wait_for(self, tag: str, text: str) -> None:
        """Wait for an element that says this, on this page or one that it leads to."""
        self._element(f"//{tag}[normalize-space()='{text}']", using="xpath")

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
    browser.fill("#username", name)
    browser.fill("#password", PASSWORD)
    browser.click("main form > button")


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
        browser.wait_for("h1", f"Hello {alice}")
