"""Starlette's SessionMiddleware: the session is in the cookie."""

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
app.add_middleware(SessionMiddleware, secret_key="k" * 32, https_only=True)


class UserOut(BaseModel):
    username: str


@app.post("/login")
async def login(request: Request) -> None:
    request.session["username"] = "alice"


@app.get("/me")
async def me(request: Request) -> UserOut:
    username = request.session.get("username")
    if username is None:
        raise HTTPException(401)
    return UserOut(username=username)
