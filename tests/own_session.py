"""Loaded by schemathesis: sends every request as somebody who is signed in.

Each operation has a session of its own, since some of them end theirs; the one that deletes the
account has an account of its own as well.
"""

from typing import Any

import httpx2
import schemathesis

from tests.test_server import ACCOUNT, COOKIE

PASSWORD = ACCOUNT["password"]

# What nobody comes upon by chance.
RIGHT: dict[str, Any] = {
    "/api/register": {"username": "bobby", "password": PASSWORD},
    "/api/login": ACCOUNT,
    "/api/confirm": {"password": PASSWORD},
    "/api/me/delete": {"confirm": "carol"},
    "/api/password": {"current_password": PASSWORD, "new_password": PASSWORD},
}


@schemathesis.auth(cache_by_key=lambda case, _: case.operation.label)
class OwnSession:
    """Signs in, and again after a 401."""

    def get(self, case: schemathesis.Case[Any], _: schemathesis.AuthContext) -> str:
        """Return a cookie."""
        deletes = case.operation.label == "POST /api/me/delete"
        account = {**ACCOUNT, "username": "carol"} if deletes else ACCOUNT
        with httpx2.Client(base_url=str(case.operation.base_url)) as client:
            if deletes:
                client.post("/api/register", json=account)
            token = client.post("/api/login", json=account).raise_for_status().cookies[COOKIE]
        return f"{COOKIE}={token}"

    def set(self, case: schemathesis.Case[Any], data: str, _: schemathesis.AuthContext) -> None:
        """Send the cookie."""
        case.headers["cookie"] = data


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, schema: dict[str, Any]) -> None:
    """Let what is right be sent as well, as the examples of the schema are."""
    for path, body in RIGHT.items():
        schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"] = (
            body
        )
