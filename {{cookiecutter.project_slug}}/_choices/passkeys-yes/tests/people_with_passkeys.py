"""What people do with a passkey over the API, and what an attacker makes of it."""

from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.authenticator import Authenticator, Json
from tests.client import PASSWORD, Browser, Client
from tests.people import ALICE


@dataclass
class Person:
    """Somebody at a browser, with a device that keeps passkeys."""

    client: Browser
    device: Authenticator = field(default_factory=Authenticator)

    async def options(self, path: str) -> Json:
        """Ask for a challenge, and what goes with it."""
        response = await self.client.post(f"{path}/options")
        assert response.status_code == 200, response.text
        options: Json = response.json()
        return options

    async def add(self, **more: Any) -> httpx2.Response:
        """Add a passkey to the account. more: beside it in the body."""
        made = self.device.create(await self.options("/api/passkeys"))
        return await self.client.post("/api/passkeys", json={**made, **more})

    async def sign_in(self, **more: Any) -> httpx2.Response:
        """Sign in with the passkey that was made last."""
        shown = self.device.get(await self.options("/api/login/passkey"))
        return await self.client.post("/api/login/passkey", json={**shown, **more})

    async def confirm(self) -> httpx2.Response:
        """Prove once more who is signed in."""
        shown = self.device.get(await self.options("/api/confirm/passkey"))
        return await self.client.post("/api/confirm", json=shown)


async def with_passkey(client: Client, name: str = ALICE) -> Person:
    """Let somebody sign in with a password and add a passkey."""
    person = Person(await client.signed_in(name))
    response = await person.add()
    assert response.status_code == 201, response.text
    return person


async def confirm_password(client: Client) -> httpx2.Response:
    return await client.post("/api/confirm", json={"password": PASSWORD})
