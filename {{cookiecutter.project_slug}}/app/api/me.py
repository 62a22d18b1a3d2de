"""Who is signed in, and with which session: what a front end asks first."""

from fastapi import APIRouter

from app.api.schemas import ERRORS, SessionOut, UserOut
from app.models import User
from app.sessions.session import Session
from app.web.dependencies import CurrentSession, CurrentUser

router = APIRouter(prefix="/api", responses=ERRORS)


@router.get("/session", response_model=SessionOut)
async def get_session(session: CurrentSession) -> Session:
    """Describe the session of this request."""
    return session.record


@router.get("/me", response_model=UserOut)
async def me(user: CurrentUser) -> User:
    """Return who is signed in."""
    return user
