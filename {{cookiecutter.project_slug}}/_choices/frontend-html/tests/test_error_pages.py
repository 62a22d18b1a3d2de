"""Errors are pages where a person is looking, and JSON for every other client."""

from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPBasic
from starlette.middleware.base import DispatchFunction, RequestResponseEndpoint

from app.logs import TextFormatter
from app.sessions.service import SessionService
from app.sessions.session import SessionEnded
from app.web.dependencies import (
    CurrentSession,
    CurrentUser,
    NotAuthenticated,
    OptionalUser,
    public,
)
from tests.client import COOKIE, ORIGIN, Client
from tests.conftest import PRODUCTION, Start
from tests.people import FIELD
from tests.test_database import known_token
from tests.test_pages import browser, submit


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


async def test_an_error_is_a_page_for_a_request_that_accepts_html(client: Client) -> None:
    response = await client.get("/nowhere")
    assert response.status_code == 404
    assert "<h1>Page not found</h1>" in response.text
    assert (await client.get("/api/nowhere")).json() == {"detail": "Not Found"}


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain", ""])
async def test_an_error_is_json_for_every_other_request(client: Client, accept: str) -> None:
    headers = {"accept": accept}
    for path, status in (("/nowhere", 404), ("/", 401), ("/account", 401)):
        response = await client.get(path, headers=headers)
        assert response.status_code == status
        assert list(response.json()) == ["detail"]
    response = await client.post("/login", data={FIELD: "a" * 1025}, headers=headers)
    assert response.status_code == 422
    assert list(response.json()) == ["detail"]


async def test_a_malformed_form_is_refused_with_a_page(client: Client) -> None:
    response = await submit(client, "/login", **{FIELD: "a" * 1025})
    assert response.status_code == 422
    assert "<h1>Bad request</h1>" in response.text
    assert f"{FIELD}: String should have at most 1024 characters." in response.text


async def fail(*_: object) -> None:
    raise ZeroDivisionError("secret <details>")


async def test_an_unexpected_error_is_a_page_without_details_in_production(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SessionService, "load_with_user", fail)
    client = browser(await start(**PRODUCTION))
    client.use_token("x")
    response = await client.get("/")
    assert response.status_code == 500
    assert "<h1>Something went wrong</h1>" in response.text
    assert "secret" not in response.text
    assert "Traceback" not in response.text


async def test_the_page_of_an_unexpected_error_shows_where_it_was_raised_in_development(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SessionService, "load_with_user", fail)
    # Past the recorder, which lets no internals through.
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        cookie = {"cookie": f"{COOKIE}=x"}
        shown = (await client.get("/", headers={**cookie, "accept": "text/html"})).text
        assert "ZeroDivisionError: secret &lt;details&gt;" in shown
        assert "tests/test_error_pages.py" in shown.replace("\\", "/")
        # Programs are told nothing more, and neither is whoever asks for what is not there.
        assert "secret" not in (await client.get("/api/me", headers=cookie)).text
        missing = await client.get("/nowhere", headers={"accept": "text/html"})
        assert "Traceback" not in missing.text


async def test_a_page_is_503_while_the_database_is_unreachable(
    start: Start, client: Client, unreachable_database_url: str
) -> None:
    await client.signed_in()
    app = await start(database_url=unreachable_database_url)
    cut_off = browser(app)
    assert (await cut_off.get("/login")).status_code == 200
    cut_off.use_token(await known_token(app, client))
    response = await cut_off.get("/account")
    assert response.status_code == 503
    assert response.headers["retry-after"].isdigit()
    assert "<h1>Temporarily unavailable</h1>" in response.text
    assert response.headers["x-request-id"] in response.text


async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


