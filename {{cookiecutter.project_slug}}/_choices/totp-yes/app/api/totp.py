"""The JSON API of authenticator apps and recovery codes."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.api.schemas import ERRORS, CodeIn, errors
from app.users.totp import Enrolment
from app.web.dependencies import CurrentAuth, FreshUser, Totp

router = APIRouter(prefix="/api", responses=ERRORS)


class EnrolmentOut(BaseModel):
    """What an authenticator app has to be told: as text, and as the content of a QR code."""

    model_config = ConfigDict(from_attributes=True)

    secret: str
    uri: str


class RecoveryCodesOut(BaseModel):
    """The recovery codes, which nobody can show again."""

    recovery_codes: list[str]


@router.post("/totp", response_model=EnrolmentOut, responses=errors(409))
async def begin(user: FreshUser, totp: Totp) -> Enrolment:
    """Begin to set up an authenticator app."""
    return await totp.begin(user)


@router.post("/totp/confirm", responses=errors(409, 429))
async def turn_on(body: CodeIn, _: FreshUser, auth: CurrentAuth, totp: Totp) -> RecoveryCodesOut:
    """Ask for a code at every sign-in, once one has shown that the app is set up."""
    return RecoveryCodesOut(recovery_codes=await totp.turn_on(auth, body.code))


@router.delete("/totp", status_code=204, responses=errors(409))
async def turn_off(_: FreshUser, auth: CurrentAuth, totp: Totp) -> None:
    """Ask for codes no more."""
    await totp.turn_off(auth)


@router.post("/recovery-codes", responses=errors(409))
async def renew_recovery_codes(_: FreshUser, auth: CurrentAuth, totp: Totp) -> RecoveryCodesOut:
    """Make new recovery codes; the old ones are void."""
    return RecoveryCodesOut(recovery_codes=await totp.renew_recovery_codes(auth))
