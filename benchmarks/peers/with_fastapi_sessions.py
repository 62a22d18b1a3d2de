"""fastapi-sessions, with its store in memory."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from fastapi_sessions.backends.implementations import InMemoryBackend
from fastapi_sessions.frontends.implementations import CookieParameters, SessionCookie
from fastapi_sessions.session_verifier import SessionVerifier
from pydantic import BaseModel


class UserOut(BaseModel):
    username: str


cookie = SessionCookie(
    cookie_name="session",
    identifier="session",
    auto_error=True,
    secret_key="k" * 32,
    cookie_params=CookieParameters(secure=True),
)
store: InMemoryBackend[UUID, UserOut] = InMemoryBackend()


class Verifier(SessionVerifier[UUID, UserOut]):
    identifier = "session"
    backend = store
    auto_error = True
    auth_http_exception = HTTPException(401)

    def verify_session(self, model: UserOut) -> bool:
        return True


router = APIRouter()


@router.get("/me", dependencies=[Depends(cookie)])
async def me(user: Annotated[UserOut, Depends(Verifier())]) -> UserOut:
    return user


@router.post("/login")
async def login(response: Response) -> None:
    key = uuid4()
    await store.create(key, UserOut(username="alice"))
    cookie.attach_to_response(response, key)


app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
app.include_router(router)
