"""The JSON API."""

from typing import Annotated

from fastapi import APIRouter, Body, HTTPException, WebSocket
from pydantic import JsonValue

from app import texts
from app.accounts.directory import Account
from app.sessions.session import Principal, Session
from app.web.access import (
    AdminUser,
    CurrentSession,
    CurrentSignedIn,
    CurrentUser,
    FreshUser,
    public,
)
from app.web.route import Route
from app.web.schemas import (
    ConfirmIn,
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    DeviceOut,
    #{% endif %}
    LoginIn,
    Message,
    PasswordIn,
    RegisterIn,
    SessionOut,
    UserOut,
)
from app.web.sockets import talk_while_live
from app.web.visit import CurrentServices, CurrentVisit

router = APIRouter(prefix="/api", route_class=Route)


# The router looks through them in this order: what is asked most often comes first.


@router.get("/me", response_model=UserOut)
async def me(user: CurrentUser) -> Principal:
    """Say who is signed in."""
    return user


@router.get("/session", response_model=SessionOut)
async def session(current: CurrentSession) -> Session:
    """Describe the session of this request."""
    return current.record


@router.get("/data")
async def data(user: CurrentUser) -> Message:
    """Answer signed-in users only: an example to start from."""
    return Message(message=texts.ONLY_YOU.format(user.username))


@router.get("/public")
@public
async def for_everybody() -> Message:
    """Answer everybody, without looking at any session."""
    return Message(message=texts.EVERYBODY)


@router.post("/register", status_code=201, response_model=UserOut, responses={409: {}})
@public
async def register(body: RegisterIn, services: CurrentServices) -> Principal:
    """Open an account."""
    if not services.settings.allow_registration:
        raise HTTPException(403, texts.REGISTRATION_CLOSED)
    return await services.accounts.register(body.username, body.password)


@router.post("/login", response_model=UserOut, responses={401: {}, 429: {}})
@public
async def login(body: LoginIn, services: CurrentServices, visit: CurrentVisit) -> Principal:
    """Sign in. One answer for a wrong name, a wrong password and a closed account."""
    session, user = await services.accounts.sign_in(
        body.username,
        body.password,
        visit.client,
        remember=body.remember,
        old_tickets=visit.tickets(),
    )
    visit.sign_in(session)
    return user


@router.post("/logout", status_code=204)
@public
async def logout(visit: CurrentVisit) -> None:
    """Sign out here: end the session at the server, and delete the cookie."""
    await visit.sign_out()


@router.delete("/me", status_code=204)
async def delete_me(
    user: FreshUser, signed_in: CurrentSignedIn, services: CurrentServices, visit: CurrentVisit
) -> None:
    """Delete one's own account, soon after the password was asked for."""
    await services.accounts.delete_own(user, signed_in.session)
    await visit.sign_out()


@router.post("/confirm", status_code=204, responses={429: {}})
async def confirm(
    body: ConfirmIn, signed_in: CurrentSignedIn, services: CurrentServices, visit: CurrentVisit
) -> None:
    """Confirm the password, before something sensitive; the session gets a new ticket."""
    await services.accounts.confirm_password(
        signed_in.user, signed_in.session, visit.client, body.password
    )


@router.get("/admin/users", response_model=list[UserOut])
async def users(_: AdminUser, services: CurrentServices) -> list[Account]:
    """List the accounts, for administrators only: an example to start from."""
    return await services.directory.all()


@router.get("/session/data")
async def values(signed_in: CurrentSignedIn) -> dict[str, JsonValue]:
    """Return what is kept with the session of this request."""
    return await signed_in.session.values()


@router.put("/session/data/{name}", status_code=204)
async def set_value(
    name: str, value: Annotated[JsonValue, Body()], signed_in: CurrentSignedIn
) -> None:
    """Keep a small value with the session, encrypted: an example to start from."""
    await signed_in.session.set(name, value)


@router.delete("/session/data/{name}", status_code=204)
async def delete_value(name: str, signed_in: CurrentSignedIn) -> None:
    """Forget a value."""
    await signed_in.session.delete(name)
#{% if cookiecutter.session_backend != "signed-cookie" %}


@router.get("/sessions")
async def sessions(signed_in: CurrentSignedIn, services: CurrentServices) -> list[DeviceOut]:
    """List the live sessions of the user."""
    session, user = signed_in
    return [DeviceOut.of(each, session.record) for each in await services.sessions.of_user(user.id)]


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: str, signed_in: CurrentSignedIn, visit: CurrentVisit) -> None:
    """End one session of the user. Another user's is as unknown as one that never was."""
    if not await visit.end_one(signed_in.session, session_id):
        raise HTTPException(404, texts.NO_SUCH_SESSION)
#{% endif %}


@router.delete("/sessions", status_code=204)
async def end_other_sessions(signed_in: CurrentSignedIn, services: CurrentServices) -> None:
    """End every other session of the user."""
    await services.sessions.end_others(signed_in.session)


@router.post("/password", status_code=204, responses={429: {}})
async def change_password(
    body: PasswordIn, signed_in: CurrentSignedIn, services: CurrentServices, visit: CurrentVisit
) -> None:
    """Change the password: every other session ends, this one gets a new ticket."""
    await services.accounts.change_password(
        signed_in.user, signed_in.session, visit.client, body.current_password, body.new_password
    )


@router.websocket("/ws")
async def greet(
    websocket: WebSocket, signed_in: CurrentSignedIn, services: CurrentServices
) -> None:
    """Say who is signed in, and stay open while they are: an example to start from."""

    async def talk() -> None:
        await websocket.send_json({"username": signed_in.user.username})
        while (await websocket.receive())["type"] != "websocket.disconnect":
            # Whatever is said is ignored.
            continue

    await talk_while_live(websocket, signed_in.session, services.sessions, talk)
