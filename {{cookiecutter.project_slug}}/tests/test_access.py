"""Every route asks who is there, unless it says that it is public."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.responses import PlainTextResponse
#{% if cookiecutter.frontend == "html" %}
from starlette.routing import Mount
#{% endif %}

from app.factory import create_app
from app.settings import Settings
from app.web.access import CurrentUser, OptionalUser, public, refuse_undeclared_routes
from tests.browser import Browser
from tests.conftest import PRODUCTION, Clock, Start

PUBLIC = {
    "/api/register",
    "/api/login",
    "/api/logout",
    "/api/public",
    "/health/live",
    "/health/ready",
    #{% if cookiecutter.frontend == "html" %}
    "/login",
    "/register",
    "/logout",
    #{% endif %}
    "/openapi.json",
    "/docs",
}


async def test_whoever_is_not_signed_in_gets_nothing_from_any_other_route(
    browser: Browser,
) -> None:
    walked = set()
    for route in iter_route_contexts(browser.app.routes):
        #{% if cookiecutter.frontend == "html" %}
        if isinstance(route.original_route, Mount):
            assert route.path == "/static"
            continue
        #{% endif %}
        assert isinstance(route.original_route, APIRoute)
        path = str(route.path).replace("{session_id}", "0").replace("{name}", "x")
        walked.add(path)
        for method in sorted(route.methods or ()):
            response = await browser.request(method, path, json={})
            refused = response.status_code in (303, 401)
            assert refused or path in PUBLIC, f"{method} {path} is open to everybody"
            assert "set-cookie" not in response.headers or path in PUBLIC
    assert walked > PUBLIC


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/me", "/api/me/", "//api/me", "/API/ME", "/api/data/"])
async def test_other_methods_and_spellings_open_nothing(
    browser: Browser, method: str, path: str
) -> None:
    await browser.signed_in()
    assert (await browser.request(method, path)).status_code in (404, 405)


async def test_a_public_route_may_know_who_is_there(start: Start) -> None:
    async def greet(user: OptionalUser) -> str:
        return user.username if user else "nobody"

    app = await start()
    app.add_api_route("/api/greet", public(greet))
    refuse_undeclared_routes(app)
    browser = Browser(app)
    assert (await browser.get("/api/greet")).json() == "nobody"
    await browser.signed_in()
    response = await browser.get("/api/greet")
    assert response.json() == "alice"
    assert response.headers["cache-control"] == "no-store"


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


async def test_so_does_a_mounted_app(settings: dict[str, Any], clock: Clock) -> None:
    app = create_app(Settings.load(**settings), clock)
    app.mount("/mounted", PlainTextResponse("open"))
    with pytest.raises(RuntimeError, match="/mounted is open to everybody"):
        refuse_undeclared_routes(app)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a@localhost", "[", "localhost:x"]
)
async def test_a_host_that_is_not_ours_is_refused(browser: Browser, host: str) -> None:
    response = await browser.get("/api/public", headers={"host": host})
    assert response.status_code == 400
    headers = {"host": host, "sec-fetch-site": "cross-site"}
    assert (await browser.post("/api/login", headers=headers)).status_code == 403


async def test_the_documentation_is_for_development_only(start: Start) -> None:
    assert (await Browser(await start()).get("/docs")).status_code == 200
    production = await start(**PRODUCTION)
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await Browser(production).get(path)).status_code == 404


async def test_the_schema_names_every_route_of_the_api(browser: Browser) -> None:
    paths = (await browser.get("/openapi.json")).json()["paths"]
    assert set(paths) == {
        "/api/register",
        "/api/login",
        "/api/logout",
        "/api/me",
        "/api/data",
        "/api/admin/users",
        "/api/public",
        "/api/session",
        "/api/session/data",
        "/api/session/data/{name}",
        "/api/sessions",
        #{% if cookiecutter.session_backend != "signed-cookie" %}
        "/api/sessions/{session_id}",
        #{% endif %}
        "/api/password",
    }
