"""The routes that tests call: the app's own, and some that the tests bring along.

The examples may be deleted, and a route of yours may cost money or never end: no test calls them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Body, FastAPI, WebSocket
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import JsonValue

from app.web.dependencies import (
    AdminUser,
    CurrentAuth,
    CurrentSession,
    CurrentUser,
    Sessions,
    public,
)
from app.web.websocket import run_until_session_ends
#{% if cookiecutter.identity == "email" %}
from tests.mail import MAIL_ROUTES
#{% endif %}
#{% if cookiecutter.oidc %}
from tests.oidc_routes import OIDC_ROUTES
#{% endif %}
#{% if cookiecutter.passkeys %}
from tests.passkey_routes import PASSKEY_ROUTES
#{% endif %}

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
#{% if cookiecutter.frontend == "html" %}
ADMIN_ACTIONS = ("disable", "enable", "end-sessions", "reset-link")
#{% endif %}

# What stands in braces is any text without a slash.
APP_ROUTES = [
    ("POST", "/api/register"),
    ("POST", "/api/login"),
    ("POST", "/api/logout"),
    ("GET", "/api/me"),
    ("POST", "/api/me/delete"),
    ("POST", "/api/password"),
    ("POST", "/api/password/reset"),
    ("POST", "/api/confirm"),
    ("GET", "/api/session"),
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    ("GET", "/api/sessions"),
    ("DELETE", "/api/sessions/{id}"),
    #{% endif %}
    ("DELETE", "/api/sessions"),
    #{% if cookiecutter.totp %}
    ("POST", "/api/totp"),
    ("POST", "/api/totp/confirm"),
    ("DELETE", "/api/totp"),
    ("POST", "/api/recovery-codes"),
    #{% if cookiecutter.frontend == "html" %}
    ("GET", "/login/code"),
    ("POST", "/login/code"),
    ("GET", "/account/totp"),
    ("POST", "/account/totp"),
    ("POST", "/account/totp/confirm"),
    ("POST", "/account/totp/off"),
    ("POST", "/account/recovery-codes"),
    #{% endif %}
    #{% endif %}
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    #{% if cookiecutter.frontend == "html" %}
    ("GET", "/"),
    ("GET", "/robots.txt"),
    ("GET", "/.well-known/change-password"),
    ("GET", "/.well-known/security.txt"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/register"),
    ("POST", "/register"),
    ("POST", "/logout"),
    ("GET", "/account"),
    ("POST", "/account"),
    ("POST", "/account/sessions/end-others"),
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    ("POST", "/account/sessions/{id}/end"),
    #{% endif %}
    ("GET", "/account/delete"),
    ("POST", "/account/delete"),
    ("GET", "/admin/users"),
    ("GET", "/admin/users/{id}"),
    *[("POST", "/admin/users/{id}/" + each) for each in ADMIN_ACTIONS],
    ("GET", "/confirm"),
    ("POST", "/confirm"),
    ("GET", "/reset"),
    ("POST", "/reset"),
    #{% endif %}
    #{% if cookiecutter.identity == "email" %}
    *MAIL_ROUTES,
    #{% endif %}
    #{% if cookiecutter.oidc %}
    *OIDC_ROUTES,
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    *PASSKEY_ROUTES,
    #{% endif %}
]

TEST_ROUTES = [
    ("GET", "/test/public"),
    ("GET", "/test/user"),
    ("GET", "/test/admin"),
    ("GET", "/test/values"),
    ("PUT", "/test/values/{name}"),
    ("DELETE", "/test/values/{name}"),
]
SOCKET = "/test/ws"

_PATHS = re.compile(
    "|".join(re.sub(r"\{\w+\}", "[^/]+", path) for _, path in APP_ROUTES + TEST_ROUTES)
)

router = APIRouter(prefix="/test", include_in_schema=False)


@router.get("/public")
@public
async def for_everybody() -> str:
    return "public"


@router.get("/user")
async def for_users(user: CurrentUser) -> str:
    return user.name


@router.get("/admin")
async def for_admins(user: AdminUser) -> str:
    return user.name


@router.get("/values")
async def get_values(session: CurrentSession) -> dict[str, JsonValue]:
    return await session.values()


@router.put("/values/{name}", status_code=204)
async def set_value(
    name: str, value: Annotated[JsonValue, Body()], session: CurrentSession
) -> None:
    await session.set(name, value)


@router.delete("/values/{name}", status_code=204)
async def delete_value(name: str, session: CurrentSession) -> None:
    await session.delete(name)


@router.websocket("/ws")
async def echo(websocket: WebSocket, auth: CurrentAuth, sessions: Sessions) -> None:
    async def talk() -> None:
        await websocket.send_text(auth.user.name)
        while True:
            await websocket.send_text(await websocket.receive_text())

    await run_until_session_ends(websocket, auth.session, sessions, talk)


def is_known(path: str) -> bool:
    """Whether a path is that of a route which tests may call."""
    return _PATHS.fullmatch(path) is not None


def http_routes(
    routes: Iterable[tuple[str, str]] = (*APP_ROUTES, *TEST_ROUTES),
) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route that tests may call, with 0 for each parameter."""
    for method, path in routes:
        yield method, re.sub(r"\{\w+\}", "0", path)


def route_table(app: FastAPI) -> Iterator[RouteContext]:
    """Yield every route of the app, yours among them, without calling any."""
    return iter_route_contexts(app.routes)
