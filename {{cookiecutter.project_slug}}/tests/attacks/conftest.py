"""The app of a test, as the target of a story."""

from itertools import count

import pytest
from fastapi import FastAPI

from app.origins import DEFAULT_PUBLIC_URL
from tests.attacks.stories import Target
from tests.client import Browser, Client
from tests.conftest import Clock
from tests.people import ALICE, MALLORY, name_of
from tests.routes import http_routes


class InProcess(Target):
    """An app in the process of the test."""

    def __init__(self, app: FastAPI, clock: Clock) -> None:
        super().__init__(
            alice=ALICE,
            mallory=MALLORY,
            nobody=name_of("nobody"),
            public_url=DEFAULT_PUBLIC_URL,
            clock=clock,
            routes=list(http_routes()),
        )
        self.app = app
        self._numbers = count()

    def browser(self) -> Browser:
        return Client(self.app)

    async def signed_in(self, name: str) -> Browser:
        return await Client(self.app).signed_in(name)

    def newcomer(self) -> str:
        return name_of(f"newcomer{next(self._numbers)}")

    async def disabled(self) -> list[str]:
        name = self.newcomer()
        await self.signed_in(name)
        await self.app.state.services.users.disable(name)
        return [name]


@pytest.fixture
def target(app: FastAPI, clock: Clock) -> Target:
    return InProcess(app, clock)
