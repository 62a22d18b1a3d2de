"""Headers that every response has. The recorder looks at each; here is one of every kind."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, HTTPException, Request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.sessions.service import SessionService
from app.web.dependencies import CurrentAuth, CurrentUser, Users, public
from app.web.request_session import get_request_session
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import PRODUCTION, Start
from tests.recorder import check_default_headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/test/public", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/swagger-ui.css", 200),
        ("GET", "/api/me", 401),
        ("GET", "/nowhere", 404),
        ("POST", "/api/me", 405),
        ("POST", "/api/login", 422),
        ("GET", "/health/ready", 200),
        #{% if cookiecutter.frontend == "html" %}
        ("GET", "/", 303),
        ("GET", "/login", 200),
        ("GET", "/static/style.css", 200),
        ("GET", "/static/nowhere", 404),
        #{% endif %}
    ],
)
async def test_every_response_has_the_security_headers(
    client: Client, method: str, path: str, status: int
) -> None:
    #{% if cookiecutter.frontend == "html" %}
    client.headers["accept"] = "text/html"
    #{% endif %}
    response = await client.request(method, path)
    assert response.status_code == status
    check_default_headers(response)


async def test_a_refused_request_gets_the_security_headers(client: Client) -> None:
    refused = {
        400: {"host": "evil.example"},
        403: {"sec-fetch-site": "cross-site"},
        413: {"content-length": "99999999"},
    }
    for status, headers in refused.items():
        response = await client.post("/api/login", headers=headers)
        assert response.status_code == status
        assert response.json()["detail"]
        check_default_headers(response)


async def test_the_last_resort_500_has_the_security_headers_and_no_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret details")

    monkeypatch.setattr(SessionService, "load_with_user", broken)
    for path in ("/api/me", "/test/user"):
        response = await client.send_cookie(f"{COOKIE}=x", path)
        assert response.status_code == 500
        assert response.json() == {"detail": "Something went wrong. Try again later."}
        assert "ZeroDivisionError" not in response.text
        check_default_headers(response)
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["vary"] == "Cookie"


async def test_the_last_resort_500_in_production_pins_https(start: Start) -> None:
    app = await start(**PRODUCTION)

    @app.get("/broken")
    @public
    async def broken() -> None:
        raise ZeroDivisionError

    response = await Client(app).get("/broken")
    assert response.status_code == 500
    assert response.headers.get_list("strict-transport-security") == [
        "max-age=31536000; includeSubDomains"
    ]
    check_default_headers(response)


async def test_a_middleware_of_yours_that_fails_outside_of_all_checks_is_500(app: FastAPI) -> None:
    @app.middleware("http")
    async def broken(*_: object) -> Response:
        raise ZeroDivisionError

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
        response = await client.get("/api/me", headers={"accept": "text/html"})
    assert response.status_code == 500
    assert response.json() == {"detail": "Something went wrong. Try again later."}
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("error", "status"), [(HTTPException(418), 418), (ZeroDivisionError(), 500)]
)
async def test_a_middleware_of_yours_may_refuse_what_a_mounted_app_says(
    app: FastAPI, error: Exception, status: int
) -> None:
    @app.exception_handler(418)
    async def refused(_: Request, __: Exception) -> Response:
        return PlainTextResponse("No tea.", 418)

    async def refuse(request: Request, call_next: RequestResponseEndpoint) -> Response:
        await call_next(request)
        raise error

    app.user_middleware.append(Middleware(BaseHTTPMiddleware, dispatch=refuse))
    app.mount("/mounted", public(Starlette()))
    response = await Client(app).get("/mounted/nowhere")
    assert response.status_code == status
    said = "No tea." if status == 418 else '{"detail":"Something went wrong. Try again later."}'
    assert response.text == said
    check_default_headers(response)


async def test_a_route_that_waits_for_what_was_cancelled_loses_no_header(app: FastAPI) -> None:
    @app.get("/cancelled")
    @public
    async def wait() -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        # As a server does.
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    transport = httpx2.ASGITransport(serve)
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
        response = await client.get("/cancelled")
    assert response.status_code == 500
    check_default_headers(response)


async def awaited(_: Request, error: Exception) -> Response:
    return PlainTextResponse(type(error).__name__, 500)


def called(_: Request, error: Exception) -> Response:
    return PlainTextResponse(type(error).__name__, 500)


@pytest.mark.parametrize("handler", [awaited, called])
@pytest.mark.parametrize("kind", [500, Exception])
async def test_a_handler_of_yours_for_whatever_fails_loses_no_header(
    client: Client, kind: int | type[Exception], handler: Callable[..., Any]
) -> None:
    client.app.add_exception_handler(kind, handler)

    @client.app.post("/broken")
    async def broken(auth: CurrentAuth, users: Users) -> None:
        await users.confirm_password(auth, PASSWORD)
        raise ZeroDivisionError

    await client.signed_in()
    token = client.token
    response = await client.post("/broken")
    assert (response.status_code, response.text) == (500, "ZeroDivisionError")
    check_default_headers(response)
    assert response.headers["cache-control"] == "no-store"
    # The session has a new token, and the browser knows it.
    assert client.token != token
    assert await client.is_signed_in()


@pytest.mark.parametrize("fails", [True, False])
async def test_whatever_a_handler_of_yours_says_the_server_logs_the_traceback(
    app: FastAPI, fails: bool
) -> None:
    @app.exception_handler(Exception)
    def handle(_: Request, error: Exception) -> Response:
        if fails:
            raise error
        return PlainTextResponse("Bad gateway", 502)

    @app.get("/broken")
    @public
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="https://localhost"
        ) as client:
            await client.get("/broken")
    response = await Client(app).get("/broken")
    assert response.status_code == (500 if fails else 502)
    check_default_headers(response)


async def test_a_middleware_of_yours_may_read_a_body_that_is_too_large(start: Start) -> None:
    async def read(request: Request, call_next: RequestResponseEndpoint) -> Response:
        await request.body()
        return await call_next(request)

    app = await start(trusted_origins="https://front.example")
    app.user_middleware.append(Middleware(BaseHTTPMiddleware, dispatch=read))
    origin = {"origin": "https://front.example"}
    response = await Client(app).post("/api/login", content=b"x" * 65_537, headers=origin)
    assert response.status_code == 413
    assert response.json() == {"detail": "The request body is too large."}
    # A front end on another site has to be able to read it.
    assert response.headers["access-control-allow-origin"] == "https://front.example"
    check_default_headers(response)


async def test_the_pages_of_the_framework_for_debugging_are_shown(app: FastAPI) -> None:
    app.debug = True

    @app.get("/broken")
    @public
    async def broken() -> None:
        raise ZeroDivisionError("on purpose")

    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
        assert "on purpose" in (await client.get("/broken")).text
    app.debug = False


async def test_a_middleware_of_yours_may_ask_a_store_that_is_out_of_reach(
    start: Start, unreachable_database_url: str
) -> None:
    async def ask(request: Request, call_next: RequestResponseEndpoint) -> Response:
        await get_request_session(request).services.ping()
        return await call_next(request)

    app = await start(database_url=unreachable_database_url)
    app.user_middleware.append(Middleware(BaseHTTPMiddleware, dispatch=ask))
    response = await Client(app).get("/test/public")
    assert response.status_code == 503
    assert response.headers["retry-after"].isdigit()
    check_default_headers(response)


async def test_a_route_may_have_cookies_headers_and_statuses_of_its_own(client: Client) -> None:
    own = {
        "content-security-policy": "default-src 'self'",
        "x-frame-options": "SAMEORIGIN",
        "location": "https://elsewhere.example/",
        "set-cookie": "theme=dark; Domain=localhost",
        "cache-control": "max-age=60",
    }

    @client.app.get("/public")
    @public
    async def of_everybody() -> Response:
        return Response(status_code=307, headers=own)

    @client.app.get("/protected")
    async def of_a_user(_: CurrentUser) -> Response:
        return Response(status_code=401, headers=own)

    await client.signed_in()
    for path, status, cache in (("/public", 307, "max-age=60"), ("/protected", 401, "no-store")):
        response = await client.get(path)
        assert response.status_code == status
        for name, value in (own | {"cache-control": cache}).items():
            assert response.headers.get_list(name) == [value]


async def test_a_cache_asks_before_it_uses_a_response_again(client: Client) -> None:
    response = await client.get("/test/public")
    assert response.headers.get_list("cache-control") == ["no-cache"]
    #{% if cookiecutter.frontend == "html" %}
    response = await client.get("/static/style.css")
    assert response.headers.get_list("cache-control") == ["no-cache"]
    known = {"if-none-match": response.headers["etag"]}
    response = await client.get("/static/style.css", headers=known)
    assert response.status_code == 304
    assert response.headers.get_list("cache-control") == ["no-cache"]
    #{% endif %}


async def test_405_names_every_allowed_method(client: Client) -> None:
    mounted = FastAPI(openapi_url=None)
    for method in (mounted.get, mounted.put):
        method("/{name}")(public(lambda name: name))
    client.app.mount("/mounted", mounted)
    expected = {
        "/api/me": "GET, HEAD",
        "/test/values/theme": "DELETE, PUT",
        "/mounted/own": "GET, HEAD, PUT",
    }
    for path, methods in expected.items():
        response = await client.request("PATCH", path)
        assert response.status_code == 405
        assert response.headers.get_list("allow") == [methods]


async def test_no_response_that_depended_on_a_session_is_cached(client: Client) -> None:
    await client.register()
    responses = [await client.sign_in()]
    for path in ("/api/me", "/api/session", "/test/values"):
        responses.append(await client.get(path))
    responses.append(await client.post("/api/logout"))
    responses.append(await client.get("/api/me"))
    for response in responses:
        assert response.headers["cache-control"] == "no-store", response.url
        assert response.headers["vary"] == "Cookie", response.url


async def test_a_public_route_looks_at_no_session(client: Client, statements: list[str]) -> None:
    await client.signed_in()
    statements.clear()
    response = await client.get("/test/public")
    assert response.status_code == 200
    assert "vary" not in response.headers
    assert statements == []


async def test_production_speaks_https_only(start: Start) -> None:
    client = Client(await start(**PRODUCTION))
    response = await client.get("/test/public")
    assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    client.base_url = httpx2.URL("http://localhost")
    for path in ("/nowhere", "/api/login"):
        response = await client.post(path)
        assert response.status_code == 307
        assert response.headers["location"] == f"https://localhost{path}"
        assert "strict-transport-security" not in response.headers
        assert "set-cookie" not in response.headers
    for host in ("localhost", "10.0.0.7:8000"):
        response = await client.get("/health/live", headers={"host": host})
        assert response.status_code == 200


async def test_a_header_does_not_make_http_https(start: Start) -> None:
    client = Client(await start(**PRODUCTION))
    # As uvicorn hands it on when it believes the header.
    response = await client.get("/test/public", headers={"x-forwarded-proto": "https"})
    assert response.status_code == 307
    assert "strict-transport-security" not in response.headers


async def test_development_does_not_pin_localhost_to_https(client: Client) -> None:
    response = await client.get("/test/public")
    assert "strict-transport-security" not in response.headers
