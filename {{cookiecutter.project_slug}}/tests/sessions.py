"""What a test does to sessions themselves, without any route."""

from collections.abc import Awaitable, Callable

from app.services import Services
from app.sessions.live import LiveSession
from app.sessions.session import Client

HERE = Client("192.0.2.1", "Browser/1.0")

Begin = Callable[..., Awaitable[LiveSession]]


async def is_live(services: Services, session: LiveSession) -> bool:
    """Whether the ticket is good; with its user and without is the same."""
    resumed = await services.sessions.resume(session.ticket)
    with_user = await services.sessions.resume_with_user(session.ticket)
    assert (resumed is None) == (with_user is None)
    return resumed is not None


async def resume(services: Services, session: LiveSession) -> LiveSession:
    """Go on with a session, as the next request would."""
    resumed = await services.sessions.resume(session.ticket)
    assert resumed is not None
    return resumed
