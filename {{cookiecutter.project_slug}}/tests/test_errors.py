"""Errors that a route of yours raises reach the client as what they are, as JSON or as a page."""

from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI, HTTPException, Request, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from pydantic import BaseModel, ValidationError, model_validator
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response

from app.errors import AppError, StoreUnavailable
from app.web.dependencies import public
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import PRODUCTION, Start
from tests.recorder import check_default_headers
from tests.websocket import Socket

pytestmark = pytest.mark.parametrize("accept", ["*/*", "text/html"])

CHALLENGE = f'Cookie cookie-name="{COOKIE}"'


def raising(app: FastAPI, error: Exception) -> Client:
    """Return a client of the app, which raises the error at /raised."""

    @app.get("/raised")
    @public
    async def fail() -> None:
        raise error

    return Client(app)


DETAILS: tuple[object, ...] = (
    "no",
    "",
    None,
    0,
    {"code": 7},
    [],
    ["one", "two"],
    [["one"]],
    [{"code": 7}],
    [{"loc": [], "msg": "one"}],
    [{"loc": 7, "msg": "one"}],
    [{"loc": ["name"], "msg": "one"}, "two"],
    [{"loc": ["name"]}],
)


@pytest.mark.parametrize("detail", DETAILS, ids=str)
async def test_an_error_has_its_status_whatever_it_says(
    app: FastAPI, accept: str, detail: object
) -> None:
    client = raising(app, HTTPException(400, detail))
    for method in ("GET", "HEAD"):
        response = await client.request(method, "/raised", headers={"accept": accept})
        assert response.status_code == 400
        check_default_headers(response)
    response = await client.get("/raised", headers={"accept": "application/json"})
    assert response.json() == {"detail": "Bad Request" if detail is None else detail}


async def test_an_error_keeps_its_headers(app: FastAPI, accept: str) -> None:
    client = raising(app, HTTPException(405, headers={"X-Instead": "/other"}))
    app.add_api_route("/raised", public(lambda: None), methods=["PUT"])
    response = await client.get("/raised", headers={"accept": accept})
    assert response.status_code == 405
    assert response.headers["x-instead"] == "/other"
    assert response.headers.get_list("allow") == ["PUT"]


async def test_what_a_route_says_that_it_allows_stays(app: FastAPI, accept: str) -> None:
    client = raising(app, HTTPException(405, headers={"Allow": "GET"}))
    app.add_api_route("/raised", public(lambda: None), methods=["PUT"])
    response = await client.get("/raised", headers={"accept": accept})
    assert response.headers.get_list("allow") == ["GET"]


