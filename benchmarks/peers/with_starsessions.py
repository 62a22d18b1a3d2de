"""starsessions, with the store that BACKEND names: memory, redis or cookie."""

import os

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel
from redis.asyncio import Redis
from starsessions import CookieStore, InMemoryStore, SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores.redis import RedisStore

LIFETIME = 43_200

backend = os.environ["BACKEND"]
if backend == "redis":
    store = RedisStore(connection=Redis.from_url(os.environ["REDIS_URL"]))
elif backend == "cookie":
    store = CookieStore("k" * 32)
else:
    store = InMemoryStore()

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
app.add_middleware(SessionAutoloadMiddleware)
app.add_middleware(SessionMiddleware, store=store, lifetime=LIFETIME)


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
