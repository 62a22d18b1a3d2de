"""What the schema says of the API beside what FastAPI sees: who may, and which errors there are.

It is derived from the routes, so a new one is described right by itself. Only an error of a route's
own is written there, as in ``responses={409: {}}``.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic.json_schema import models_json_schema

from app.web.access import PROTECTING, admin_user, dependencies_of, fresh_user
from app.web.origin import SAFE_METHODS
from app.web.schemas import Error, Invalid

COOKIE = "session"
SCHEMAS = "#/components/schemas/"
HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def complete(schema: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    """Add to FastAPI's schema what it cannot see; return it."""
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        COOKIE: {"type": "apiKey", "in": "cookie", "name": app.state.services.cookie.name}
    }
    _, ours = models_json_schema(
        [(Error, "serialization"), (Invalid, "serialization")], ref_template=SCHEMAS + "{model}"
    )
    models = components.setdefault("schemas", {})
    models |= ours["$defs"]
    # The framework's own say that what was sent is sent back.
    for name in ("HTTPValidationError", "ValidationError"):
        models.pop(name, None)
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path_format, {}).get(method.lower())
            if operation:
                _complete(operation, route, method)
    return schema


def _complete(operation: dict[str, Any], route: RouteContext, method: str) -> None:
    if dependencies_of(route) & PROTECTING:
        operation["security"] = [{COOKIE: []}]
    answers = operation["responses"]
    for status in _errors_of(route, method):
        answers.setdefault(str(status), {"description": HTTPStatus(status).phrase})
    # An owner's own may also be called "4XX" or "default", and say more than a sentence.
    for status in (int(each) for each in answers if each.isdecimal() and each >= "400"):
        answer = answers[str(status)]
        model = Invalid if status == 422 else Error
        body = {"application/json": {"schema": {"$ref": SCHEMAS + model.__name__}}}
        if status == 422 or "content" not in answer:
            answer["content"] = body
        if status in HEADERS:
            header = {"required": True, "schema": {"type": "string"}}
            answer["headers"] = {HEADERS[status]: header}
    operation["responses"] = dict(sorted(answers.items()))


def _errors_of(route: RouteContext, method: str) -> Iterator[int]:
    """Yield the errors that the app itself may answer with, before or while the route works."""
    dependencies = dependencies_of(route)
    if route.body_field:
        # Not text, or nested so deeply that nobody reads it.
        yield 400
    if dependencies & PROTECTING:
        yield 401
    if dependencies & {admin_user, fresh_user}:
        yield 403
    if route.param_convertors:
        yield 404
    if method not in SAFE_METHODS:
        # From another site, or too large.
        yield from (403, 413)
    if dependencies:
        # Whatever is depended on may want a store that is out of reach.
        yield 503
