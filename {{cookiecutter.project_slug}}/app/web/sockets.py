"""WebSockets: open for as long as the session is."""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.sessions.live import LiveSession
from app.sessions.service import Sessions
from app.unavailable import Unavailable

# How often a socket looks whether its session lives: it closes in five, with a slow store as well.
CHECK_SECONDS = 2

# RFC 6455, 7.4.1, and IANA's registry of close codes.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


async def talk_while_live(
    websocket: WebSocket,
    session: LiveSession,
    sessions: Sessions,
    talk: Callable[[], Awaitable[None]],
) -> None:
    """Accept a socket and talk; when the session ends meanwhile, close it with 1008.

    An open socket does not count as use, and a session that was given a new ticket is over here.
    """
    await websocket.accept()
    has_ended = False
    try:
        async with _stopped_at_the_end(asyncio.ensure_future(talk())) as talking:
            while not has_ended and not (await asyncio.wait({talking}, timeout=CHECK_SECONDS))[0]:
                has_ended = not await sessions.is_live(session.ticket)
        if has_ended:
            await close_unauthorised(websocket)
        else:
            talking.result()
    except Unavailable:
        await websocket.close(TRY_AGAIN_LATER)
    except WebSocketDisconnect:
        # The other side has gone, which is no error.
        return


@asynccontextmanager
async def _stopped_at_the_end(talking: Future[None]) -> AsyncIterator[Future[None]]:
    try:
        yield talking
    finally:
        talking.cancel()
        # It may have something to put away.
        await asyncio.wait({talking})


async def close_unauthorised(websocket: WebSocket) -> None:
    """Close a socket that has no session, in the way that scripts in a browser can see."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.accept()
    await websocket.close(POLICY_VIOLATION, "Sign in first.")
