"""Engines for the databases of tests: one after the other use the same."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app import database, engine
from tests.database import TIMEOUT

# Engines that no test is using, by how they are made: a new one compiles each statement again.
IDLE_ENGINES: defaultdict[object, list[AsyncEngine]] = defaultdict(list)


@pytest.fixture(autouse=True)
def lend_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lend engines to a test, which closes their connections."""
    lent: list[tuple[list[AsyncEngine], AsyncEngine]] = []

    def lend(create: Callable[..., AsyncEngine], *arguments: object) -> AsyncEngine:
        # A test may have changed how long they wait.
        idle = IDLE_ENGINES[create, arguments, getattr(engine, TIMEOUT)]
        lent.append((idle, idle.pop() if idle else create(*arguments)))
        return lent[-1][1]

    for create in (engine.create_app_engine, engine.create_session_engine):
        monkeypatch.setattr(database, create.__name__, partial(lend, create))
    yield
    for idle, each in lent:
        idle.append(each)
