"""What a test does to sessions themselves, without any route."""

from collections.abc import Awaitable, Callable

from app.services import Services
from app.sessions.active_session import ActiveSession
from app.sessions.session import ClientInfo

HERE = ClientInfo("192.0.2.1", "Client/1.0")

Begin = Callable[..., Awaitable[ActiveSession]]


async def is_active(services: Services, session: ActiveSession) -> bool:
    """Whether the token opens the session, with its user and without."""
    loaded = await services.sessions.load(session.token)
    with_user = await services.sessions.load_with_user(session.token)
    assert (loaded is None) == (with_user is None)
    return loaded is not None


async def load(services: Services, session: ActiveSession) -> ActiveSession:
    """Continue a session, as the next request would."""
    loaded = await services.sessions.load(session.token)
    assert loaded is not None
    return loaded
