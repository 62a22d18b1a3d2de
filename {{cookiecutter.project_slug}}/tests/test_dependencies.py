"""Every route asks who is there, unless it says that it is public."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import PlainTextResponse

from app.main import create_app
from app.models import User
from app.config import Settings
from app.web.dependencies import (
    CurrentSession,
    CurrentUser,
    OptionalUser,
    current_user,
    public,
    refuse_undeclared_routes,
)
from app.web.route import Route
from tests.client import Client
from tests.conftest import PRODUCTION, Clock, Start


async def test_a_public_route_may_know_who_is_there(start: Start) -> None:
    async def greet(user: OptionalUser) -> str:
        return user.username if user else "nobody"

    app = await start()
    app.add_api_route("/api/greet", public(greet))
    refuse_undeclared_routes(app)
    client = Client(app)
    assert (await client.get("/api/greet")).json() == "nobody"
    await client.signed_in()
    response = await client.get("/api/greet")
    assert response.json() == "alice"
    assert response.headers["cache-control"] == "no-store"


async def test_a_route_asks_in_the_same_way_however_it_is_written(start: Start) -> None:
    router = APIRouter(prefix="/api", route_class=Route)

    @router.get("/flat")
    async def flat(user: CurrentUser, session: CurrentSession) -> str:
        return f"{user.username} {session.record.user_id}"

    @router.get("/in-a-thread")
    def in_a_thread(user: CurrentUser, session: CurrentSession) -> str:
        return f"{user.username} {session.record.user_id}"

    @router.get("/with-more")
    async def with_more(user: CurrentUser, session: CurrentSession, request: Request) -> str:
        return f"{user.username} {session.record.user_id}" if request else ""

    app = await start()
    app.router.routes += router.routes
    client = Client(app)
    paths = [route.path for route in router.routes if isinstance(route, Route)]
    assert [(await client.get(path)).status_code for path in paths] == [401, 401, 401]
    await client.signed_in()
    assert [(await client.get(path)).json() for path in paths] == ["alice 1"] * 3


async def test_a_test_may_put_another_user_in_the_place_of_the_current_one(
    start: Start,
) -> None:
    app = await start()
    app.dependency_overrides[current_user] = lambda: User(7, "bob", "user")
    assert (await Client(app).get("/api/me")).json()["username"] == "bob"


async def test_an_app_with_an_undeclared_route_does_not_start(
    settings: dict[str, Any], clock: Clock
) -> None:
    def app_with_route(path: str, endpoint: Any) -> FastAPI:
        app = create_app(Settings.load(**settings), clock)
        app.add_api_route(path, endpoint)
        return app

    async def forgotten() -> str:
        return "open"

    async def protected(user: CurrentUser) -> str:
        return user.username

    refuse_undeclared_routes(app_with_route("/mine", protected))
    app = app_with_route("/forgotten", forgotten)
    with pytest.raises(RuntimeError, match="/forgotten is open to everybody"):
        async with app.router.lifespan_context(app):
            pytest.fail("it started")


@pytest.mark.parametrize(("mounted", "answer"), [(False, "complete"), (True, "failed")])
async def test_a_server_is_told_whether_it_starts(
    settings: dict[str, Any], clock: Clock, mounted: bool, answer: str
) -> None:
    app = create_app(Settings.load(**settings), clock)
    if mounted:
        app.mount("/mounted", PlainTextResponse("open"))
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    answers = []

    async def receive() -> Any:
        return next(asked)

    async def send(message: Any) -> None:
        answers.append(message["type"])

    with suppress(RuntimeError):
        await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert answers[0] == f"lifespan.startup.{answer}"


async def test_a_mounted_app_that_is_undeclared_stops_the_start(
    settings: dict[str, Any], clock: Clock
) -> None:
    app = create_app(Settings.load(**settings), clock)
    app.mount("/mounted", PlainTextResponse("open"))
    with pytest.raises(RuntimeError, match="/mounted is open to everybody"):
        refuse_undeclared_routes(app)


async def test_the_documentation_is_for_development_only(start: Start) -> None:
    assert (await Client(await start()).get("/docs")).status_code == 200
    production = await start(**PRODUCTION)
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await Client(production).get(path)).status_code == 404


async def test_what_the_framework_does_not_call_a_route_stops_the_start(
    settings: dict[str, Any], clock: Clock, tmp_path: Path
) -> None:
    app = create_app(Settings.load(**settings), clock)
    router = APIRouter()
    router.frontend("/front", directory=tmp_path)
    app.include_router(router)
    with pytest.raises(RuntimeError, match="frontend"):
        refuse_undeclared_routes(app)
