"""starsessions, with the store that BACKEND names: cookie, memory or redis."""

import os
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from redis.asyncio import Redis
from starsessions import CookieStore, InMemoryStore, SessionMiddleware, load_session
from starsessions.stores.redis import RedisStore

LIFETIME = 43_200

backend = os.environ["BACKEND"]
if backend == "redis":
    store = RedisStore(connection=Redis.from_url(os.environ["REDIS_URL"]))
elif backend == "cookie":
    store = CookieStore("k" * 32)
else:
    store = InMemoryStore()


class UserOut(BaseModel):
    username: str


async def get_current_user(request: Request) -> UserOut:
    await load_session(request)
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
    await load_session(request)
    request.session["username"] = "alice"


app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
app.add_middleware(SessionMiddleware, store=store, lifetime=LIFETIME)
app.include_router(router)
