"""How somebody who comes from a provider gets an account."""

from typing import Any

from tests.provider import Visitor


async def sign_up(visitor: Visitor, name: str = "") -> dict[str, Any]:
    """Come from the provider for the first time; return the account. name: the address there."""
    if name:
        visitor.provider.claims["email"] = name
    response = await visitor.sign_in_there()
    assert response.status_code == 303, response.text
    user: dict[str, Any] = (await visitor.get("/api/me")).json()
    return user
