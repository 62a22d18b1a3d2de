"""Examples to start from.

To remove them, delete this file, its import and router in ``main.py``, and
``tests/test_examples.py``.
"""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, JsonValue

from app.api.schemas import ERRORS, UserOut
from app.models import MAX_ID, User
from app.web.dependencies import AdminUser, CurrentAuth, CurrentUser, Users, public

router = APIRouter(prefix="/api", responses=ERRORS)


class Message(BaseModel):
    """A sentence."""

    message: str


@router.get("/public")
@public
async def for_everybody() -> Message:
    """Greet everybody, without looking at any session."""
    return Message(message="Hello! Everybody can see this.")


@router.get("/data")
async def data(user: CurrentUser) -> Message:
    """Greet signed-in users only."""
    return Message(message=f"Hello {user.name}! Only you can see this.")


@router.get("/admin/users", response_model=list[UserOut])
async def list_users(
    _: AdminUser,
    users: Users,
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> list[User]:
    """List the accounts, for administrators only, in pages. after: the last id of a page."""
    return await users.list_users(after=after, limit=limit)


@router.get("/session/data")
async def get_values(auth: CurrentAuth) -> dict[str, JsonValue]:
    """Return the values kept with the session of this request."""
    return await auth.session.values()


@router.put("/session/data/{name}", status_code=204)
async def set_value(name: str, value: Annotated[JsonValue, Body()], auth: CurrentAuth) -> None:
    """Keep a small value with the session, encrypted."""
    await auth.session.set(name, value)


@router.delete("/session/data/{name}", status_code=204)
async def delete_value(name: str, auth: CurrentAuth) -> None:
    """Delete a value."""
    await auth.session.delete(name)
