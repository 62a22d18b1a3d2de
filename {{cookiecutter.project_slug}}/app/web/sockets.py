"""WebSockets: open for as long as the session is."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.sessions.live import LiveSession
from app.sessions.service import Sessions
from app.unavailable import Unavailable

# How often a socket looks whether its session lives. A slow store included, it closes in five.
CHECK_SECONDS = 3

# RFC 6455, 7.4.1, and IANA's registry of close codes.
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


async def talk_while_live(
    websocket: WebSocket,
    session: LiveSession,
    sessions: Sessions,
    talk: Callable[[], Awaitable[None]],
) -> None:
    """Accept a socket and talk, until that is over or the session is; then close it with 1008.

    An open socket does not count as use, and a session that was given a new ticket is over here.
    """
    await websocket.accept()
    talking = asyncio.ensure_future(talk())
    try:
        while not (await asyncio.wait({talking}, timeout=CHECK_SECONDS))[0]:
            if not await sessions.is_live(session.ticket):
                await close_unauthorised(websocket)
                return
        talking.result()
    except Unavailable:
        await websocket.close(TRY_AGAIN_LATER)
    except WebSocketDisconnect:
        # The other side has gone, which is no error.
        return
    finally:
        talking.cancel()


async def close_unauthorised(websocket: WebSocket) -> None:
    """Close a socket that has no session, in the way that scripts in a browser can see."""
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.accept()
    await websocket.close(POLICY_VIOLATION, "Sign in first.")
