"""The JSON API of a first password."""

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.schemas import ERRORS, Secret, errors
from app.users.first_password import set_first_password
from app.web.dependencies import CurrentAuth, FreshUser, Users

router = APIRouter(prefix="/api", responses=ERRORS)


class NewPasswordIn(BaseModel):
    """The password of an account that has none."""

    new_password: Secret


@router.put("/password", status_code=204, responses=errors(409))
async def set_password(body: NewPasswordIn, _: FreshUser, auth: CurrentAuth, users: Users) -> None:
    """Set the password of an account that has none: every other session ends."""
    await set_first_password(users, auth, body.new_password)
