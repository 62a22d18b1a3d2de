"""An authenticator app, as a person has it in their pocket."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import httpx2
import pyotp

from tests.client import PASSWORD, Browser
from tests.conftest import Clock
from tests.people import ALICE, FIELD

STEP = 30
WRONG_CODE = "Wrong code, or one that was used already."


@dataclass
class App:
    """What it knows: the secret. Its clock is the server's, unless a test asks for other steps."""

    secret: str
    clock: Callable[[], float]
    recovery_codes: list[str]

    @classmethod
    async def set_up(cls, client: Browser, clock: Clock) -> Self:
        """Set one up for whoever is signed in, and wait until its next code."""
        app = await cls.add(client, clock)
        clock.turn(STEP)
        return app

    @classmethod
    async def add(cls, client: Browser, clock: Callable[[], float]) -> Self:
        """Set one up for whoever is signed in; the code that it shows now is used for that."""
        response = await client.post("/api/totp")
        assert response.status_code == 200, response.text
        app = cls(response.json()["secret"], clock, [])
        response = await client.post("/api/totp/confirm", json={"code": app.code()})
        assert response.status_code == 200, response.text
        app.recovery_codes = response.json()["recovery_codes"]
        return app

    def code(self, steps: int = 0) -> str:
        """Return the code that it shows now, or so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(self.clock()) + steps * STEP)

    def wrong_code(self) -> str:
        """Return one that it shows neither now nor soon."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in ("000000", "000001", "000002") if code not in near)


async def sign_in(
    client: Browser, code: str | None = None, *, name: str = ALICE, password: str = PASSWORD
) -> httpx2.Response:
    """Sign in over the API, with a code if there is one."""
    body = {FIELD: name, "password": password}
    return await client.post("/api/login", json=body if code is None else {**body, "code": code})


async def confirm(client: Browser, code: str) -> httpx2.Response:
    return await client.post("/api/confirm", json={"code": code})
