"""The pages of an account: password, devices, and its end."""

from typing import Annotated, Any

#{% if cookiecutter.session_backend == "signed-cookie" %}
from fastapi import APIRouter, Query, Request
#{% else %}
from fastapi import APIRouter, HTTPException, Query, Request
#{% endif %}
from starlette.responses import Response

#{% if cookiecutter.session_backend != "signed-cookie" %}
from app import texts
#{% endif %}
from app.accounts.errors import AccountError
from app.web.access import CurrentSignedIn, CurrentUser, FreshUser
#{% if cookiecutter.session_backend != "signed-cookie" %}
from app.web.devices import devices
#{% endif %}
from app.web.forms import Field, NextField, form_again, password_length, see_other
from app.web.redirects import HOME, safe_next
from app.web.route import Route
from app.web.templating import page
from app.web.visit import CurrentServices, CurrentVisit

router = APIRouter(include_in_schema=False, route_class=Route)


@router.get("/account")
async def account(
    request: Request,
    signed_in: CurrentSignedIn,
    services: CurrentServices,
    changed: bool = False,
) -> Response:
    """Show the password form and the user's sessions."""
    values = await _account(services, signed_in)
    return page(request, "account.html", **values, changed=changed)


@router.post("/account")
async def change_password(
    request: Request,
    signed_in: CurrentSignedIn,
    services: CurrentServices,
    visit: CurrentVisit,
    current_password: Field = "",
    new_password: Field = "",
) -> Response:
    """Change the password."""
    try:
        await services.accounts.change_password(
            signed_in.user, signed_in.session, visit.client, current_password, new_password
        )
    except AccountError as error:
        values = await _account(services, signed_in)
        return form_again(request, "account.html", error, **values, changed=False)
    return see_other("/account?changed=1")


@router.post("/account/sessions/end-others")
async def end_other_sessions(signed_in: CurrentSignedIn, services: CurrentServices) -> Response:
    """Sign out everywhere else."""
    await services.sessions.end_others(signed_in.session)
    return see_other("/account")
#{% if cookiecutter.session_backend != "signed-cookie" %}


@router.post("/account/sessions/{session_id}/end")
async def end_session(session_id: str, signed_in: CurrentSignedIn, visit: CurrentVisit) -> Response:
    """End one session of the user."""
    if not await visit.end_one(signed_in.session, session_id):
        raise HTTPException(404, texts.NO_SUCH_SESSION)
    return see_other("/account")
#{% endif %}


@router.get("/confirm")
async def confirm_page(
    request: Request, user: CurrentUser, next_path: Annotated[str, Query(alias="next")] = HOME
) -> Response:
    """Ask for the password once more."""
    return page(request, "confirm.html", user=user, next=safe_next(next_path))


@router.post("/confirm")
async def confirm(
    request: Request,
    signed_in: CurrentSignedIn,
    services: CurrentServices,
    visit: CurrentVisit,
    password: Field = "",
    next_path: NextField = HOME,
) -> Response:
    """Confirm the password, and go on to what wants it."""
    session, user = signed_in
    try:
        await services.accounts.confirm_password(user, session, visit.client, password)
    except AccountError as error:
        return form_again(request, "confirm.html", error, user=user, next=safe_next(next_path))
    return see_other(safe_next(next_path))


@router.get("/account/delete")
async def delete_page(request: Request, user: FreshUser) -> Response:
    """Ask whether the account is to go."""
    return page(request, "delete.html", user=user)


@router.post("/account/delete")
async def delete(
    user: FreshUser, signed_in: CurrentSignedIn, services: CurrentServices, visit: CurrentVisit
) -> Response:
    """Delete the account."""
    await services.accounts.delete_own(user, signed_in.session)
    await visit.sign_out()
    return see_other("/login")


async def _account(services: CurrentServices, signed_in: CurrentSignedIn) -> dict[str, Any]:
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    sessions = await services.sessions.of_user(signed_in.user.id)
    shown, more = devices(sessions, signed_in.session.record, services.clock())
    #{% endif %}
    return {
        "user": signed_in.user,
        #{% if cookiecutter.session_backend != "signed-cookie" %}
        "devices": shown,
        "more": more,
        #{% endif %}
        "password_length": password_length(services.settings),
    }
