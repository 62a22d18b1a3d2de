"""FastAPI alone: a flat route, added to the app itself and without a dependency. No session."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})


class UserOut(BaseModel):
    username: str


@app.post("/login")
async def login() -> None:
    return


@app.get("/me")
async def me() -> UserOut:
    return UserOut(username="alice")
