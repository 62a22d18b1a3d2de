"""What a test does to the app, in words."""

from contextlib import suppress
from typing import Self

import httpx2
from fastapi import FastAPI

from app.config import PROJECT
from app.models import ROLES
from app.services import Services
from app.users.errors import UsernameTaken
from tests.recorder import Recorder

ORIGIN = "https://localhost"
COOKIE = f"__Host-Http-{PROJECT['slug']}-session"
PASSWORD = "correct horse battery staple"


class Client(httpx2.AsyncClient):
    """A client with a cookie jar of its own."""

    def __init__(self, app: FastAPI, address: str = "192.0.2.1") -> None:
        transport = httpx2.ASGITransport(app, client=(address, 50_000), raise_app_exceptions=False)
        super().__init__(transport=Recorder(transport), base_url=ORIGIN)
        self.app = app

    @property
    def token(self) -> str | None:
        """The token in the cookie jar."""
        return self.cookies.get(COOKIE)

    async def register(self, username: str = "alice", password: str = PASSWORD) -> httpx2.Response:
        return await self.post("/api/register", json={"username": username, "password": password})

    async def sign_in(
        self, username: str = "alice", password: str = PASSWORD, *, remember: bool = False
    ) -> httpx2.Response:
        body = {"username": username, "password": password, "remember": remember}
        return await self.post("/api/login", json=body)

    async def signed_in(self, username: str = "alice", *, role: str = ROLES[0]) -> Self:
        """Create an account with a role, and sign in."""
        services: Services = self.app.state.services
        with suppress(UsernameTaken):
            await services.users.register(username, PASSWORD, role)
        response = await self.sign_in(username)
        assert response.status_code == 200, response.text
        return self

    async def is_signed_in(self) -> bool:
        """Whether the cookie in the jar still opens the door."""
        return await self.opens(self.token)

    async def opens(self, token: str | None) -> bool:
        """Whether a token opens the door, wherever it was copied from."""
        response = await self.send_cookie(f"{COOKIE}={token}")
        assert response.status_code in (200, 401)
        return response.status_code == 200

    async def send_cookie(self, header: str | bytes, path: str = "/api/me") -> httpx2.Response:
        """Send a Cookie header as it is, instead of the cookie jar."""
        request = httpx2.Request("GET", f"{ORIGIN}{path}", headers=[(b"cookie", _bytes(header))])
        return await self.send(request)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
