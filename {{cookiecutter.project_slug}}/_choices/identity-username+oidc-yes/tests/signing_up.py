"""How somebody who comes from a provider gets an account."""

from typing import Any

from tests.people import ALICE
from tests.provider import Visitor


async def sign_up(visitor: Visitor, name: str = ALICE) -> dict[str, Any]:
    """Come from the provider for the first time, and choose a name; return the account."""
    response = await visitor.sign_in_there()
    assert response.headers["location"].rpartition("/register")[2], response.text
    response = await choose_name(visitor, name)
    user: dict[str, Any] = (await visitor.get("/api/me")).json()
    return user


async def choose_name(visitor: Visitor, name: str) -> Any:
    #{% if cookiecutter.frontend == "html" %}
    return await visitor.post(f"/register/{visitor.provider.name}", data={"username": name})
    #{% else %}
    path = f"/api/register/{visitor.provider.name}"
    return await visitor.post(path, json={"username": name})
    #{% endif %}
