"""Fixtures: a clock that tests turn, an app on a database of its own, and clients."""

import gc
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event
from zxcvbn import zxcvbn

from app.config import Settings
from app.fast_lookup import CompiledSelect, FastLookup
from app.models import User
from app.services import Services
from app.sessions.active_session import ActiveSession
from app.sessions.session import SignIn
from app.users import passwords
from tests import routes
from tests.client import PASSWORD, Client
from tests.people import ALICE
from tests.recorder import TOKENS
from tests.sessions import HERE, Begin

pytest_plugins = [
    "tests.cli",
    "tests.database",
    "tests.engines",
    #{% if cookiecutter.oidc %}
    "tests.provider",
    #{% endif %}
    #{% if cookiecutter.identity == "email" %}
    "tests.mail_fixtures",
    #{% endif %}
    #{% if cookiecutter.session_backend == "redis" %}
    "tests.redis",
    #{% endif %}
]

KEY = "k3Jd9-sL2mQ8vX0zR7tY4wB6nC1pF5hG_aUeIoT"

# What production asks for, with every choice of SameSite.
PRODUCTION = {
    "environment": "production",
    "allowed_hosts": "localhost",
    "trusted_origins": "https://front.example",
    "public_url": "https://localhost",
    #{% if cookiecutter.identity == "email" %}
    "mail_url": "smtps://localhost",
    "mail_from": "app@example.com",
    #{% endif %}
}


class Clock:
    """Unix time in seconds, standing still until it is turned."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


def pytest_configure() -> None:
    """Read neither ``.env`` nor the environment: tests mean the same on every machine."""
    Settings.model_config["env_file"] = None
    for name in (*Settings.model_fields, "FORWARDED_ALLOW_IPS"):
        os.environ.pop(name.upper(), None)
    # Whatever imports ``app.main`` makes the app that servers run, which needs a key.
    os.environ["SECRET_KEYS"] = KEY


def pytest_collection_finish() -> None:
    """Spend no time on looking for garbage among modules, again and again: a sixth of it all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


CHEAP_HASHES = passwords._CONTEXT.copy(argon2__memory_cost=64, argon2__time_cost=1)
RATINGS = cache(zxcvbn)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spend no time on strong hashes, or on rating a password again, where neither is tested."""
    monkeypatch.setattr(passwords, "_CONTEXT", CHEAP_HASHES)
    monkeypatch.setattr("zxcvbn.zxcvbn", RATINGS)


@pytest.fixture(autouse=True)
def tokens_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Look for session tokens in whatever a test has made the app log (ASVS 5.0 16.2.5)."""
    TOKENS.clear()
    caplog.set_level("DEBUG", "app")
    yield
    for record in caplog.get_records("call"):
        assert not any(token in caplog.handler.format(record) for token in TOKENS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


#{% if cookiecutter.session_backend == "redis" %}
@pytest.fixture
def settings(database_url: str, redis_url: str) -> dict[str, Any]:
    """Return the settings under test; a test changes them before it asks for the app."""
    stores = {"database_url": database_url, "redis_url": redis_url}
    return {**stores, "secret_keys": KEY}
#{% else %}
@pytest.fixture
def settings(database_url: str) -> dict[str, Any]:
    """Return the settings under test; a test changes them before it asks for the app."""
    return {"database_url": database_url, "secret_keys": KEY}
#{% endif %}


Start = Callable[..., Awaitable[FastAPI]]

# Apps that no test is using, by their settings. Building one takes longer than most tests.
IDLE_APPS: defaultdict[str, list[FastAPI]] = defaultdict(list)


@contextmanager
def lend_app(settings: Settings, clock: Clock) -> Iterator[FastAPI]:
    """Lend an app with these settings, and take back whatever the test adds to it."""
    # Not before pytest_configure: it would be made from the developer's settings.
    from app.main import create_app

    # Secrets and URLs are stars in it. They are for the services, which are made anew.
    idle = IDLE_APPS[repr(settings)]
    if idle:
        app = idle.pop()
        Services.__init__(app.state.services, settings, clock)
    else:
        app = create_app(settings, clock)
        app.include_router(routes.router)
    own_routes, middleware = [*app.routes], [*app.user_middleware]
    handlers = {**app.exception_handlers}
    yield app
    app.router.routes[:], app.user_middleware[:] = own_routes, middleware
    app.exception_handlers = handlers
    app.dependency_overrides = {}
    app.middleware_stack = app.openapi_schema = None
    idle.append(app)


@pytest.fixture
async def start(settings: dict[str, Any], clock: Clock) -> AsyncIterator[Start]:
    """Start apps with settings of the test's choice; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start_app(**changes: Any) -> FastAPI:
            app = stack.enter_context(lend_app(Settings.load(**{**settings, **changes}), clock))
            await stack.enter_async_context(app.router.lifespan_context(app))
            return app

        yield start_app


@pytest.fixture
async def app(start: Start) -> FastAPI:
    """Return an app, with the routes of ``tests/routes.py`` beside its own."""
    return await start()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the SQL that is sent from here on, by SQLAlchemy or straight to the driver."""
    sent: list[str] = []
    fetch_all = FastLookup.fetch_all

    def note(*values: Any) -> None:
        sent.append(values[2])

    async def note_lookup(lookup: FastLookup, select: CompiledSelect, values: Any) -> Any:
        sent.append(select.sql)
        return await fetch_all(lookup, select, values)

    monkeypatch.setattr(FastLookup, "fetch_all", note_lookup)
    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


@pytest.fixture
async def user(services: Services) -> User:
    return await services.users.register(ALICE, PASSWORD)


NewLink = Callable[..., Awaitable[str]]


@pytest.fixture
def new_link(services: Services) -> NewLink:
    """Return the token of a new link, for Alice unless somebody else is named."""

    async def make(name: str = ALICE) -> str:
        return (await services.recovery.reset_link(name)).partition("?token=")[2]

    return make


@pytest.fixture
def begin(services: Services, user: User) -> Begin:
    """Start sessions of the user's, without any route."""

    async def start(*, remember: bool = False) -> ActiveSession:
        sign_in = SignIn(user.id, user.session_version)
        return await services.sessions.create(sign_in, HERE, remember=remember)

    return start


@pytest.fixture
def client(app: FastAPI) -> Client:
    return Client(app)


@pytest.fixture
def other(app: FastAPI) -> Client:
    """Return a second client, at another address."""
    return Client(app, address="198.51.100.7")
