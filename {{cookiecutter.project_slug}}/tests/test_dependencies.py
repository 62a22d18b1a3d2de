"""Dependencies protect routes as FastAPI documents them, and no route is left unprotected."""

import functools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from app.config import Settings
from app.main import create_app
from app.models import ADMIN, User
from app.sessions.service import SessionService
from app.web.default_deny import refuse_unprotected_routes
from app.web.dependencies import (
    CurrentAuth,
    CurrentSession,
    CurrentSettings,
    CurrentUser,
    OptionalUser,
    RequireSession,
    current_user,
    optional_user,
    public,
    require_role,
)
from tests.client import Client
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, FIELD
from tests.websocket import SESSION_ENDED, Socket

PROTECTED = [Depends(current_user)]


async def unprotected() -> str:
    return "open"


async def protected(user: CurrentUser) -> str:
    return user.name


@public
async def for_everybody(user: OptionalUser) -> str:
    return user.name if user else "anonymous"


async def test_a_public_route_may_ask_who_is_signed_in(client: Client) -> None:
    client.app.add_api_route("/greet", for_everybody)
    refuse_unprotected_routes(client.app)
    assert (await client.get("/greet")).json() == "anonymous"
    await client.signed_in()
    response = await client.get("/greet")
    assert response.json() == ALICE
    assert response.headers["cache-control"] == "no-store"


async def test_a_route_reads_the_settings_of_the_app_that_it_is_in(start: Start) -> None:
    @public
    async def lifetime(settings: CurrentSettings) -> int:
        return settings.session_lifetime

    for seconds in (4_000, 5_000):
        app = await start(session_lifetime=seconds)
        app.add_api_route("/lifetime", lifetime)
        assert (await Client(app).get("/lifetime")).json() == seconds


async def test_a_dependency_protects_wherever_fastapi_lets_one_write_it(client: Client) -> None:
    router = APIRouter()
    router.add_api_route("/of-the-route", unprotected, dependencies=PROTECTED)
    router.add_api_route("/of-a-parameter", protected)

    @router.get("/in-a-thread")
    def in_a_thread(user: CurrentUser, session: CurrentSession) -> int:
        assert user.id == session.record.user_id
        return user.id

    of_the_router = APIRouter(dependencies=PROTECTED)
    of_the_router.add_api_route("/of-the-router", unprotected)
    plain = APIRouter()
    plain.add_api_route("/of-the-inclusion", unprotected)
    router.include_router(plain, dependencies=PROTECTED)
    client.app.include_router(router)
    client.app.include_router(of_the_router)
    refuse_unprotected_routes(client.app)

    paths = [
        "/of-the-route",
        "/of-a-parameter",
        "/in-a-thread",
        "/of-the-router",
        "/of-the-inclusion",
    ]
    for path in paths:
        assert (await client.get(path)).status_code == 401, path
    await client.signed_in()
    for path in paths:
        assert (await client.get(path)).status_code == 200, path


async def test_a_request_reads_its_session_once_and_runs_a_dependency_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, ran = [], []
    load_with_user = SessionService.load_with_user

    async def note(service: SessionService, token: str) -> Any:
        read.append(token)
        return await load_with_user(service, token)

    async def own_dependency(user: CurrentUser) -> User:
        ran.append(user)
        return user

    Own = Annotated[User, Depends(own_dependency)]  # noqa: N806

    @client.app.get("/often", dependencies=[*PROTECTED, Depends(own_dependency)])
    async def often(
        user: CurrentUser, auth: CurrentAuth, session: CurrentSession, own: Own
    ) -> bool:
        return user is auth.user is own and session is auth.session

    await client.signed_in()
    monkeypatch.setattr(SessionService, "load_with_user", note)
    assert (await client.get("/often")).json() is True
    assert (len(read), len(ran)) == (1, 1)


async def test_the_session_is_the_same_in_whatever_order_it_is_asked_for(client: Client) -> None:
    @client.app.put("/kept")
    async def keep(session: CurrentSession, user: CurrentUser, auth: CurrentAuth) -> bool:
        await session.set("theme", user.name)
        return session is auth.session

    await client.signed_in()
    assert (await client.put("/kept")).json() is True
    assert (await client.get("/test/values")).json() == {"theme": ALICE}


async def test_a_test_may_replace_the_current_user(client: Client) -> None:
    router = APIRouter()
    router.add_api_route("/plain", protected)
    client.app.include_router(router)
    bob = User(id=7, name=BOB, role=ADMIN)
    client.app.dependency_overrides[current_user] = lambda: bob
    assert (await client.get("/api/me")).json() == {"id": 7, FIELD: BOB, "role": ADMIN}
    for path in ("/plain", "/test/user", "/test/admin"):
        response = await client.get(path)
        assert (response.status_code, response.json()) == (200, BOB), path


