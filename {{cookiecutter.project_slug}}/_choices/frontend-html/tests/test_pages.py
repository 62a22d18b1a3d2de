"""The pages, as people use them in a browser without JavaScript."""

import hashlib
import re
from base64 import b64decode
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from sqlalchemy import update

from app.config import PROJECT
from app.models import User
from app.pages import templating
from app.pages.redirects import safe_next
from app.users.errors import SignInFailed
from app.web.dependencies import CurrentUser
from tests.client import COOKIE, PASSWORD, Browser, Client
from tests.conftest import PRODUCTION, Clock, Start
from tests.people import ALICE, BOB, FIELD, MALLORY, NO_NAME

NEW_PASSWORD = "quite another set of words"
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def browser(app: FastAPI) -> Client:
    """Return a client that asks for pages."""
    client = Client(app)
    client.headers["accept"] = ACCEPT
    return client


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


def credentials(password: str = PASSWORD) -> dict[str, str]:
    """Return what Alice types to sign in."""
    return {FIELD: ALICE, "password": password}


async def submit(client: Browser, path: str, **fields: str) -> httpx2.Response:
    """Send a form, as a browser does."""
    headers = {"sec-fetch-site": "same-origin", "accept": ACCEPT}
    return await client.post(path, data=fields, headers=headers)


