"""One request's dealings with its session, from the raw cookie to the answer's headers."""

import math
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import Scope

from app import security_log
from app.services import Services
from app.sessions.live import LiveSession
from app.sessions.session import Client, Principal

MAX_USER_AGENT_CHARACTERS = 200

Headers = list[tuple[bytes, bytes]]


class Visit:
    """What a request knows of its session, and what its answer has to say about it.

    The edge makes one for each request and writes its headers when the answer starts, so that
    they hold on errors and redirects as well.
    headers: those of the request. sender: the address that it comes from.
    """

    __slots__ = (
        "_deletes_cookie",
        "_headers",
        "_sender",
        "_services",
        "_session",
        "_user",
        "depends_on_session",
    )

    def __init__(self, headers: Headers, sender: str, services: Services) -> None:
        self._services = services
        self._headers = headers
        self._sender = sender
        self._session: LiveSession | None = None
        self._user: Principal | None = None
        self._deletes_cookie = False
        self.depends_on_session = False

    @property
    def client(self) -> Client:
        """Where the request comes from."""
        return Client(ip=self._sender, user_agent=_user_agent(self._headers))

    def tickets(self) -> list[str]:
        """Return every ticket that came with the request, unchecked: to end them all."""
        self.depends_on_session = True
        return self._services.cookie.read(self._headers)

    def _ticket(self) -> str | None:
        tickets = self.tickets()
        if len(tickets) > 1:
            # One of them was planted, and nothing says which (RFC 6265bis, 8.6).
            security_log.event("input_validation_fail", warning=True, reason="two session cookies")
            return None
        return tickets[0] if tickets else None

    async def session(self) -> LiveSession | None:
        """Return the session of this request, which is read once."""
        if self._session is None and (ticket := self._ticket()):
            self._session = await self._services.sessions.resume(ticket)
        return self._session

    async def session_and_user(self) -> tuple[LiveSession, Principal] | None:
        """Return the session of this request and its user, which are read once."""
        if self._session and self._user:
            return self._session, self._user
        ticket = self._ticket()
        found = await self._services.sessions.resume_with_user(ticket) if ticket else None
        if found:
            self._session, self._user = found
        return found

    def sign_in(self, session: LiveSession) -> None:
        """Let the answer hand out the ticket of a session that was started for this request."""
        self._session = session
        self.depends_on_session = True

    async def sign_out(self) -> None:
        """End every session that the request brought, and let the answer delete the cookie."""
        await self._services.sessions.end(*self.tickets())
        self._deletes_cookie = True
    #{% if cookiecutter.session_backend != "signed-cookie" %}

    async def end_one(self, current: LiveSession, session_id: str) -> bool:
        """End a session of the current one's user; false when there is none of that id."""
        try:
            key = bytes.fromhex(session_id)
        except ValueError:
            return False
        ended = await self._services.sessions.end_one(current.record.user_id, key)
        self._deletes_cookie = ended and key == current.record.key
        return ended
    #{% endif %}

    def write_headers(self, headers: Headers) -> None:
        """Add to an answer's headers what its session asks for."""
        if not self.depends_on_session:
            return
        # No cache may keep it, and none may hand it to somebody else (ASVS 5.0 14.3.2).
        headers[:] = [header for header in headers if header[0] != b"cache-control"]
        headers += [(b"cache-control", b"no-store"), (b"vary", b"Cookie")]
        if self._deletes_cookie:
            headers.append((b"set-cookie", self._services.cookie.delete()))
        elif self._session and self._session.has_new_ticket:
            headers.append((b"set-cookie", self._cookie(self._session)))

    def _cookie(self, session: LiveSession) -> bytes:
        record = session.record
        max_age = math.ceil(record.expires_at - record.last_seen_at) if record.remember else None
        return self._services.cookie.set(session.ticket, max_age)


def visit_of(connection: HTTPConnection) -> Visit:
    """Return the visit that a request belongs to."""
    visit: Visit = connection.scope["app.visit"]
    return visit


def services_of(connection: HTTPConnection) -> Services:
    """Return the parts of the running app."""
    services: Services = connection.app.state.services
    return services


async def current_visit(connection: HTTPConnection) -> Visit:
    """Return the visit that a request belongs to."""
    # Asynchronous, or the framework would call it in a thread.
    return visit_of(connection)


async def current_services(connection: HTTPConnection) -> Services:
    """Return the parts of the running app."""
    return services_of(connection)


CurrentVisit = Annotated[Visit, Depends(current_visit)]
CurrentServices = Annotated[Services, Depends(current_services)]


def sender_of(scope: Scope) -> str:
    """Return the address that a request comes from."""
    address: str = scope["client"][0] if scope.get("client") else "local"
    return address[:45]


def _user_agent(headers: Headers) -> str:
    agent = next((value for name, value in headers if name == b"user-agent"), b"")
    text = agent.decode("latin-1")[:MAX_USER_AGENT_CHARACTERS]
    return "".join(filter(str.isprintable, text))