@pytest.mark.parametrize("kind", [HTTPException, StarletteHTTPException])
@pytest.mark.parametrize("status", [419, 499, 599])
async def test_an_error_may_have_a_status_without_a_name(
    app: FastAPI, accept: str, status: int, kind: type[HTTPException]
) -> None:
    client = raising(app, kind(status))
    response = await client.get("/raised", headers={"accept": accept})
    assert response.status_code == status
    check_default_headers(response)


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_an_error_that_must_not_have_content_has_none(
    app: FastAPI, accept: str, status: int
) -> None:
    """Or the server drops the connection, over which a proxy may send requests of others."""
    client = raising(app, HTTPException(status, "text", {"etag": '"x"'}))
    for method in ("GET", "HEAD"):
        response = await client.request(method, "/raised", headers={"accept": accept})
        assert (response.status_code, response.content) == (status, b"")
        assert response.headers["etag"] == '"x"'
        assert response.headers.get("content-length", "0") == "0"
        check_default_headers(response)


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 1000])
async def test_what_is_no_status_of_a_response_is_500(
    start: Start, accept: str, status: int
) -> None:
    client = raising(await start(**PRODUCTION), HTTPException(status))

    @client.app.middleware("http")
    async def refuse(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if request.url.path == "/refused":
            raise HTTPException(status)
        return await call_next(request)

    client.app.mount("/mounted", raising(FastAPI(openapi_url=None), HTTPException(status)).app)
    for path in ("/raised", "/refused", "/mounted/raised"):
        response = await client.get(path, headers={"accept": accept})
        assert response.status_code == 500
        check_default_headers(response)


@pytest.mark.parametrize("kind", [HTTPException, StarletteHTTPException])
@pytest.mark.parametrize("headers", [None, {}, {"x-own": "yes"}])
@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_401_of_yours_says_how_to_sign_in(
    app: FastAPI,
    accept: str,
    kind: type[HTTPException],
    headers: dict[str, str] | None,
    signed_in: bool,
) -> None:
    client = raising(app, kind(401, "Wrong PIN.", headers))
    if signed_in:
        await client.signed_in()
    response = await client.get("/raised", headers={"accept": accept})
    assert response.status_code == 401
    assert "Wrong PIN." in response.text
    assert response.headers["www-authenticate"] == CHALLENGE
    assert response.headers.get("x-own") == (headers or {}).get("x-own")


@pytest.mark.parametrize("name", ["WWW-Authenticate", "www-authenticate"])
async def test_a_401_of_yours_may_ask_for_something_else(
    app: FastAPI, accept: str, name: str
) -> None:
    client = raising(app, HTTPException(401, headers={name: "Basic"}))
    response = await client.get("/raised", headers={"accept": accept})
    assert response.status_code == 401
    assert response.headers.get_list("www-authenticate") == ["Basic"]


class Span(BaseModel):
    first: int
    last: int
    password: str = PASSWORD

    @model_validator(mode="after")
    def check(self) -> "Span":
        raise ValueError("The last is before the first.")


def mistakes_of_a_model() -> list[object]:
    with pytest.raises(ValidationError) as caught:
        Span(first=2, last=1)
    return [*caught.value.errors()]


MISTAKE = {"type": "value_error", "loc": ["body"], "msg": "No."}
MISTAKES = {
    "of a model": mistakes_of_a_model(),
    "none": [],
    "without a type": [{"loc": ("body", "name"), "msg": "No.", "input": PASSWORD}],
    "a tuple": ({**MISTAKE, "input": PASSWORD},),
    "texts": ["one", "two"],
    "text": "No.",
}


@pytest.mark.parametrize("mistakes", MISTAKES.values(), ids=MISTAKES.keys())
async def test_a_validation_error_of_yours_is_422_without_what_was_sent(
    app: FastAPI, accept: str, mistakes: list[object]
) -> None:
    client = raising(app, RequestValidationError(mistakes))
    response = await client.get("/raised", headers={"accept": accept})
    assert response.status_code == 422
    assert PASSWORD not in response.text
    check_default_headers(response)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (HTTPException(403, "No."), 403, 1008),
        (AppError("No."), 422, 1008),
        (StoreUnavailable(), 503, 1013),
        (RequestValidationError([MISTAKE]), 422, 1008),
        (WebSocketRequestValidationError([{**MISTAKE, "input": PASSWORD}]), 422, 1008),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_an_error_refuses_a_websocket_and_closes_one_that_is_open(
    app: FastAPI, accept: str, error: Exception, status: int, code: int
) -> None:
    @app.websocket("/early")
    @public
    async def early(_: WebSocket) -> None:
        raise error

    @app.websocket("/late")
    @public
    async def late(websocket: WebSocket) -> None:
        await websocket.accept()
        raise error

    client, headers = Client(app), {"accept": accept}
    async with Socket(client, headers, path="/early") as socket:
        assert (await socket.receive())["status"] == status
        assert PASSWORD.encode() not in (await socket.receive())["body"]
    async with Socket(client, headers, path="/late") as socket:
        await socket.accepted()
        assert [(each["type"], each.get("code")) for each in await socket.rest()] == [
            ("websocket.close", code)
        ]


async def test_a_wrong_parameter_of_a_websocket_is_named(app: FastAPI, accept: str) -> None:
    @app.websocket("/room/{number}")
    @public
    async def enter(_: WebSocket, number: int) -> None:
        raise NotImplementedError

    async with Socket(Client(app), {"accept": accept}, path="/room/secret") as socket:
        assert (await socket.receive())["status"] == 422
        body = (await socket.receive())["body"]
        assert b'"number"' in body
        assert b"secret" not in body
