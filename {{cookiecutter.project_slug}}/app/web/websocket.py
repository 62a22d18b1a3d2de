"""WebSockets: open for as long as the session is."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import security_log
from app.errors import StoreUnavailable
from app.sessions.active_session import ActiveSession
from app.sessions.service import SessionService
from app.web.request_session import get_request_session

# How often a WebSocket checks its session: it closes within five seconds, even if a store is slow.
CHECK_SECONDS = 2

# More than a person sends, even one who drags something around; many at once may have waited for
# a slow handler of yours. Raise these for clients that are programs.
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 50, 500

# Of one user in each process, or one could take all of its connections. Only pages that can be seen
# hold one; raise it if yours hold several.
MAX_SOCKETS = 20

# RFC 6455, 7.4.1, and IANA's registry of close codes.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013

# What may be said over a WebSocket in which state, and the state that it leads to.
_NEXT = {
    ("new", "websocket.accept"): "open",
    ("new", "websocket.close"): "closed",
    ("new", "websocket.http.response.start"): "refused",
    ("refused", "websocket.http.response.body"): "refused",
    ("open", "websocket.close"): "closed",
}

SIGN_IN_FIRST = "Sign in first."


async def run_until_session_ends(
    websocket: WebSocket,
    session: ActiveSession,
    sessions: SessionService,
    talk: Callable[[], Awaitable[None]],
) -> None:
    """Accept a WebSocket and run ``talk``; when the session ends meanwhile, close it with 1008.

    An open WebSocket does not count as activity, and ends when the session gets a new token. One
    more than MAX_SOCKETS is refused.
    """
    open_sockets = get_request_session(websocket).services.open_sockets
    user_id = session.record.user_id
    if open_sockets[user_id] >= MAX_SOCKETS:
        security_log.event("excess_rate_limit_exceeded", actor=user_id, warning=True)
        await websocket.close()
        return

    async def accept_and_talk() -> None:
        await websocket.accept()
        await talk()

    open_sockets[user_id] += 1
    talking = asyncio.ensure_future(accept_and_talk())
    try:
        is_active = True
        while is_active and not (await asyncio.wait({talking}, timeout=CHECK_SECONDS))[0]:
            is_active = await sessions.is_active(session.token)
        await _stop(talking)
        if not is_active:
            await websocket.close(POLICY_VIOLATION, SIGN_IN_FIRST)
        elif error := talking.exception():
            raise error
    except StoreUnavailable:
        await websocket.close(TRY_AGAIN_LATER)
    except WebSocketDisconnect:
        # The client has disconnected, which is not an error.
        return
    finally:
        # Unlike open_sockets[user_id] -= 1, this keeps no zeros of users who have left.
        open_sockets -= Counter([user_id])
        await _stop(talking)


async def push_until_session_ends(
    websocket: WebSocket,
    session: ActiveSession,
    sessions: SessionService,
    push: Callable[[], Awaitable[None]],
) -> None:
    """Do the same with ``push``, which only sends; it ends when the client goes away, too.

    Whatever the client sends is ignored.
    """

    async def talk() -> None:
        pushing = asyncio.ensure_future(push())
        leaving = asyncio.ensure_future(ignore_messages(websocket))
        try:
            await asyncio.wait({pushing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if pushing.done():
                await pushing
        finally:
            await _stop(pushing)
            await _stop(leaving)

    await run_until_session_ends(websocket, session, sessions, talk)


async def ignore_messages(websocket: WebSocket) -> None:
    """Receive whatever the client sends, until it goes away."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        continue


async def _stop(talking: asyncio.Future[None]) -> None:
    talking.cancel()
    # It may have something to clean up.
    await asyncio.wait({talking})


async def close_unauthorised(_: Scope, __: Receive, send: Send) -> None:
    """Close a WebSocket that has no session, in a way that scripts in a browser can see."""
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": SIGN_IN_FIRST})


class SocketMessages:
    """What the app and a client say to each other over a WebSocket, as the server is to see it.

    Whoever handles an error, here or in an app that is mounted, responds as to a request: this puts
    it as it can still be said. receive, send: those of the server. clock: Unix time in seconds.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, clock: Callable[[], float]
    ) -> None:
        self._receive = limit_messages(receive, clock)
        self._send = send
        self._may_respond = "websocket.http.response" in (scope.get("extensions") or {})
        self._state = "new"

    async def receive(self) -> Message:
        """Return the next message of the client."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._state = "closed"
        return message

    async def send(self, message: Message) -> None:
        """Send a message of the app, unless it comes too late."""
        if self._state == "open" and message["type"] == "websocket.http.response.start":
            code = POLICY_VIOLATION if message["status"] < 500 else TRY_AGAIN_LATER
            message = {"type": "websocket.close", "code": code}
        elif self._state == "new" and message["type"] == "websocket.close" and self._may_respond:
            # Servers respond with it, too, but without any header of ours.
            headers = [(b"content-length", b"0")]
            await self.send(
                {"type": "websocket.http.response.start", "status": 403, "headers": headers}
            )
            message = {"type": "websocket.http.response.body", "body": b""}
        state = _NEXT.get((self._state, message["type"]))
        # Whoever goes on talking hears from the server that nobody listens any more.
        if state or message["type"] == "websocket.send":
            await self._send(message)
            self._state = state or self._state

    async def end(self) -> None:
        """Refuse a WebSocket that the app has neither accepted nor refused."""
        if self._state == "new":
            await self.send({"type": "websocket.close"})


def limit_messages(receive: Receive, clock: Callable[[], float]) -> Receive:
    """Return a receive that ends a WebSocket over which more messages arrive than a person sends.

    To the app it looks as if the client had gone away. That drops the connection at once; after a
    close frame, the server would go on reading the flood for ten seconds. clock: Unix time in
    seconds.
    """
    allowed, counted_at = float(MESSAGES_AT_ONCE), clock()

    async def receive_limited() -> Message:
        nonlocal allowed, counted_at
        message = await receive()
        if message["type"] == "websocket.receive":
            now = clock()
            regained = max(now - counted_at, 0) * MESSAGES_PER_SECOND
            allowed, counted_at = min(allowed + regained, MESSAGES_AT_ONCE) - 1, now
            if allowed < 0:
                security_log.event("excess_rate_limit_exceeded", warning=True)
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
        return message

    return receive_limited
