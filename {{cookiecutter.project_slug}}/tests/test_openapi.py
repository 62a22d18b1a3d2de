"""The schema says who may, and which errors there are, of the owner's own routes as well."""

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from app.web.dependencies import AdminUser, CurrentUser, current_user, public, refuse_undeclared_routes
from tests.client import COOKIE, Client
from tests.conftest import Start

# What any unsafe request may come to: from another site, or too large.
UNSAFE = {"403", "413"}
BODY = {"400", "422"}
SIGNED_IN = {"401", "503"}

ANSWERS = {
    "POST /api/register": {"201", "409", "503", *UNSAFE, *BODY},
    "POST /api/login": {"200", "429", *SIGNED_IN, *UNSAFE, *BODY},
    "POST /api/logout": {"204", "503", *UNSAFE},
    "GET /api/me": {"200", *SIGNED_IN},
    "DELETE /api/me": {"204", *SIGNED_IN, *UNSAFE},
    "POST /api/confirm": {"204", "429", *SIGNED_IN, *UNSAFE, *BODY},
    "GET /api/data": {"200", *SIGNED_IN},
    "GET /api/admin/users": {"200", "403", *SIGNED_IN},
    "GET /api/public": {"200"},
    "GET /api/session": {"200", *SIGNED_IN},
    "GET /api/session/data": {"200", *SIGNED_IN},
    "PUT /api/session/data/{name}": {"204", "404", *SIGNED_IN, *UNSAFE, *BODY},
    "DELETE /api/session/data/{name}": {"204", "404", "422", *SIGNED_IN, *UNSAFE},
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    "GET /api/sessions": {"200", *SIGNED_IN},
    "DELETE /api/sessions/{session_id}": {"204", "404", "422", *SIGNED_IN, *UNSAFE},
    #{% endif %}
    "DELETE /api/sessions": {"204", *SIGNED_IN, *UNSAFE},
    "POST /api/password": {"204", "429", *SIGNED_IN, *UNSAFE, *BODY},
}


async def operations_of(app: FastAPI) -> dict[str, Any]:
    paths = (await Client(app).get("/openapi.json")).json()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


async def test_every_route_of_the_api_is_there_with_all_its_answers(app: FastAPI) -> None:
    operations = await operations_of(app)
    assert {name: set(operations[name]["responses"]) for name in ANSWERS} == ANSWERS


async def test_what_asks_for_the_cookie_is_what_answers_401_without_it(client: Client) -> None:
    for name, operation in (await operations_of(client.app)).items():
        method, path = name.split()
        status = (await client.request(method, path, json={})).status_code
        assert (operation.get("security") == [{"session": []}]) == (status == 401), name


@pytest.mark.parametrize(("secure", "name"), [(True, COOKIE), (False, "session")])
async def test_the_cookie_is_called_as_it_is(start: Start, secure: bool, name: str) -> None:
    client = Client(await start(session_cookie_secure=secure, session_samesite="lax"))
    schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]
    assert schemes == {"session": {"type": "apiKey", "in": "cookie", "name": name}}


async def test_an_error_is_described_with_its_body_and_header(app: FastAPI) -> None:
    answers = (await operations_of(app))["POST /api/login"]["responses"]
    headers = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
    for status, answer in answers.items():
        [model] = answer["content"]["application/json"]["schema"].values()
        expected = {"200": "UserOut", "422": "Invalid"}.get(status, "Error")
        assert model == f"#/components/schemas/{expected}"
        assert set(answer.get("headers", {})) == headers.get(status, set())


async def test_a_route_of_the_owner_is_described_right_by_itself(start: Start) -> None:
    class Note(BaseModel):
        text: str

    async def write(name: str, note: Note) -> None:
        """Write."""

    async def read(user: CurrentUser) -> str:
        return user.username

    async def rule(admin: AdminUser) -> str:
        return admin.username

    async def hello() -> str:
        return "hello"

    app = await start()
    router = APIRouter()
    router.add_api_route("/notes/{name}", write, methods=["PUT"])
    app.include_router(router, prefix="/api", dependencies=[Depends(current_user)])
    app.add_api_route("/api/read", read)
    app.add_api_route("/api/rule", rule)
    more: dict[int | str, dict[str, Any]] = {409: {"model": Note}, "4XX": {}, "default": {}}
    app.add_api_route("/api/hello", public(hello), responses=more)
    refuse_undeclared_routes(app)
    operations = await operations_of(app)
    expected = {
        "PUT /api/notes/{name}": {"200", "404", *SIGNED_IN, *UNSAFE, *BODY},
        "GET /api/read": {"200", *SIGNED_IN},
        "GET /api/rule": {"200", "403", *SIGNED_IN},
        "GET /api/hello": {"200", "409", "4XX", "default"},
    }
    conflict = operations["GET /api/hello"]["responses"]["409"]
    assert conflict["content"]["application/json"]["schema"]["$ref"].endswith("/Note")
    for name, statuses in expected.items():
        assert set(operations[name]["responses"]) == statuses, name
        assert ("security" in operations[name]) == ("401" in statuses)
    assert (await Client(app).put("/api/notes/x", json={})).status_code == 401
