"""The OpenAPI schema says who may call a route, and with which errors; /docs shows it."""

import re
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, Field

from app.api.schemas import ERRORS, MAX_TEXT_CHARACTERS, Text
from app.models import User
from app.web import docs
from app.web.default_deny import refuse_unprotected_routes
from app.web.dependencies import (
    AdminUser,
    CurrentUser,
    current_user,
    fresh_user,
    public,
)
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import PRODUCTION, Start
from tests.people import FIELD, NO_NAME

# Every route of the API may respond with these.
COMMON = {"400", "401", "403", "404", "413", "503"}

RESPONSES = {
    #{% if cookiecutter.identity == "email" %}
    "POST /api/register": {"202", "422", "429"},
    "POST /api/email/verify": {"204", "422"},
    "POST /api/email/verify/resend": {"202", "422", "429"},
    "POST /api/password/forgot": {"202", "422", "429"},
    "POST /api/email": {"202", "422", "429"},
    "POST /api/email/change": {"204", "422"},
    #{% else %}
    "POST /api/register": {"201", "409", "422", "429"},
    #{% endif %}
    "POST /api/login": {"200", "422", "429"},
    "POST /api/logout": {"204"},
    "GET /api/me": {"200"},
    "POST /api/me/delete": {"204", "422"},
    "POST /api/password": {"204", "422", "429"},
    "POST /api/password/reset": {"204", "422", "429"},
    "POST /api/confirm": {"204", "422", "429"},
    "GET /api/session": {"200"},
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    "GET /api/sessions": {"200"},
    "DELETE /api/sessions/{session_id}": {"204", "422"},
    #{% endif %}
    "DELETE /api/sessions": {"204"},
    #{% if cookiecutter.totp %}
    "POST /api/totp": {"200", "409"},
    "POST /api/totp/confirm": {"200", "409", "422", "429"},
    "DELETE /api/totp": {"204", "409"},
    "POST /api/recovery-codes": {"200", "409"},
    #{% endif %}
    #{% if cookiecutter.oidc %}
    "POST /api/login/{provider}": {"200", "422", "429"},
    "POST /api/confirm/{provider}": {"200", "422", "429"},
    "GET /api/identities": {"200"},
    "POST /api/identities/{provider}": {"200", "409", "422", "429"},
    "DELETE /api/identities/{identity_id}": {"204", "409", "422"},
    #{% endif %}
}


async def operations_of(app: FastAPI) -> dict[str, Any]:
    paths = (await Client(app).get("/openapi.json")).json()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


async def test_every_route_of_the_api_is_described_with_all_its_responses(app: FastAPI) -> None:
    operations = await operations_of(app)
    described = {name: set(operations[name]["responses"]) for name in RESPONSES}
    assert described == {name: statuses | COMMON for name, statuses in RESPONSES.items()}
    for name in RESPONSES:
        assert operations[name]["description"].endswith(".")


async def test_an_empty_user_name_is_refused_as_the_schema_says(client: Client) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    for path, body in (("/api/register", "RegisterIn"), ("/api/login", "LoginIn")):
        assert schemas[body]["properties"][FIELD]["minLength"] == 1
        response = await client.post(path, json={FIELD: "", "password": PASSWORD})
        assert response.status_code == 422
        assert NO_NAME in response.text


async def test_routes_that_require_the_cookie_are_those_that_respond_401_without_it(
    client: Client,
) -> None:
    operations = await operations_of(client.app)
    required = set()
    for name in RESPONSES:
        method, path = name.split()
        if (await client.request(method, path, json={})).status_code == 401:
            required.add(name)
    described = {name for name in RESPONSES if operations[name].get("security")}
    assert described == required
    paths = {name.split()[1].removeprefix("/api/") for name in required}
    assert paths >= {"me", "me/delete", "password", "confirm", "session", "sessions"}
    assert not paths & {"register", "login", "logout", "password/reset"}


async def test_the_schema_names_the_cookie(client: Client) -> None:
    schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]
    assert schemes == {"session": {"type": "apiKey", "in": "cookie", "name": COOKIE}}