@pytest.mark.parametrize("middleware", [(), (pass_on,)], ids=["ours alone", "one of the owner's"])
async def test_the_page_of_a_failure_names_the_request_and_so_does_the_log(
    start: Start, caplog: pytest.LogCaptureFixture, middleware: tuple[DispatchFunction, ...]
) -> None:
    client = browser(await start(**PRODUCTION))
    caplog.handler.setFormatter(TextFormatter())
    for each in middleware:
        client.app.middleware("http")(each)

    @client.app.get("/broken")
    @public
    async def broken() -> None:
        raise ZeroDivisionError

    for path, status in {"/broken": 500, "/nowhere": 404}.items():
        response = await client.get(path)
        assert response.status_code == status
        request_id = response.headers["x-request-id"]
        assert (request_id in response.text) == (status == 500)
        assert (f"[{request_id}] GET {path} has failed." in caplog.text) == (status == 500)


async def test_an_error_says_on_its_page_what_people_can_read(client: Client) -> None:
    advice = "Something in the request is not valid. Go back and try again."
    shown = {
        advice: ("", [], {"code": 7}, [{"code": 7}], [{"loc": ["name"]}]),
        "one two": (["one", "two"],),
        "name: One. two": ([{"loc": ["body", "name"], "msg": "One"}, "two"],),
        "One.": ([{"loc": (), "msg": "One"}],),
    }
    said = [(detail, text) for text, details in shown.items() for detail in details]

    @client.app.get("/raised/{number}")
    @public
    async def fail(number: int) -> None:
        raise HTTPException(400, said[number][0])

    for number, (_, text) in enumerate(said):
        assert f"<p>{text}</p>" in (await client.get(f"/raised/{number}")).text, text


async def test_the_page_of_any_failure_of_the_server_says_that_it_is_one(client: Client) -> None:
    @client.app.get("/raised/{status}")
    @public
    async def fail(status: int) -> None:
        raise HTTPException(status)

    for status in (501, 502, 599):
        response = await client.get(f"/raised/{status}")
        assert response.status_code == status
        assert "<h1>Something went wrong</h1>" in response.text
    assert "<h1>Bad request</h1>" in (await client.get("/raised/499")).text


def ask_for_a_pin(app: FastAPI) -> None:
    """Add pages that respond with 401, whoever is signed in."""

    @app.get("/pin")
    @public
    async def for_everybody() -> None:
        raise HTTPException(401, "Wrong PIN.")

    @app.get("/pin/user")
    async def for_users(_: CurrentUser) -> None:
        raise HTTPException(401, "Wrong PIN.")

    @app.get("/pin/session")
    async def for_sessions(_: CurrentSession) -> None:
        raise NotAuthenticated("Wrong PIN.")

    @app.get("/basic")
    async def basic(_: OptionalUser, __: Annotated[object, Depends(HTTPBasic())]) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("samesite", ["lax", "strict"])
async def test_a_401_leads_nobody_to_sign_in_who_is_signed_in(start: Start, samesite: str) -> None:
    """The sign-in page would lead them back, and so on for ever."""
    client = await browser(await start(session_samesite=samesite)).signed_in()
    ask_for_a_pin(client.app)
    for path in ("/pin", "/pin/user", "/pin/session"):
        response = await client.get(path)
        assert response.status_code == 401
        assert "<p>Wrong PIN.</p>" in response.text
        assert response.headers["www-authenticate"].startswith("Cookie ")
    response = await client.get("/basic")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Basic")


async def test_a_401_leads_to_sign_in_where_that_would_help(client: Client) -> None:
    ask_for_a_pin(client.app)

    @client.app.get("/own")
    @public
    async def own(user: OptionalUser) -> None:
        if not user:
            raise HTTPException(401)
        raise SessionEnded

    for path in ("/pin/user", "/pin/session", "/own"):
        response = await client.get(path)
        assert response.status_code == 303
        assert response.headers["location"] == f"/login?next={path}"
    response = await client.get("/basic")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Basic")
    # There, signing in changes nothing.
    assert (await client.get("/pin")).status_code == 401
    await client.signed_in()
    assert (await client.get("/own")).headers["location"] == "/login?next=/own"
