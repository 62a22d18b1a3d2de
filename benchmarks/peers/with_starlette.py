"""Starlette's SessionMiddleware: the session is in the cookie."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware


class UserOut(BaseModel):
    username: str


async def get_current_user(request: Request) -> UserOut:
    username = request.session.get("username")
    if username is None:
        raise HTTPException(401)
    return UserOut(username=username)


router = APIRouter()


@router.get("/me")
async def me(user: Annotated[UserOut, Depends(get_current_user)]) -> UserOut:
    return user


@router.post("/login")
async def login(request: Request) -> None:
    request.session["username"] = "alice"


app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
app.add_middleware(SessionMiddleware, secret_key="k" * 32, https_only=True)
app.include_router(router)
