"""The dependencies of routes: who may call them, and what they need.

Every route depends on one of those that require a session, or is declared ``@public``; otherwise
the app does not start.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, HTTPException
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app import security_log
from app.config import PROJECT, Settings
from app.errors import AppError
from app.models import ADMIN, User
from app.services import Services
from app.sessions.active_session import ActiveSession
from app.sessions.service import SessionService
#{% if cookiecutter.identity == "email" %}
from app.users.emails import EmailService
#{% endif %}
#{% if cookiecutter.totp or cookiecutter.passkeys %}
from app.users.factors import Factors
#{% endif %}
#{% if cookiecutter.oidc %}
from app.users.identities import Identities
from app.users.oidc import OidcService
#{% endif %}
#{% if cookiecutter.passkeys %}
from app.users.passkeys import Passkeys
#{% endif %}
from app.users.recovery import PasswordRecovery
from app.users.service import AuthContext, UserService
#{% if cookiecutter.totp %}
from app.users.totp import TotpService
#{% endif %}
from app.web.request_session import RequestSession, get_request_session
#{% if cookiecutter.oidc %}
from app.web.round_trips import RoundTrips
#{% endif %}


class NotAuthenticated(AppError):
    """The request has no active session."""

    status, text = 401, "Sign in first."


class ReauthenticationRequired(AppError):
    """The user has to confirm their password before what they asked for."""

    status, text = 403, "Confirm your password first: POST /api/confirm."


class SessionRequired(SecurityBase):
    """Marks a dependency that requires a session, for OpenAPI and for the check of all routes."""

    def __init__(self, dependency: Callable[[HTTPConnection], Awaitable[Any]]) -> None:
        name = f"__Host-Http-{PROJECT['slug']}-session"
        self.model = APIKey.model_validate({"in": APIKeyIn.cookie, "name": name})
        self.scheme_name = "session"
        self._dependency = dependency

    async def __call__(self, connection: HTTPConnection) -> Any:
        """Call the dependency."""
        return await self._dependency(connection)


@SessionRequired
async def current_session(connection: HTTPConnection) -> ActiveSession:
    """Return the session of the request without reading its user. Raises NotAuthenticated."""
    request_session = get_request_session(connection)
    session = await request_session.load_session()
    if session is None:
        raise NotAuthenticated(headers=request_session.challenge)
    return session


@SessionRequired
async def current_user(connection: HTTPConnection) -> User:
    """Return the user of the request, read together with the session. Raises NotAuthenticated."""
    request_session = get_request_session(connection)
    user = await request_session.load_user()
    if user is None:
        raise NotAuthenticated(headers=request_session.challenge)
    return user


@SessionRequired
async def current_auth(connection: HTTPConnection) -> AuthContext:
    """Return user, session and client of the request. Raises NotAuthenticated."""
    user, session = await current_user(connection), await current_session(connection)
    return AuthContext(user, session, get_request_session(connection).client)


async def optional_user(connection: HTTPConnection) -> User | None:
    """Return the user of the request, or None: for public routes, which it does not protect."""
    return await get_request_session(connection).load_user()


async def current_request_session(connection: HTTPConnection) -> RequestSession:
    """Return the RequestSession, for signing in and out."""
    # Asynchronous like its siblings, or FastAPI would call it in a thread.
    return get_request_session(connection)


CurrentAuth = Annotated[AuthContext, Depends(current_auth)]
CurrentSession = Annotated[ActiveSession, Depends(current_session)]
CurrentUser = Annotated[User, Depends(current_user)]
OptionalUser = Annotated[User | None, Depends(optional_user)]
CurrentRequestSession = Annotated[RequestSession, Depends(current_request_session)]


def require_role(*roles: str) -> Callable[..., Awaitable[User]]:
    """Return a dependency that allows users of these roles only; others get 403."""

    async def user_with_role(user: CurrentUser, request_session: CurrentRequestSession) -> User:
        if user.role not in roles:
            session = request_session.session
            key = session.record.key if session else None
            security_log.event("authz_fail", actor=user.id, session=key, warning=True)
            raise HTTPException(403, f"This requires the role {' or '.join(roles)}.")
        return user

    return user_with_role


async def fresh_user(
    user: CurrentUser, session: CurrentSession, request_session: CurrentRequestSession
) -> User:
    """Return the user of the request, who has proved who they are in the last ten minutes.

    For what a stolen session must not do (ASVS 5.0 7.5.3). Raises ReauthenticationRequired.
    """
    if not request_session.services.sessions.is_fresh(session):
        raise ReauthenticationRequired
    #{% if cookiecutter.totp or cookiecutter.passkeys %}
    # A password is not enough for an account that has more (ASVS 5.0 6.3.3).
    factors = request_session.services.factors
    if not session.record.is_strong and await factors.kinds_of(user.id):
        raise ReauthenticationRequired
    #{% endif %}
    return user


#{% if cookiecutter.totp or cookiecutter.passkeys %}
async def strong_user(user: CurrentUser, session: CurrentSession) -> User:
    """Return the user of the request, who has shown two factors in this session."""
    if not session.record.is_strong:
        raise HTTPException(403, "This requires a second factor: sign in with one.")
    return user


StrongUser = Annotated[User, Depends(strong_user)]
#{% endif %}
AdminUser = Annotated[User, Depends(require_role(ADMIN))]
FreshUser = Annotated[User, Depends(fresh_user)]


async def get_db_session(
    request_session: CurrentRequestSession,
) -> AsyncIterator[AsyncSession]:
    """Yield an SQLAlchemy session for the request; what is not committed is rolled back."""
    async with request_session.services.database.new_session() as session:
        yield session


DbSession = Annotated[AsyncSession, Depends(get_db_session)]


async def get_settings(request_session: CurrentRequestSession) -> Settings:
    """Return the settings of the running app."""
    return request_session.services.settings


CurrentSettings = Annotated[Settings, Depends(get_settings)]


def _service(pick: Callable[[Services], Any]) -> Any:
    """Return a dependency on one of the parts of the running app."""

    async def get_service(request_session: CurrentRequestSession) -> Any:
        return pick(request_session.services)

    return Depends(get_service)


Users = Annotated[UserService, _service(lambda services: services.users)]
Sessions = Annotated[SessionService, _service(lambda services: services.sessions)]
Recovery = Annotated[PasswordRecovery, _service(lambda services: services.recovery)]
#{% if cookiecutter.identity == "email" %}
Emails = Annotated[EmailService, _service(lambda services: services.emails)]
#{% endif %}
#{% if cookiecutter.totp or cookiecutter.passkeys %}
SecondFactors = Annotated[Factors, _service(lambda services: services.factors)]
#{% endif %}
#{% if cookiecutter.totp %}
Totp = Annotated[TotpService, _service(lambda services: services.totp)]
#{% endif %}
#{% if cookiecutter.passkeys %}
CurrentPasskeys = Annotated[Passkeys, _service(lambda services: services.passkeys)]
#{% endif %}
#{% if cookiecutter.oidc %}
CurrentIdentities = Annotated[Identities, _service(lambda services: services.identities)]
Oidc = Annotated[OidcService, _service(lambda services: services.oidc)]


async def get_round_trips(connection: HTTPConnection) -> RoundTrips:
    """Return the way to a provider and back, for the browser of the request."""
    return RoundTrips(connection, get_request_session(connection))


CurrentRoundTrips = Annotated[RoundTrips, Depends(get_round_trips)]
#{% endif %}

Endpoint = TypeVar("Endpoint")
# Endpoints and mounted apps that are declared public, by their id: not all that can be mounted
# has a hash. Not an attribute of theirs, which ``functools.wraps`` would copy to another function.
_PUBLIC: dict[int, object] = {}


def public(endpoint: Endpoint) -> Endpoint:
    """Declare that a route, or a mounted app, is for everybody."""
    _PUBLIC[id(endpoint)] = endpoint
    return endpoint


def is_public(endpoint: object) -> bool:
    """Whether a route, or a mounted app, is declared public."""
    return id(endpoint) in _PUBLIC


class RequireSession:
    """Any ASGI app, for signed-in users only: ``app.mount("/metrics", RequireSession(metrics))``.

    A FastAPI app can do without: ``FastAPI(dependencies=[Depends(current_user)])``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection (ASGI). Raises NotAuthenticated."""
        await current_user(HTTPConnection(scope))
        await self._app(scope, receive, send)
