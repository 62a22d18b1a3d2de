"""The first page behind the sign-in, and those of an account: password, sessions, deletion."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
#{% if cookiecutter.passkeys %}
from webauthn.helpers import bytes_to_base64url
#{% endif %}

#{% if cookiecutter.oidc %}
from app.oidc_settings import title_of
#{% endif %}
from app.pages.activity import describe_activity
#{% if cookiecutter.totp or cookiecutter.passkeys or cookiecutter.oidc %}
from app.pages.forms import FormField, account_form_again
from app.pages.redirects import see_other
#{% else %}
from app.pages.forms import FormField, NextField, NextQuery, account_form_again
from app.pages.redirects import HOME, next_page, see_other
#{% endif %}
from app.pages.session_list import describe_sessions
from app.pages.templating import page
from app.sessions.session import session_end
from app.users.errors import AccountError
#{% if cookiecutter.oidc %}
from app.users.ways_in import count_ways, has_password, is_configured
#{% elif cookiecutter.passkeys %}
from app.users.ways_in import count_ways, has_password
#{% endif %}
from app.web.dependencies import (
    CurrentAuth,
    #{% if cookiecutter.oidc %}
    CurrentIdentities,
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    CurrentPasskeys,
    #{% endif %}
    CurrentRequestSession,
    CurrentSettings,
    CurrentUser,
    FreshUser,
    Sessions,
    #{% if cookiecutter.totp %}
    Totp,
    #{% endif %}
    Users,
)

router = APIRouter(include_in_schema=False)

Devices = Annotated[dict[str, Any], Depends(describe_sessions)]
Activity = Annotated[list[dict[str, Any]], Depends(describe_activity)]


@router.get("/")
async def dashboard(
    request: Request,
    auth: CurrentAuth,
    settings: CurrentSettings,
    devices: Devices,
    activity: Activity,
) -> Response:
    """Show the first page after signing in."""
    session = auth.session.record
    ends_at = session_end(session, settings)
    values = {"session": session, "ends_at": ends_at, "activity": activity, **devices}
    return page(request, "dashboard.html", **values)


#{% if cookiecutter.totp or cookiecutter.passkeys or cookiecutter.oidc %}
async def describe_account(
    user: CurrentUser,
    sessions: Devices,
    #{% if cookiecutter.passkeys or cookiecutter.oidc %}
    users: Users,
    #{% endif %}
    #{% if cookiecutter.totp %}
    totp: Totp,
    #{% endif %}
    #{% if cookiecutter.passkeys %}
    passkeys: CurrentPasskeys,
    #{% endif %}
    #{% if cookiecutter.oidc %}
    identities: CurrentIdentities,
    settings: CurrentSettings,
    #{% endif %}
) -> dict[str, Any]:
    """Describe what the account page shows besides its forms."""
    #{% if cookiecutter.oidc %}
    ways = await count_ways(users.database, user.id, settings)
    #{% elif cookiecutter.passkeys %}
    ways = await count_ways(users.database, user.id)
    #{% endif %}
    return {
        **sessions,
        #{% if cookiecutter.totp %}
        "has_app": bool(await totp.kinds_of(user.id)),
        #{% endif %}
        #{% if cookiecutter.passkeys or cookiecutter.oidc %}
        "has_password": await has_password(users.database, user.id),
        #{% endif %}
        #{% if cookiecutter.passkeys %}
        "ways": ways,
        "passkeys": [
            {**each._mapping, "id": bytes_to_base64url(each.id)}
            for each in await passkeys.list_for_user(user.id)
        ],
        "rp_id": passkeys.site.id,
        "user_handle": bytes_to_base64url(await passkeys.handle_of(user.id) or b""),
        #{% endif %}
        #{% if cookiecutter.oidc %}
        "identities": [
            {
                **each._mapping,
                "title": title_of(each.provider),
                "is_last": ways == 1 and is_configured(each.issuer, settings),
            }
            for each in await identities.list_for_user(user.id)
        ],
        #{% endif %}
    }


AccountDetails = Annotated[dict[str, Any], Depends(describe_account)]
#{% else %}
AccountDetails = Annotated[dict[str, Any], Depends(describe_sessions)]
#{% endif %}


@router.get("/account")
async def account(request: Request, _: CurrentUser, details: AccountDetails) -> Response:
    """Show the password form and the user's sessions."""
    return page(request, "account.html", **details)


@router.post("/account")
async def change_password(
    request: Request,
    auth: CurrentAuth,
    users: Users,
    details: AccountDetails,
    current_password: FormField = "",
    new_password: FormField = "",
) -> Response:
    """Change the password."""
    try:
        await users.change_password(auth, current_password, new_password)
    except AccountError as error:
        return account_form_again(
            request,
            "account.html",
            error,
            current="current_password",
            new="new_password",
            **details,
        )
    changed = "Your password has been changed. You have been signed out everywhere else."
    return see_other(request, "/account", flash=changed)


@router.post("/account/sessions/end-others")
async def revoke_other_sessions(
    request: Request, auth: CurrentAuth, sessions: Sessions
) -> Response:
    """Sign out everywhere else."""
    await sessions.revoke_others(auth.session)
    return see_other(request, "/account", flash="You have been signed out everywhere else.")
#{% if cookiecutter.session_backend != "signed-cookie" %}


@router.post("/account/sessions/{session_id}/end")
async def revoke_session(
    request: Request, session_id: str, user: CurrentUser, request_session: CurrentRequestSession
) -> Response:
    """End one session of the user."""
    await request_session.revoke_one(user, session_id)
    return see_other(request, "/account", flash="The session has been ended.")
#{% endif %}
#{% if not cookiecutter.totp and not cookiecutter.passkeys and not cookiecutter.oidc %}


@router.get("/confirm")
async def confirm_page(request: Request, _: CurrentUser, next_path: NextQuery = HOME) -> Response:
    """Ask for the password once more."""
    return page(request, "confirm.html", next=next_page(request, next_path))


@router.post("/confirm")
async def confirm(
    request: Request,
    auth: CurrentAuth,
    users: Users,
    password: FormField = "",
    next_path: NextField = HOME,
) -> Response:
    """Confirm the password, and continue to what requires it."""
    next_path = next_page(request, next_path)
    try:
        await users.confirm_password(auth, password)
    except AccountError as error:
        return account_form_again(request, "confirm.html", error, next=next_path)
    return see_other(request, next_path)
#{% endif %}


@router.get("/account/delete")
async def delete_page(request: Request, _: FreshUser) -> Response:
    """Ask whether the account is to be deleted."""
    return page(request, "delete.html")


@router.post("/account/delete")
async def delete(
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    users: Users,
    request_session: CurrentRequestSession,
) -> Response:
    """Delete the account."""
    await users.delete_own(auth)
    await request_session.sign_out()
    return see_other(request, "/login", flash="Your account has been deleted.")
