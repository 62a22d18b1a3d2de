"""Who may: the dependencies that protect a route, and the mark of one that is public.

Every route depends on one of these or says ``@public``; otherwise the app does not start.
"""

from collections.abc import Iterator
from typing import Annotated, NamedTuple, TypeVar

from fastapi import Depends, FastAPI, HTTPException
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import HTTPConnection

from app import security_log, texts
from app.models import ADMIN
from app.sessions.live import LiveSession
from app.sessions.session import Principal
from app.web.visit import services_of, visit_of


class NotSignedIn(Exception):
    """The request has no live session."""


class NotFresh(Exception):
    """The password was asked for too long ago for what the request wants. user: who wants it."""

    def __init__(self, user: Principal) -> None:
        self.user = user


class SignedIn(NamedTuple):
    """The session of a request and its user."""

    session: LiveSession
    user: Principal


async def current_session(connection: HTTPConnection) -> LiveSession:
    """Return the session of the request, reading nothing of its user. Raises NotSignedIn."""
    session = await visit_of(connection).session()
    if session is None:
        raise NotSignedIn
    return session


async def signed_in(connection: HTTPConnection) -> SignedIn:
    """Return the session of the request and its user, in one read. Raises NotSignedIn."""
    found = await visit_of(connection).session_and_user()
    if found is None:
        raise NotSignedIn
    return SignedIn(*found)


async def current_user(connection: HTTPConnection) -> Principal:
    """Return the user of the request. Raises NotSignedIn."""
    return (await signed_in(connection)).user


async def optional_user(connection: HTTPConnection) -> Principal | None:
    """Return the user of the request, or None. It protects nothing: the route is to be public."""
    found = await visit_of(connection).session_and_user()
    return found[1] if found else None


async def admin_user(connection: HTTPConnection) -> Principal:
    """Return the user of the request, an administrator. Raises NotSignedIn, or 403."""
    session, user = await signed_in(connection)
    if user.role != ADMIN:
        security_log.event("authz_fail", actor=user.id, session=session.record.key, warning=True)
        raise HTTPException(403, texts.ROLE_NEEDED.format(ADMIN))
    return user


async def fresh_user(connection: HTTPConnection) -> Principal:
    """Return the user of the request, who has just proved who they are.

    For what a stolen session must not do (ASVS 5.0 7.5.3). Raises NotSignedIn or NotFresh.
    """
    session, user = await signed_in(connection)
    if not services_of(connection).sessions.is_fresh(session):
        raise NotFresh(user)
    return user


CurrentSession = Annotated[LiveSession, Depends(current_session)]
CurrentSignedIn = Annotated[SignedIn, Depends(signed_in)]
CurrentUser = Annotated[Principal, Depends(current_user)]
OptionalUser = Annotated[Principal | None, Depends(optional_user)]
AdminUser = Annotated[Principal, Depends(admin_user)]
FreshUser = Annotated[Principal, Depends(fresh_user)]

PROTECTING = frozenset({current_session, signed_in, current_user, admin_user, fresh_user})
_PUBLIC = "is_public"

Endpoint = TypeVar("Endpoint")


def public(endpoint: Endpoint) -> Endpoint:
    """Declare that a route, or a mounted app, is for everybody."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


def refuse_undeclared_routes(app: FastAPI) -> None:
    """Raise RuntimeError for a route that neither asks who is there nor is declared public."""
    for route in iter_route_contexts(app.routes):
        declared = route.endpoint or getattr(route.original_route, "app", None)
        if not getattr(declared, _PUBLIC, False) and not dependencies_of(route) & PROTECTING:
            raise RuntimeError(
                f"{route.path} is open to everybody. Let it depend on CurrentUser or another alias "
                "of app/web/access.py, or declare it @public."
            )
    # They are no routes to the framework, and no dependency protects them.
    if any(app.router._iter_low_priority_routes()):
        raise RuntimeError("frontend() is open to everybody. Mount StaticFiles, declared public.")


def dependencies_of(route: RouteContext) -> set[object]:
    """Return what a route depends on, through its router or another dependency as well."""
    return set(_calls(getattr(route, "dependant", None)))


def _calls(dependant: Dependant | None) -> Iterator[object]:
    for each in dependant.dependencies if dependant else ():
        yield each.call
        yield from _calls(each)
