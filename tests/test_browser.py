"""A person at a real browser."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import CHROMIUM, CHROMIUM_OPTIONS, Bake

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
    with project.stores() as variables, project.serving(variables=variables) as server:
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


@pytest.fixture
def elsewhere() -> Iterator[Callable[[str], str]]:
    """Serve a page of another site: 127.0.0.1 is not localhost. Returns the address of a page."""
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def put(html: str) -> str:
            pages["/page"] = html.encode()
            return f"http://127.0.0.1:{server.server_port}/page"

        yield put
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("samesite", ["lax", "strict"])
def test_other_sites_lead_here_and_can_do_nothing(
    ready: Bake, chromium: Browser, elsewhere: Callable[[str], str], samesite: str
) -> None:
    project = ready(samesite=samesite)
    with project.stores() as variables, project.serving(variables=variables) as server:
        body = {"username": "alice", "password": PASSWORD}
        httpx2.post(f"{server.url}/api/register", json=body)
        page = chromium.new_context().new_page()
        sign_in(page, server.url)

        page.goto(elsewhere(f'<a href="{server.url}/account">Follow me</a>'))
        page.get_by_role("link").click()
        expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()

        for path in ("/logout", "/account/sessions/end-others", "/login"):
            form = f'<form method="post" action="{server.url}{path}"><button>Win</button></form>'
            page.goto(elsewhere(form))
            page.get_by_role("button").click()
            expect(page.get_by_role("heading", name="Forbidden")).to_be_visible()
        page.goto(server.url)
        expect(page.get_by_role("heading", name="Hello alice")).to_be_visible()


# A front end of somebody's own: it signs in, reads, signs out, and says what it was told.
FRONT_END = """<p role="status">working</p><script>
const call = (method, path, body) => fetch("APP" + path, {
  method, credentials: "include", body: body && JSON.stringify(body),
  headers: body ? {"content-type": "application/json"} : {},
}).then(async (answer) => answer.status + " " + (await answer.text()), () => "blocked");
(async () => {
  const told = [await call("POST", "/api/login", ACCOUNT)];
  told.push(await call("PUT", "/api/session/data/theme", "dark"));
  told.push(await call("GET", "/api/session/data"));
  told.push(await call("GET", "/api/me"));
  told.push(document.cookie);
  told.push(await call("POST", "/api/logout"));
  told.push(await call("GET", "/api/me"));
  document.querySelector("p").textContent = told.join("|");
})();
</script>"""


@pytest.fixture
def chromium_with_third_party_cookies(
    chromium: Browser, tmp_path: Path
) -> Iterator[BrowserContext]:
    """Start a browser that sends cookies to other sites, as many still do."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0}}))
    context = chromium.browser_type.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=CHROMIUM_OPTIONS, headless=True
    )
    yield context
    context.close()


@pytest.mark.parametrize("session_backend", ["database", "signed-cookie"])
def test_a_front_end_on_another_site_signs_in_and_reads(
    ready: Bake,
    chromium_with_third_party_cookies: BrowserContext,
    elsewhere: Callable[[str], str],
    session_backend: str,
) -> None:
    project = ready(samesite="none", frontend="api", session_backend=session_backend)
    account = {"username": "alice", "password": PASSWORD}
    origin = elsewhere("").removesuffix("/page")
    page = chromium_with_third_party_cookies.new_page()

    def told(url: str) -> list[str]:
        html = FRONT_END.replace("APP", url).replace("ACCOUNT", json.dumps(account))
        page.goto(elsewhere(html))
        expect(page.get_by_role("status")).not_to_have_text("working")
        return str(page.get_by_role("status").text_content()).split("|")

    with project.stores() as variables:
        named = {**variables, "TRUSTED_ORIGINS": origin}
        with project.serving(variables=named) as server:
            httpx2.post(f"{server.url}/api/register", json=account)
            assert told(server.url) == [
                '200 {"id":1,"username":"alice","role":"user"}',
                "204 ",
                '200 {"theme":"dark"}',
                '200 {"id":1,"username":"alice","role":"user"}',
                "",
                "204 ",
                '401 {"detail":"Sign in first."}',
            ]
        # One that is not named can neither send anything nor read what it is told.
        named["TRUSTED_ORIGINS"] = "http://front.example"
        with project.serving(variables=named) as server:
            assert set(told(server.url)) == {"blocked", ""}
        # With another policy the browser keeps its cookie to itself.
        lax = {**variables, "TRUSTED_ORIGINS": origin, "SESSION_SAMESITE": "lax"}
        with project.serving(variables=lax) as server:
            answers = told(server.url)
            assert answers[0].startswith("200 ")
            assert answers[3].startswith("401 ")


def test_a_wrong_password_is_told_and_the_name_is_kept(ready: Bake, chromium: Browser) -> None:
    project = ready()
    with project.stores() as variables, project.serving(variables=variables) as server:
        page = chromium.new_context().new_page()
        page.goto(f"{server.url}/login")
        page.get_by_label("User name").fill("alice")
        page.get_by_label("Password").fill("not the right password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("Wrong user name or password.")
        expect(page.get_by_label("User name")).to_have_value("alice")
        expect(page.get_by_label("Password")).to_have_value("")
