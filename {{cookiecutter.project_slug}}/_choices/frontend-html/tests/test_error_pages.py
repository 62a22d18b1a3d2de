"""Errors are pages where a person is looking, and JSON for every other client."""

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import DispatchFunction, RequestResponseEndpoint

from app.logs import TextFormatter
from app.sessions.service import SessionService
from app.web.dependencies import public
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
