"""The pages: plain HTML forms that work without JavaScript."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request
from starlette.responses import Response

from app.accounts.errors import AccountError
from app.web.access import CurrentUser, OptionalUser, public
from app.web.forms import Field, NextField, form_again, see_other
from app.web.redirects import HOME, safe_next
from app.web.templating import templates
from app.web.visit import CurrentServices, CurrentVisit

router = APIRouter(include_in_schema=False)


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
        return see_other(safe_next(next_path))
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
    next_path: NextField = HOME,
) -> Response:
    """Sign in."""
    try:
        session, _ = await services.accounts.sign_in(
            username, password, visit.client, remember=remember, old_tickets=visit.tickets()
        )
    except AccountError as error:
        context = {
            "next": safe_next(next_path),
            "username": username,
            "remember": remember,
            "may_register": services.settings.allow_registration,
        }
        return form_again(request, "login.html", error, context)
    visit.sign_in(session)
    return see_other(safe_next(next_path))


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
        return form_again(request, "register.html", error, context)
    return see_other("/login?registered=1")


@router.post("/logout")
@public
async def logout(visit: CurrentVisit) -> Response:
    """Sign out here."""
    await visit.sign_out()
    return see_other("/login")


def _refuse_when_closed(open_to_all: bool) -> None:
    if not open_to_all:
        raise HTTPException(403, "Registration is closed.")
