"""Fixtures: a mail server of the tests, and outboxes that send to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.database import AnyRow
from app.email import outbox
from app.email.outbox import Outbox
from app.services import Services
from tests.conftest import Clock
from tests.sessions import HERE
from tests.smtp_server import MailServer, certificate, mail_server

LINK = "http://localhost:8000/reset?token=mine"


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture
def trusted(own_certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the mail server of the tests, as a machine trusts the authorities that it has."""
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.01)


@pytest.fixture
async def host(own_certificate: Path) -> AsyncIterator[MailServer]:
    async with mail_server(own_certificate) as host:
        yield host


NewWorker = Callable[..., Outbox]


@pytest.fixture
async def new_worker(settings: dict[str, Any], clock: Clock) -> AsyncIterator[NewWorker]:
    """Return the outbox of a process of its own, which sends when it is told to."""
    async with AsyncExitStack() as stack:

        def new(url: str, **changes: Any) -> Outbox:
            services = Services(Settings.load(**settings, mail_url=url, **changes), clock)
            stack.push_async_callback(services.close)
            return services.outbox

        yield new


@pytest.fixture
def worker(new_worker: NewWorker, host: MailServer) -> Outbox:
    return new_worker(host.url)


async def store(outbox: Outbox, *recipients: str) -> None:
    for recipient in recipients:
        await outbox.database.execute(outbox.mail(recipient, "reset", HERE, link=LINK))


async def mail_of(outbox: Outbox) -> AnyRow:
    """Return the only mail that is stored."""
    [mail] = await outbox.list_all()
    return mail


def soon(happening: Awaitable[Any]) -> Awaitable[Any]:
    """Wait for what happens by itself; when it does not, the test fails instead of hanging."""
    return asyncio.wait_for(happening, 30)
