"""The JSON API of sessions and accounts."""

from fastapi import APIRouter, HTTPException, WebSocket

from app.api.schemas import (
    ERRORS,
    AccountEventOut,
    #{% if not cookiecutter.totp and not cookiecutter.passkeys %}
    ConfirmIn,
    #{% endif %}
    DeleteAccountIn,
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    ListedSessionOut,
    #{% endif %}
    LoginIn,
    PasswordIn,
    RegisterIn,
    ResetIn,
    UserOut,
    errors,
)
from app.models import User
from app.users.account_events import Event
from app.users.names import FIELD, normalise
from app.web.dependencies import (
    CurrentAuth,
    CurrentRequestSession,
    CurrentUser,
    FreshUser,
    Recovery,
    Sessions,
    Users,
    public,
)
from app.web.websocket import ignore_messages, run_until_session_ends

router = APIRouter(prefix="/api", responses=ERRORS)


#{% if cookiecutter.identity == "email" %}
@router.post("/register", status_code=202, responses=errors(429))
@public
async def register(body: RegisterIn, request_session: CurrentRequestSession) -> None:
    """Send a link that creates the account. The response is the same when there is one already."""
    await request_session.register(body.name, body.password)
#{% else %}
@router.post("/register", status_code=201, response_model=UserOut, responses=errors(409, 429))
@public
async def register(body: RegisterIn, request_session: CurrentRequestSession) -> User:
    """Create an account."""
    return await request_session.register(body.name, body.password)
#{% endif %}


@router.post("/login", response_model=UserOut, responses=errors(429))
@public
async def login(body: LoginIn, request_session: CurrentRequestSession) -> User:
    """Sign in. Unknown names, wrong passwords and disabled accounts get the same response."""
    #{% if cookiecutter.totp %}
    return await request_session.sign_in(
        body.name, body.password, code=body.code, remember=body.remember
    )
    #{% else %}
    return await request_session.sign_in(body.name, body.password, remember=body.remember)
    #{% endif %}


@router.post("/logout", status_code=204)
@public
async def logout(request_session: CurrentRequestSession) -> None:
    """Sign out here: end the session at the server, and delete the cookie."""
    await request_session.sign_out()


@router.post("/me/delete", status_code=204)
async def delete_me(
    body: DeleteAccountIn,
    user: FreshUser,
    auth: CurrentAuth,
    users: Users,
    request_session: CurrentRequestSession,
) -> None:
    """Delete one's own account, soon after confirming the password."""
    if normalise(body.confirm) != user.name:
        raise HTTPException(403, "That is not the name of this account.")
    await users.delete_own(auth)
    await request_session.sign_out()


@router.post("/password", status_code=204, responses=errors(429))
async def change_password(body: PasswordIn, auth: CurrentAuth, users: Users) -> None:
    """Change the password: every other session ends, this one gets a new token."""
    await users.change_password(auth, body.current_password, body.new_password)


@router.post("/password/reset", status_code=204, responses=errors(429))
@public
async def reset_password(
    body: ResetIn, recovery: Recovery, request_session: CurrentRequestSession
) -> None:
    """Choose a new password by a link: every session of the user ends, and none begins."""
    await recovery.reset_password(body.token, body.new_password, request_session.client)
#{% if not cookiecutter.totp and not cookiecutter.passkeys %}


@router.post("/confirm", status_code=204, responses=errors(429))
async def confirm(body: ConfirmIn, auth: CurrentAuth, users: Users) -> None:
    """Confirm the password before something sensitive; the session gets a new token."""
    await users.confirm_password(auth, body.password)
#{% endif %}
#{% if cookiecutter.session_backend != "signed-cookie" %}


@router.get("/sessions")
async def list_sessions(auth: CurrentAuth, sessions: Sessions) -> list[ListedSessionOut]:
    """List the active sessions of the user."""
    found = await sessions.list_for_user(auth.user.id)
    return [ListedSessionOut.of(each, auth.session.record) for each in found]


@router.delete("/sessions/{session_id}", status_code=204)
async def revoke_session(
    session_id: str, user: CurrentUser, request_session: CurrentRequestSession
) -> None:
    """End one session of the user. Another user's gets the same 404 as one that does not exist."""
    await request_session.revoke_one(user, session_id)
#{% endif %}


@router.delete("/sessions", status_code=204)
async def revoke_other_sessions(auth: CurrentAuth, sessions: Sessions) -> None:
    """End every other session of the user."""
    await sessions.revoke_others(auth.session)


@router.get("/activity", response_model=list[AccountEventOut])
async def list_activity(user: CurrentUser, users: Users) -> list[Event]:
    """List what has happened to the account lately, the latest first."""
    return await users.events.list_recent(user.id)


@router.websocket("/ws")
async def greet(websocket: WebSocket, auth: CurrentAuth, sessions: Sessions) -> None:
    """Say who is signed in, and stay open while they are: whoever listens hears of the end."""

    async def talk() -> None:
        await websocket.send_json({FIELD: auth.user.name})
        await ignore_messages(websocket)

    await run_until_session_ends(websocket, auth.session, sessions, talk)
