"""The pages of signing up, in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import Response

from app.errors import TooManyRequests
from app.pages.cookies import get_signed, set_signed
from app.pages.forms import FormField, NameField, NextField, NextQuery, account_form_again
#{% if cookiecutter.totp %}
from app.pages.pending import Pending, ask_for_code, get_pending
#{% endif %}
from app.pages.redirects import HOME, by_way_of_login, next_page, see_other
from app.pages.templating import page
from app.users.errors import AccountError
#{% if cookiecutter.totp %}
from app.users.factors import SecondFactorRequired
#{% endif %}
from app.web.dependencies import CurrentRequestSession, CurrentSettings, OptionalUser, public

router = APIRouter(include_in_schema=False)

# How long the sign-in form is filled in with the name that was just registered.
NAME_SECONDS = 900


@router.get("/login")
@public
async def login_page(
    request: Request, user: OptionalUser, next_path: NextQuery = HOME, *, signed_in: bool = False
) -> Response:
    """Show the sign-in form; users who are signed in already are redirected.

    signed_in: whether the browser has just been given a cookie that it needs from here on.
    """
    next_path = next_page(request, next_path)
    if user:
        return see_other(request, next_path)
    #{% if cookiecutter.totp %}
    if signed_in and get_pending(request):
        return see_other(request, "/login/code")
    #{% endif %}
    name = get_signed(request, "name", NAME_SECONDS) or ""
    return page(request, "login.html", next=next_path, cookie_not_kept=signed_in, name=name)


@router.post("/login")
@public
async def login(
    request: Request,
    request_session: CurrentRequestSession,
    name: NameField = "",
    password: FormField = "",
    remember: Annotated[bool, Form()] = False,
    next_path: NextField = HOME,
) -> Response:
    """Sign in."""
    next_path = next_page(request, next_path)
    try:
        await request_session.sign_in(name, password, remember=remember)
    #{% if cookiecutter.totp %}
    except SecondFactorRequired as error:
        return ask_for_code(request, Pending(error.sign_in, remember, next_path))
    #{% endif %}
    except AccountError as error:
        return account_form_again(
            request, "login.html", error, next=next_path, name=name, remember=remember
        )
    return go_on(request, next_path)


def go_on(request: Request, next_path: str) -> Response:
    """Continue after a sign-in."""
    return see_other(request, by_way_of_login(request, next_path))


@router.get("/register")
@public
async def register_page(
    request: Request, user: OptionalUser, settings: CurrentSettings
) -> Response:
    """Show the form for a new account; whoever is signed in goes on."""
    if user:
        return see_other(request, HOME)
    if not settings.allow_registration:
        raise HTTPException(403, "Registration is closed.")
    return page(request, "register.html")


@router.post("/register")
@public
async def register(
    request: Request,
    request_session: CurrentRequestSession,
    name: NameField = "",
    password: FormField = "",
) -> Response:
    """Create an account."""
    try:
        await request_session.register(name, password)
    except (AccountError, TooManyRequests) as error:
        return account_form_again(request, "register.html", error, name=name)
    #{% if cookiecutter.identity == "email" %}
    done = "We have sent you an email. Follow the link in it to finish, then sign in."
    #{% else %}
    done = "Your account has been created. You can sign in now."
    #{% endif %}
    response = see_other(request, "/login", flash=done)
    set_signed(request, response, "name", name, NAME_SECONDS)
    return response


@router.post("/logout")
@public
async def logout(request: Request, request_session: CurrentRequestSession) -> Response:
    """Sign out here."""
    await request_session.sign_out()
    return see_other(request, "/login", flash="You have been signed out.")
