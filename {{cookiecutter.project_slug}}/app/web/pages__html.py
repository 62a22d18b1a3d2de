"""The pages: plain HTML forms that work without JavaScript."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from app.accounts.errors import AccountError
from app.web.access import CurrentSignedIn, CurrentUser, OptionalUser, public
from app.web.errors import status_of
from app.web.redirects import HOME, safe_next
#{% if cookiecutter.session_backend == "signed-cookie" %}
from app.web.schemas import Text
#{% else %}
from app.web.schemas import DeviceOut, Text
#{% endif %}
from app.web.templating import templates
from app.web.visit import CurrentServices, CurrentVisit

router = APIRouter(include_in_schema=False)

Field = Annotated[Text, Form()]


@router.get("/")
async def dashboard(request: Request, user: CurrentUser) -> Response:
    """Show the first page after signing in."""
    return templates.TemplateResponse(request, "dashboard.html", {"user": user})


@router.get("/login")
@public
async def login_page(
    request: Request,
    user: OptionalUser,
    services: CurrentServices,
    next_path: Annotated[str, Query(alias="next")] = HOME,
    registered: bool = False,
) -> Response:
    """Show the sign-in form; somebody who is signed in already goes on."""
    if user:
        return _see(safe_next(next_path))
    context = {
        "next": safe_next(next_path),
        "registered": registered,
        "may_register": services.settings.allow_registration,
    }
    return templates.TemplateResponse(request, "login.html", context)


@router.post("/login")
@public
async def login(
    request: Request,
    services: CurrentServices,
    visit: CurrentVisit,
    username: Field = "",
    password: Field = "",
    remember: Annotated[bool, Form()] = False,
    next_path: Annotated[Text, Form(alias="next")] = HOME,
) -> Response:
    """Sign in."""
    try:
        signed_in = await services.accounts.sign_in(
            username, password, visit.client, remember=remember, old_tickets=visit.tickets()
        )
    except AccountError as error:
        context = {
            "next": safe_next(next_path),
            "username": username,
            "remember": remember,
            "may_register": services.settings.allow_registration,
        }
        return _form_again(request, "login.html", error, context)
    visit.sign_in(signed_in.session)
    return _see(safe_next(next_path))


@router.get("/register")
@public
async def register_page(request: Request, services: CurrentServices) -> Response:
    """Show the form for a new account."""
    _refuse_when_closed(services.settings.allow_registration)
    context = {"min_length": services.settings.password_min_length}
    return templates.TemplateResponse(request, "register.html", context)


@router.post("/register")
@public
async def register(
    request: Request, services: CurrentServices, username: Field = "", password: Field = ""
) -> Response:
    """Open an account."""
    _refuse_when_closed(services.settings.allow_registration)
    try:
        await services.accounts.register(username, password)
    except AccountError as error:
        context = {"username": username, "min_length": services.settings.password_min_length}
        return _form_again(request, "register.html", error, context)
    return _see("/login?registered=1")


@router.post("/logout")
@public
async def logout(visit: CurrentVisit) -> Response:
    """Sign out here."""
    await visit.sign_out()
    return _see("/login")


@router.get("/account")
async def account(
    request: Request,
    signed_in: CurrentSignedIn,
    services: CurrentServices,
    changed: bool = False,
) -> Response:
    """Show the password form and the user's sessions."""
    context = {**await _account(services, signed_in), "changed": changed}
    return templates.TemplateResponse(request, "account.html", context)


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
        context = await _account(services, signed_in)
        return _form_again(request, "account.html", error, context)
    return _see("/account?changed=1")


@router.post("/account/sessions/end-others")
async def end_other_sessions(signed_in: CurrentSignedIn, services: CurrentServices) -> Response:
    """Sign out everywhere else."""
    await services.sessions.end_others(signed_in.session)
    return _see("/account")
#{% if cookiecutter.session_backend != "signed-cookie" %}


@router.post("/account/sessions/{session_id}/end")
async def end_session(session_id: str, signed_in: CurrentSignedIn, visit: CurrentVisit) -> Response:
    """End one session of the user."""
    if not await visit.end_one(signed_in.session, session_id):
        raise HTTPException(404, "There is no such session.")
    return _see("/account")
#{% endif %}


async def _account(services: CurrentServices, signed_in: CurrentSignedIn) -> dict[str, object]:
    user = signed_in.user
    return {
        "user": user,
        #{% if cookiecutter.session_backend != "signed-cookie" %}
        "devices": [
            DeviceOut.of(each, signed_in.session.record)
            for each in await services.sessions.of_user(user.id)
        ],
        #{% endif %}
        "min_length": services.settings.password_min_length,
    }


def _form_again(
    request: Request, template: str, error: AccountError, context: dict[str, object]
) -> Response:
    """Show a form once more, with what was wrong and a status that says so."""
    status, headers = status_of(request, error)
    context = {**context, "error": str(error)}
    return templates.TemplateResponse(request, template, context, status, headers)


def _refuse_when_closed(open_to_all: bool) -> None:
    if not open_to_all:
        raise HTTPException(403, "Registration is closed.")


def _see(path: str) -> Response:
    """Answer a form: 303, so that reloading does not send it again."""
    return RedirectResponse(path, status_code=303)