async def test_an_error_is_described_with_its_body_and_its_header(app: FastAPI) -> None:
    responses = (await operations_of(app))["POST /api/login"]["responses"]
    models = {"200": "UserOut", "422": "HTTPValidationError"}
    headers = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
    for status, response in responses.items():
        schema = response["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{models.get(status, 'Error')}"}
        assert set(response.get("headers", {})) == headers.get(status, set())


async def test_a_route_of_the_owner_is_described_by_what_it_depends_on(start: Start) -> None:
    class Note(BaseModel):
        text: str

    async def note_owner(user: CurrentUser) -> User:
        return user

    async def write(name: str, note: Note) -> str:
        return name + note.text

    async def read(owner: Annotated[User, Depends(note_owner)]) -> str:
        return owner.name

    async def manage(admin: AdminUser) -> str:
        return admin.name

    async def delete() -> None:
        """Delete."""

    async def hello() -> str:
        return "hello"

    app = await start()
    router = APIRouter()
    router.add_api_route("/notes/{name}", write, methods=["PUT"], responses=ERRORS)
    app.include_router(router, prefix="/owner", dependencies=[Depends(current_user)])
    app.add_api_route("/owner/read", read)
    app.add_api_route("/owner/manage", manage)
    app.add_api_route("/owner/delete", delete, dependencies=[Depends(fresh_user)])
    app.add_api_route("/owner/hello", public(hello), responses={409: {"model": Note}, "4XX": {}})
    refuse_unprotected_routes(app)
    expected = {
        "PUT /owner/notes/{name}": (True, {"200", "422", *COMMON}),
        "GET /owner/read": (True, {"200"}),
        "GET /owner/manage": (True, {"200"}),
        "GET /owner/delete": (True, {"200"}),
        "GET /owner/hello": (False, {"200", "409", "4XX"}),
    }
    operations = await operations_of(app)
    assert expected == {
        name: (
            operations[name].get("security") == [{"session": []}],
            set(operations[name]["responses"]),
        )
        for name in expected
    }
    assert (await Client(app).put("/owner/notes/x", json={})).status_code == 401


async def test_a_text_is_as_long_as_its_field_says_or_as_any_text(app: FastAPI) -> None:
    class Note(BaseModel):
        title: Text = Field(max_length=5)
        text: Text

    @app.post("/owner/notes")
    @public
    async def create(note: Note) -> str:
        return note.title

    client, longest = Client(app), "x" * MAX_TEXT_CHARACTERS
    for title, text, status in (
        ("12345", longest, 200),
        ("123456", longest, 422),
        ("12345", longest + "x", 422),
    ):
        body = {"title": title, "text": text}
        assert (await client.post("/owner/notes", json=body)).status_code == status
    schema = (await client.get("/openapi.json")).json()["components"]["schemas"]["Note"]
    limits = {name: each["maxLength"] for name, each in schema["properties"].items()}
    assert limits == {"title": 5, "text": MAX_TEXT_CHARACTERS}


async def test_the_documentation_is_for_development_only(start: Start) -> None:
    assert (await Client(await start()).get("/docs")).status_code == 200
    production = Client(await start(**PRODUCTION))
    for path in ("/docs", "/docs/swagger-ui.css", "/redoc", "/openapi.json"):
        assert (await production.get(path)).status_code == 404


async def test_the_documentation_is_made_of_files_from_here(client: Client) -> None:
    response = await client.get("/docs")
    assert "http" not in response.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="(.*?)"', response.text)
    assert len(named) == 3
    for path in named:
        assert path.startswith("/docs/")
        assert (await client.get(path)).status_code == 200
    for path in ("/docs/redoc.standalone.js", "/docs/..%2f__init__.py"):
        assert (await client.get(path)).status_code in (404, 422)


async def test_without_its_package_the_documentation_says_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs, "PACKAGE", "nothing_of_that_name")
    response = await client.get("/docs")
    assert response.status_code == 404
    assert "requirements-dev.txt" in response.text