class Page(HTMLParser):
    """What a person sees of a page: its elements that have an id or a role, and their texts."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.elements: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self._last = ""
        self.html = response.text
        self.feed(self.html)

    def handle_starttag(self, _: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        assert len(found) == len(attributes), f"an attribute is there twice: {attributes}"
        self._last = found.get("id") or found.get("role") or ""
        self.elements[self._last] = found

    def handle_data(self, data: str) -> None:
        self.texts[self._last] = self.texts.get(self._last, "") + data

    def handle_endtag(self, _: str) -> None:
        self._last = ""

    @property
    def flash(self) -> str | None:
        """What the app says about what was just done."""
        return self.texts.get("status")


async def test_a_person_signs_in_looks_around_and_signs_out(client: Client) -> None:
    await client.register()
    response = await submit(client, "/login", **credentials())
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert ALICE in (await client.get("/")).text
    assert "Change password" in (await client.get("/account")).text

    copied = client.token
    response = await submit(client, "/logout")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.token is None
    assert not await client.opens(copied)
    assert (await client.get("/")).status_code == 303
    assert Page(await client.get("/login")).flash


@pytest.mark.parametrize("path", ["/", "/account"])
async def test_a_page_leads_to_the_sign_in_page_and_back(client: Client, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 303
    assert response.headers["location"] == f"/login?next={path}"
    assert f'name="next" value="{path}"' in (await client.get(f"/login?next={path}")).text
    await client.register()
    response = await submit(client, "/login", **credentials(), next=path)
    assert response.headers["location"] == path


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"},
        # Over plain HTTP to another host than localhost.
        {"origin": "https://localhost", "upgrade-insecure-requests": "1"},
    ],
)
async def test_a_browser_that_keeps_no_cookie_is_told_so(
    client: Client, start: Start, headers: dict[str, str]
) -> None:
    await client.register()
    fields = {FIELD: ALICE, "password": PASSWORD, "next": "/account?tab=2"}
    response = await client.post("/login", data=fields, headers=headers)
    way = response.headers["location"]
    assert (await client.get(way)).headers["location"] == "/account?tab=2"
    forgetful = browser(client.app)
    seen = Page(await forgetful.get(way))
    assert "has not kept the cookie" in seen.texts["alert"]
    assert seen.html.count("SESSION_COOKIE_SECURE") == 1
    assert 'name="next" value="/account?tab=2"' in seen.html
    assert "alert" not in Page(await forgetful.get("/login")).texts
    in_production = browser(await start(**PRODUCTION))
    seen = Page(await in_production.get("/login?signed_in=true"))
    assert "has not kept the cookie" in seen.texts["alert"]
    assert "SESSION_COOKIE_SECURE" not in seen.html


WRONG = "not the right password"


@pytest.mark.parametrize(
    ("path", "fields", "status", "field", "message"),
    [
        ("/login", {FIELD: ALICE, "password": WRONG}, 401, "password", SignInFailed.text),
        ("/login", {}, 422, FIELD, NO_NAME),
        ("/register", {FIELD: BOB, "password": "short"}, 422, "password", "at least 15"),
        ("/register", {FIELD: " ", "password": PASSWORD}, 422, FIELD, NO_NAME),
    ],
)
async def test_a_wrong_form_is_shown_again_with_the_error_beside_its_field(
    client: Client, path: str, fields: dict[str, str], status: int, field: str, message: str
) -> None:
    await client.register(ALICE)
    response = await submit(client, path, **fields)
    assert response.status_code == status
    assert ("www-authenticate" in response.headers) == (status == 401)
    assert "<title>Error: " in response.text
    assert WRONG not in response.text
    page = Page(response)
    assert page.elements[FIELD]["value"] == fields.get(FIELD, "")
    assert message in page.texts[f"{field}-error"]
    assert f"{field}-error" in str(page.elements[field]["aria-describedby"]).split()
    focused = {name for name, element in page.elements.items() if "autofocus" in element}
    invalid = {name for name, element in page.elements.items() if "aria-invalid" in element}
    assert focused == invalid == {field}


async def test_password_managers_know_which_field_is_which(client: Client) -> None:
    signed_out = {"/login": ["username", "current-password"], "/register": ["username"]}
    for path, purposes in signed_out.items():
        page = Page(await client.get(path))
        found = [page.elements[name]["autocomplete"] for name in (FIELD, "password")]
        assert found[: len(purposes)] == purposes
        # Shown for a moment, a password goes to no spelling service.
        assert page.elements["password"]["spellcheck"] == "false"
    assert page.elements["password"]["autocomplete"] == "new-password"
    await client.signed_in()
    page = Page(await client.get("/account"))
    assert page.elements["current_password"]["autocomplete"] == "current-password"
    assert page.elements["new_password"]["autocomplete"] == "new-password"


async def test_the_password_policy_is_shown_before_it_applies(client: Client) -> None:
    policy = "15 to 128 characters"
    assert policy in (await client.get("/register")).text
    await client.signed_in()
    assert policy in (await client.get("/account")).text


async def test_the_sign_in_form_says_how_long_to_wait(client: Client) -> None:
    for _ in range(5):
        await submit(client, "/login", **credentials("not the right password"))
    response = await submit(client, "/login", **credentials())
    assert response.status_code == 429
    assert response.headers["retry-after"] == "900"
    assert "Try again in 15 minutes." in response.text


async def test_remember_me_is_a_checkbox_that_is_not_ticked(client: Client) -> None:
    await client.register()
    checkbox = Page(await client.get("/login")).elements["remember"]
    assert (checkbox["type"], "checked" in checkbox) == ("checkbox", False)
    fields = credentials()
    response = await submit(client, "/login", **fields)
    assert "Max-Age" not in response.headers["set-cookie"]
    ticked = {"remember": str(checkbox["value"])}
    response = await submit(client, "/login", **fields, **ticked)
    assert "Max-Age" in response.headers["set-cookie"]


async def test_the_password_is_changed_by_its_form(client: Client) -> None:
    await client.signed_in()
    wrong = "not the right password"
    fields = {"current_password": wrong, "new_password": NEW_PASSWORD}
    response = await submit(client, "/account", **fields)
    assert response.status_code == 403
    assert "Wrong password." in response.text
    before = client.token
    fields["current_password"] = PASSWORD
    response = await submit(client, "/account", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/account")
    assert Page(await client.get("/account")).flash
    assert client.token != before


async def test_a_password_form_that_is_sent_without_a_session_leads_to_the_sign_in_page(
    client: Client,
) -> None:
    await client.signed_in()
    await client.app.state.services.users.end_sessions(ALICE)
    fields = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = await submit(client, "/account", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/login")


async def test_the_sign_in_form_revokes_the_session_that_it_was_sent_with(
    client: Client, other: Client
) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(MALLORY)
    fixated = str(other.token)
    headers = {"cookie": f"{COOKIE}={fixated}"}
    fields = credentials()
    response = await browser(client.app).post("/login", data=fields, headers=headers)
    assert response.status_code == 303
    assert fixated not in response.headers["set-cookie"]
    assert not await client.opens(fixated)


async def test_the_way_back_to_a_page_keeps_its_query(client: Client) -> None:
    response = await client.get("/account?tab=2")
    assert response.headers["location"] == "/login?next=/account%3Ftab%3D2"
    page = (await client.get(response.headers["location"])).text
    assert 'name="next" value="/account?tab=2"' in page


async def test_all_other_devices_are_signed_out_at_once(client: Client, other: Client) -> None:
    await client.signed_in()
    await other.signed_in()
    assert (await submit(client, "/account/sessions/end-others")).status_code == 303
    assert Page(await client.get("/account")).flash
    assert not await other.is_signed_in()
    assert await client.is_signed_in()


async def test_a_signed_in_user_does_not_see_the_forms_to_sign_in_and_register(
    client: Client,
) -> None:
    await client.signed_in()
    response = await client.get("/register")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    response = await client.get("/login?next=/account")
    assert (response.status_code, response.headers["location"]) == (303, "/account")


async def test_a_hostile_name_is_shown_as_text(client: Client) -> None:
    name = "<script>alert(1)</script>\"'"
    await client.signed_in()
    await client.app.state.services.database.execute(update(User).values(name=name))
    for path in ("/", "/account"):
        page = (await client.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    "path", ["/", "/account", "/account?tab=2", "/a/b?c=d&e=%20", "/stra%C3%9Fe/a%20b"]
)
def test_next_leads_to_a_path_of_this_app(path: str) -> None:
    assert safe_next(path) == path


async def test_style_and_script_are_served_from_here_and_no_page_has_any_inline(
    client: Client,
) -> None:
    await client.signed_in()
    assert (await client.get("/static/style.css")).status_code == 200
    assert (await client.get("/static/page.js")).status_code == 200
    for path in ("/static/../main.py", "/static/%2e%2e/main.py", "/static/..%2fmain.py"):
        assert (await client.get(path)).status_code == 404, path
    for path in ("/", "/account", "/nowhere"):
        page = (await client.get(path)).text
        scripts = re.findall(r'<script src="(.*?)" integrity=".*?"(?: defer)?></script>', page)
        assert scripts[:2] == ["/static/theme.js", "/static/page.js"]
        assert len(scripts) == page.count("<script")
        assert all(script.startswith("/static/") for script in scripts)
        assert not re.search(r"<style|style=|\son\w+=|https?://", page), path


async def test_a_browser_takes_the_script_and_style_that_a_page_names_and_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (await client.get("/nowhere")).text
    named = dict(re.findall(r'="(/static/\S+)" integrity="sha384-(\S+)"', page))
    files = ("page.js", "style.css", "theme.js")
    assert sorted(named) == [f"/static/{each}" for each in files]
    for path, digest in named.items():
        content = (await client.get(path)).content
        assert b64decode(digest) == hashlib.sha384(content).digest()
    # While you work on a file, the next page has the hash of what is in it now.
    monkeypatch.setattr(templating, "STATIC", tmp_path)
    hashes = set()
    for text in ("one", "two"):
        (tmp_path / "style.css").write_text(text)
        hashes.add(templating.integrity("style.css"))
    assert len(hashes) == 2


async def test_every_page_describes_the_app(client: Client) -> None:
    for path in ("/login", "/register", "/nowhere"):
        page = (await client.get(path)).text
        [description] = re.findall(r'<meta name="description" content="(.*?)">', page)
        assert unescape(description) == PROJECT["description"]


async def test_no_page_that_depends_on_a_session_may_be_cached(client: Client) -> None:
    responses = [await client.get(path) for path in ("/", "/login", "/account")]
    await client.signed_in()
    responses += [await client.get(path) for path in ("/", "/login", "/account")]
    for response in responses:
        assert response.headers["cache-control"] == "no-store", response.url
        assert "Cookie" in response.headers["vary"], response.url


async def test_registration_can_be_closed(start: Start) -> None:
    client = browser(await start(allow_registration=False))
    for response in (await client.get("/register"), await submit(client, "/register")):
        assert response.status_code == 403
        assert "<p>Registration is closed.</p>" in response.text
    assert "/register" not in (await client.get("/login")).text


async def test_a_page_costs_what_a_route_of_the_api_costs(
    client: Client, statements: list[str]
) -> None:
    @client.app.get("/test/page")
    async def show(request: Request, _: CurrentUser) -> Response:
        return templating.page(request, "base.html")

    await client.signed_in()
    statements.clear()
    assert (await client.get("/api/me")).status_code == 200
    [of_a_route] = statements
    statements.clear()
    assert (await client.get("/test/page")).status_code == 200
    assert statements == [of_a_route]


async def test_a_sensitive_page_asks_for_the_password_again_and_leads_back(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(601)
    for method, back in (("GET", "/account/delete"), ("POST", "/")):
        refused = await client.request(method, "/account/delete")
        assert refused.status_code == 403
        assert "<h1>Confirm your password</h1>" in refused.text
        assert f'name="next" value="{back}"' in refused.text
    fields = {"password": "not the right password", "next": "/account/delete"}
    wrong = await submit(client, "/confirm", **fields)
    assert wrong.status_code == 403
    assert "Wrong password." in wrong.text
    assert 'name="next" value="/account/delete"' in wrong.text
    fields["password"] = PASSWORD
    confirmed = await submit(client, "/confirm", **fields)
    assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/account/delete")
    assert "<h1>Delete your account</h1>" in (await client.get("/account/delete")).text
    assert "<h1>Confirm your password</h1>" in (await client.get("/confirm")).text


async def test_an_account_is_deleted_by_its_form(client: Client) -> None:
    await client.signed_in()
    response = await submit(client, "/account/delete")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.token is None
    assert Page(await client.get("/login")).flash
    assert (await client.sign_in()).status_code == 401
