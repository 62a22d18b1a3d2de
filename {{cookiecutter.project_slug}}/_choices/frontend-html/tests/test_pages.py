"""The pages, as a client without JavaScript uses them."""

import re
from html.parser import HTMLParser

import httpx2
import pytest

from app.config import ROOT
from app.pages.redirects import safe_next
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock, Start

NEW_PASSWORD = "quite another set of words"


async def submit(client: Client, path: str, **fields: str) -> httpx2.Response:
    headers = {"sec-fetch-site": "same-origin"}
    return await client.post(path, data=fields, headers=headers)


class Page(HTMLParser):
    """What a client sees of a page: its elements that have an id, and the text in each."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.elements: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self._last = ""
        self.feed(response.text)

    def handle_starttag(self, _: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self._last = found.get("id") or ""
        self.elements[self._last] = found

    def handle_data(self, data: str) -> None:
        self.texts[self._last] = self.texts.get(self._last, "") + data


async def test_register_sign_in_look_around_and_sign_out(client: Client) -> None:
    response = await submit(client, "/register", username="alice", password=PASSWORD)
    assert (response.status_code, response.headers["location"]) == (303, "/login?registered=1")
    assert "Your account is open" in (await client.get("/login?registered=1")).text

    response = await submit(client, "/login", username="alice", password=PASSWORD)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "Hello alice" in (await client.get("/")).text
    assert "Change password" in (await client.get("/account")).text

    copied = client.token
    response = await submit(client, "/logout")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.token is None
    assert not await client.opens(copied)
    assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize("path", ["/", "/account"])
async def test_a_page_leads_to_sign_in_and_back(client: Client, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 303
    assert response.headers["location"] == f"/login?next={path}"
    assert f'name="next" value="{path}"' in (await client.get(f"/login?next={path}")).text
    await client.register()
    response = await submit(client, "/login", username="alice", password=PASSWORD, next=path)
    assert response.headers["location"] == path


WRONG = "not the right password"


@pytest.mark.parametrize(
    ("path", "fields", "status", "field", "message"),
    [
        ("/login", {"username": "alice", "password": WRONG}, 401, "password", "Wrong user name"),
        ("/login", {}, 422, "username", "A user name is needed"),
        ("/register", {"username": "bob", "password": "short"}, 422, "password", "at least 15"),
        ("/register", {"username": "ALICE", "password": PASSWORD}, 409, "username", "is taken"),
        ("/register", {"username": "\n", "password": PASSWORD}, 422, "username", "is needed"),
    ],
)
async def test_a_wrong_form_is_shown_again_and_says_beside_its_field_what_was_wrong(
    client: Client, path: str, fields: dict[str, str], status: int, field: str, message: str
) -> None:
    await client.register("alice")
    response = await submit(client, path, **fields)
    assert response.status_code == status
    assert ("www-authenticate" in response.headers) == (status == 401)
    assert "<title>Error: " in response.text
    assert WRONG not in response.text
    page = Page(response)
    assert page.elements["username"]["value"] == fields.get("username", "")
    assert message in page.texts[f"{field}-fault"]
    assert f"{field}-fault" in str(page.elements[field]["aria-describedby"]).split()
    focused = {name for name, element in page.elements.items() if "autofocus" in element}
    invalid = {name for name, element in page.elements.items() if "aria-invalid" in element}
    assert focused == invalid == {field}


async def test_password_managers_know_which_field_is_which(client: Client) -> None:
    signed_out = {"/login": ["username", "current-password"], "/register": ["username"]}
    for path, purposes in signed_out.items():
        page = Page(await client.get(path))
        found = [page.elements[name]["autocomplete"] for name in ("username", "password")]
        assert found[: len(purposes)] == purposes
        # Shown for a moment, a password goes to no spelling service.
        assert page.elements["password"]["spellcheck"] == "false"
    assert page.elements["password"]["autocomplete"] == "new-password"
    await client.signed_in()
    page = Page(await client.get("/account"))
    assert page.elements["current_password"]["autocomplete"] == "current-password"
    assert page.elements["new_password"]["autocomplete"] == "new-password"


async def test_the_policy_is_told_before_it_bites(client: Client) -> None:
    policy = "15 to 128 characters"
    assert policy in (await client.get("/register")).text
    await client.signed_in()
    assert policy in (await client.get("/account")).text


async def test_the_sign_in_form_says_how_long_to_wait(client: Client) -> None:
    for _ in range(5):
        await submit(client, "/login", username="alice", password="not the right password")
    response = await submit(client, "/login", username="alice", password=PASSWORD)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "900"
    assert "Try again in 15 min." in response.text


async def test_remember_me_is_a_box_to_tick(client: Client) -> None:
    await client.register()
    response = await submit(client, "/login", username="alice", password=PASSWORD, remember="true")
    assert "Max-Age" in response.headers["set-cookie"]


async def test_the_password_form(client: Client) -> None:
    await client.signed_in()
    wrong = "not the right password"
    fields = {"current_password": wrong, "new_password": NEW_PASSWORD}
    response = await submit(client, "/account", **fields)
    assert response.status_code == 403
    assert "not your password" in response.text
    before = client.token
    fields["current_password"] = PASSWORD
    response = await submit(client, "/account", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/account?changed=1")
    assert "Your password is changed" in (await client.get("/account?changed=1")).text
    assert client.token != before


async def test_a_password_form_that_is_sent_after_logout_elsewhere_leads_to_sign_in(
    client: Client,
) -> None:
    await client.signed_in()
    await client.app.state.services.users.end_sessions("alice")
    fields = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    response = await submit(client, "/account", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/login")


#{% if cookiecutter.session_backend != "signed-cookie" %}
async def test_another_device_is_signed_out_from_the_account_page(
    client: Client, other: Client
) -> None:
    await client.signed_in()
    await other.sign_in()
    page = (await client.get("/account")).text
    assert "192.0.2.1" in page
    [action] = re.findall(r'action="(/account/sessions/[0-9a-f]{64}/end)"', page)
    assert (await submit(client, action)).status_code == 303
    assert not await other.is_signed_in()
    assert (await submit(client, action)).status_code == 404


async def test_signing_out_this_device_from_the_list_deletes_its_cookie(client: Client) -> None:
    await client.signed_in()
    here = (await client.get("/api/session")).json()["id"]
    assert (await submit(client, f"/account/sessions/{here.upper()}/end")).status_code == 303
    assert client.token is None


#{% endif %}
async def test_the_form_ends_the_session_that_it_was_sent_with(
    client: Client, other: Client
) -> None:
    await client.signed_in("alice")
    await other.signed_in("mallory")
    planted = str(other.token)
    headers = {"cookie": f"{COOKIE}={planted}"}
    fields = {"username": "alice", "password": PASSWORD}
    response = await Client(client.app).post("/login", data=fields, headers=headers)
    assert response.status_code == 303
    assert planted not in response.headers["set-cookie"]
    assert not await client.opens(planted)


async def test_the_way_back_keeps_the_query_of_a_page(client: Client) -> None:
    response = await client.get("/account?changed=1")
    assert response.headers["location"] == "/login?next=/account%3Fchanged%3D1"
    page = (await client.get(response.headers["location"])).text
    assert 'name="next" value="/account?changed=1"' in page


async def test_all_other_devices_are_signed_out_at_once(client: Client, other: Client) -> None:
    await client.signed_in()
    await other.sign_in()
    assert (await submit(client, "/account/sessions/end-others")).status_code == 303
    assert not await other.is_signed_in()
    assert await client.is_signed_in()


async def test_somebody_who_is_signed_in_does_not_see_the_forms_to_get_in(
    client: Client,
) -> None:
    await client.signed_in()
    response = await client.get("/register")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    response = await client.get("/login?next=/account")
    assert (response.status_code, response.headers["location"]) == (303, "/account")


async def test_a_hostile_name_is_shown_as_text(client: Client) -> None:
    name = "<script>alert(1)</script>\"'"
    await client.signed_in(name)
    for path in ("/", "/account"):
        page = (await client.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


async def test_a_page_that_is_not_there_is_a_page(client: Client) -> None:
    response = await client.get("/nowhere")
    assert response.status_code == 404
    assert "<h1>Not found</h1>" in response.text
    assert (await client.get("/api/nowhere")).json() == {"detail": "Not Found"}


async def test_a_form_that_is_no_form_is_refused_with_a_page(client: Client) -> None:
    response = await submit(client, "/login", username="a" * 1025)
    assert response.status_code == 422
    assert "<h1>" in response.text


@pytest.mark.parametrize(
    "path", ["/", "/account", "/account?changed=1", "/a/b?c=d&e=%20", "/stra%C3%9Fe/a%20b"]
)
def test_next_leads_to_a_path_of_this_app(path: str) -> None:
    assert safe_next(path) == path


async def test_style_and_script_are_served_from_here_and_no_page_has_any_inline(
    client: Client,
) -> None:
    await client.signed_in()
    assert (await client.get("/static/style.css")).status_code == 200
    assert (await client.get("/static/page.js")).status_code == 200
    assert (await client.get("/static/../main.py")).status_code == 404
    for path in ("/", "/account", "/nowhere"):
        page = (await client.get(path)).text
        assert re.findall(r"<script.*?</script>", page) == [
            '<script src="/static/page.js" defer></script>'
        ]
        assert not re.search(r"<style|style=|\son\w+=|https?://", page), path


def test_every_text_of_the_pages_is_where_texts_are() -> None:
    for path in (ROOT / "app" / "web" / "templates").iterdir():
        text = re.sub(r"[{][#%{].*?[}%#][}]", "", path.read_text("utf-8"), flags=re.DOTALL)
        spoken = re.findall(r'(?:alt|title|placeholder|aria-label)="([^"]*)"', text)
        spoken.append(re.sub(r"<[^>]*>", "", text))
        assert not re.search(r"[a-z]", "".join(spoken), re.IGNORECASE), path.name


async def test_no_page_that_depends_on_a_session_is_stored(client: Client) -> None:
    responses = [await client.get(path) for path in ("/", "/login", "/account")]
    await client.signed_in()
    responses += [await client.get(path) for path in ("/", "/login", "/account")]
    for response in responses:
        assert response.headers["cache-control"] == "no-store", response.url
        assert "Cookie" in response.headers["vary"], response.url


async def test_an_error_of_last_resort_is_a_page_without_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret details")

    monkeypatch.setattr(client.app.state.services.sessions, "load_with_user", broken)
    response = await client.send_cookie(f"{COOKIE}=x", "/")
    assert response.status_code == 500
    assert response.headers["content-type"].startswith("text/html")
    assert "secret details" not in response.text


async def test_registration_can_be_closed(start: Start) -> None:
    client = Client(await start(allow_registration=False))
    assert (await client.get("/register")).status_code == 403
    assert (await client.post("/register")).status_code == 403
    assert "/register" not in (await client.get("/login")).text


async def test_a_page_costs_what_a_route_costs(client: Client, statements: list[str]) -> None:
    await client.signed_in()
    statements.clear()
    assert (await client.get("/api/me")).status_code == 200
    of_a_route = list(statements)
    statements.clear()
    assert (await client.get("/")).status_code == 200
    assert statements == of_a_route


async def test_a_page_is_503_while_the_database_is_out_of_reach(
    start: Start, client: Client, unreachable_database_url: str
) -> None:
    await client.signed_in()
    cut_off = Client(await start(database_url=unreachable_database_url))
    response = await cut_off.send_cookie(f"{COOKIE}={client.token}", "/account")
    assert response.status_code in (303, 503)
    assert (await cut_off.get("/login")).status_code == 200


async def test_a_page_that_wants_a_fresh_proof_asks_for_it_and_leads_back(
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
    assert "not your password" in wrong.text
    assert 'name="next" value="/account/delete"' in wrong.text
    fields["password"] = PASSWORD
    confirmed = await submit(client, "/confirm", **fields)
    assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/account/delete")
    assert "Delete the account" in (await client.get("/account/delete")).text
    assert "Confirm your password" in (await client.get("/confirm")).text


async def test_an_account_is_deleted_by_its_form(client: Client) -> None:
    await client.signed_in()
    response = await submit(client, "/account/delete")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.token is None
    assert (await client.sign_in()).status_code == 401
