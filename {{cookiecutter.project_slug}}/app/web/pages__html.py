"""The pages: plain HTML forms that work without JavaScript."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Query, Request
from starlette.responses import Response

from app import texts
from app.accounts.errors import AccountError
from app.services import Services
from app.web.access import CurrentSignedIn, OptionalUser, public
from app.web.forms import Field, NextField, form_again, password_length, see_other
from app.web.moments import moment
from app.web.redirects import HOME, safe_next
from app.web.route import Route
from app.web.templating import page
from app.web.visit import CurrentServices, CurrentVisit

router = APIRouter(include_in_schema=False, route_class=Route)


@router.get("/")
async def dashboard(
    request: Request, signed_in: CurrentSignedIn, services: CurrentServices
) -> Response:
    """Show the first page after signing in."""
    record, now = signed_in.session.record, services.clock()
    return page(
        request,
        "dashboard.html",
        user=signed_in.user,
        since=moment(record.created_at, now),
        ends=moment(record.expires_at, now),
    )


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
    return page(request, "login.html", **_login_form(services, next_path), registered=registered)


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
        values = _login_form(services, next_path, username, remember)
        return form_again(request, "login.html", error, **values, registered=False)
    visit.sign_in(session)
    return see_other(safe_next(next_path))


@router.get("/register")
@public
async def register_page(
    request: Request, user: OptionalUser, services: CurrentServices
) -> Response:
    """Show the form for a new account; somebody who has one goes on."""
    if user:
        return see_other(HOME)
    return page(request, "register.html", **_register_form(services))


@router.post("/register")
@public
async def register(
    request: Request, services: CurrentServices, username: Field = "", password: Field = ""
) -> Response:
    """Open an account."""
    values = _register_form(services, username)
    try:
        await services.accounts.register(username, password)
    except AccountError as error:
        return form_again(request, "register.html", error, **values)
    return see_other("/login?registered=1")


@router.post("/logout")
@public
async def logout(visit: CurrentVisit) -> Response:
    """Sign out here."""
    await visit.sign_out()
    return see_other("/login")


def _login_form(
    services: Services, next_path: str, username: str = "", remember: bool = False
) -> dict[str, Any]:
    return {
        "next": safe_next(next_path),
        "username": username,
        "remember": remember,
        "may_register": services.settings.allow_registration,
    }


def _register_form(services: Services, username: str = "") -> dict[str, Any]:
    if not services.settings.allow_registration:
        raise HTTPException(403, texts.REGISTRATION_CLOSED)
    return {"username": username, "password_length": password_length(services.settings)}