async def test_middleware_and_exception_handlers_of_yours_are_called(client: Client) -> None:
    async def mark(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-own"] = "middleware"
        return response

    @client.app.exception_handler(LookupError)
    async def not_sold_here(_: Request, error: LookupError) -> Response:
        return PlainTextResponse(str(error), 418)

    @client.app.get("/coffee")
    async def brew(user: CurrentUser) -> None:
        raise LookupError(f"Only tea for {user.name}.")

    client.app.add_middleware(BaseHTTPMiddleware, dispatch=mark)
    assert (await client.get("/coffee")).status_code == 401
    await client.signed_in()
    response = await client.get("/coffee")
    assert (response.status_code, response.text) == (418, f"Only tea for {ALICE}.")
    assert response.headers["x-own"] == "middleware"
    assert response.headers["cache-control"] == "no-store"


async def test_a_role_can_be_required(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.app.add_api_route(
        "/editors", unprotected, dependencies=[Depends(require_role("editor"))]
    )
    client.app.add_api_route(
        "/drafts", unprotected, dependencies=[Depends(require_role("editor", ADMIN))]
    )
    refuse_unprotected_routes(client.app)
    assert (await client.get("/editors")).status_code == 401
    await client.signed_in()
    needed = {"/editors": "editor", "/drafts": "editor or admin", "/test/admin": ADMIN}
    for path, role in needed.items():
        caplog.clear()
        response = await client.get(path)
        assert response.status_code == 403
        assert response.json() == {"detail": f"This requires the role {role}."}
        assert "authz_fail" in caplog.text
    await client.signed_in(role="editor")
    assert (await client.get("/editors")).status_code == 200
    assert (await client.get("/drafts")).status_code == 200
    assert (await client.get("/test/admin")).status_code == 403
    await client.signed_in(role=ADMIN)
    assert (await client.get("/editors")).status_code == 403
    assert (await client.get("/drafts")).status_code == 200
    assert (await client.get("/test/admin")).json() == ALICE


async def plain(_: Request) -> Response:
    return PlainTextResponse("open")


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()


@functools.wraps(for_everybody)
async def wrapper() -> str:
    return "open"


def sub_app(*endpoints: Callable[..., Any], **options: Any) -> FastAPI:
    """Return an app with the endpoints at /0, /1 and so on."""
    app = FastAPI(openapi_url=None, **options)
    for number, endpoint in enumerate(endpoints):
        app.add_api_route(f"/{number}", endpoint)
    return app


def router_with(path: str, endpoint: Callable[..., Any], **options: Any) -> APIRouter:
    router = APIRouter(**options)
    router.add_api_route(path, endpoint)
    return router


def router_with_frontend(folder: Path) -> APIRouter:
    router = APIRouter()
    router.frontend("/open", directory=folder)
    return router


def app_with_frontend(folder: Path) -> FastAPI:
    app = sub_app(protected)
    app.frontend("/open", directory=folder)
    return app


def set_default(app: Any) -> Any:
    """Let something answer whatever no route of an app, or of a router, does."""
    getattr(app, "router", app).default = PlainTextResponse("open")
    return app


def app_with(*routes: BaseRoute) -> Starlette:
    return Starlette(routes=routes)


OPEN = Route("/open", plain)

UNPROTECTED: dict[str, Callable[[FastAPI, Path], object]] = {
    "add_api_route": lambda app, _: app.add_api_route("/open", unprotected),
    "optional_user": lambda app, _: app.add_api_route(
        "/open", unprotected, dependencies=[Depends(optional_user)]
    ),
    "functools.wraps over a public one": lambda app, _: app.add_api_route("/open", wrapper),
    "include_router": lambda app, _: app.include_router(router_with("/open", unprotected)),
    "include_router with a prefix": lambda app, _: app.include_router(
        router_with("", unprotected), prefix="/open"
    ),
    "add_route": lambda app, _: app.add_route("/open", plain),
    "routes.append": lambda app, _: app.router.routes.append(OPEN),
    "add_api_websocket_route": lambda app, _: app.add_api_websocket_route("/open", talk),
    "add_websocket_route": lambda app, _: app.router.add_websocket_route("/open", talk),
    "mount a function": lambda app, _: app.mount("/open", PlainTextResponse("open")),
    "mount StaticFiles": lambda app, folder: app.mount("/open", StaticFiles(directory=folder)),
    "mount Starlette": lambda app, _: app.mount("/sub", app_with(OPEN)),
    "mount Starlette in Starlette": lambda app, _: app.mount(
        "/sub", app_with(Mount("/sub", routes=[OPEN]))
    ),
    "mount a router": lambda app, _: app.mount("/sub", Router([OPEN])),
    "mount FastAPI": lambda app, _: app.mount("/open", sub_app(protected, unprotected)),
    "mount FastAPI with its docs": lambda app, _: app.mount("/open", FastAPI()),
    "mount FastAPI with frontend": lambda app, folder: app.mount("/", app_with_frontend(folder)),
    "router.default": lambda app, _: set_default(app),
    "router.default of a mounted app": lambda app, _: app.mount(
        "/sub", set_default(sub_app(protected))
    ),
    "router.default of an included router": lambda app, _: app.include_router(
        set_default(router_with("/sub", protected))
    ),
    "host": lambda app, _: app.host("open.example", app_with(OPEN)),
    "host of a route": lambda app, _: app.router.routes.append(Host("open.example", OPEN.app)),
    "frontend": lambda app, folder: app.frontend("/open", directory=folder),
    "frontend of a router": lambda app, folder: app.include_router(router_with_frontend(folder)),
}


@pytest.mark.parametrize("add", UNPROTECTED.values(), ids=UNPROTECTED.keys())
def test_an_unprotected_route_is_refused_however_it_is_added(
    tmp_path: Path, add: Callable[[FastAPI, Path], object]
) -> None:
    app = sub_app(protected)
    refuse_unprotected_routes(app)
    add(app, tmp_path)
    with pytest.raises(RuntimeError, match=r"Open to everybody: .*(open|frontend|default)"):
        refuse_unprotected_routes(app)


def test_all_unprotected_routes_are_named_at_once() -> None:
    app = FastAPI(openapi_url=None)
    for method, path in (("GET", "/one"), ("POST", "/one"), ("GET", "/two")):
        app.add_api_route(path, unprotected, methods=[method])
    with pytest.raises(RuntimeError, match=r"^Open to everybody: /one, /two\. Let each"):
        refuse_unprotected_routes(app)


async def test_a_protected_app_may_be_mounted(client: Client) -> None:
    guarded = sub_app(unprotected, dependencies=PROTECTED)
    client.app.mount("/guarded", guarded)
    client.app.mount("/sub", sub_app(protected, for_everybody))
    client.app.mount("/files", public(StaticFiles(directory=Path(__file__).parent)))
    client.app.host("sub.localhost", sub_app(protected))
    refuse_unprotected_routes(client.app)
    hosted = {"host": "sub.localhost"}
    for path, headers in (("/sub/0", {}), ("/guarded/0", {}), ("/0", hosted)):
        response = await client.get(path, headers=headers)
        assert (response.status_code, response.json()) == (401, {"detail": "Sign in first."}), path
    assert (await client.get("/sub/1")).json() == "anonymous"
    assert (await client.get(f"/files/{Path(__file__).name}")).status_code == 200
    await client.signed_in()
    for path, headers in (("/sub/0", {}), ("/sub/1", {}), ("/0", hosted)):
        assert (await client.get(path, headers=headers)).json() == ALICE, path
    assert (await client.get("/guarded/0")).json() == "open"


async def test_an_app_of_any_framework_can_be_for_signed_in_users_only(client: Client) -> None:
    app = app_with(OPEN, WebSocketRoute("/ws", talk))
    client.app.mount("/wrapped", RequireSession(app))
    refuse_unprotected_routes(client.app)
    response = await client.get("/wrapped/open")
    assert (response.status_code, response.json()) == (401, {"detail": "Sign in first."})
    async with Socket(client, path="/wrapped/ws") as socket:
        await socket.accepted()
        assert await socket.receive() == SESSION_ENDED
    await client.signed_in()
    response = await client.get("/wrapped/open")
    assert (response.text, response.headers["cache-control"]) == ("open", "no-store")
    async with Socket(client, path="/wrapped/ws") as socket:
        await socket.accepted()


@pytest.mark.parametrize(
    ("endpoint", "message"), [(protected, "complete"), (unprotected, "failed")]
)
async def test_an_app_with_an_unprotected_route_does_not_start(
    settings: dict[str, Any],
    clock: Clock,
    endpoint: Callable[..., Awaitable[str]],
    message: str,
) -> None:
    app = create_app(Settings.load(**settings), clock)
    app.include_router(router_with("/added", endpoint))
    received = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive() -> Any:
        return next(received)

    async def send(event: Any) -> None:
        sent.append(event)

    with suppress(RuntimeError):
        await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert sent[0]["type"] == f"lifespan.startup.{message}"
    assert ("Open to everybody: /added" in str(sent[0])) == (message == "failed")
