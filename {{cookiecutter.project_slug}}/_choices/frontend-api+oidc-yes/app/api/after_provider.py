"""Where a browser goes on when it comes back from a provider, and what the front end does then."""

from html import escape
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

#{% if cookiecutter.totp and cookiecutter.identity == "username" %}
from app.api.schemas import ERRORS, CodeIn, Name, Storable, UserOut, errors
#{% elif cookiecutter.totp %}
from app.api.schemas import ERRORS, CodeIn, Storable, UserOut, errors
#{% elif cookiecutter.identity == "username" %}
from app.api.schemas import ERRORS, Name, Storable, UserOut, errors
#{% else %}
from app.api.schemas import ERRORS, Storable, errors
#{% endif %}
#{% if cookiecutter.totp or cookiecutter.identity == "username" %}
from app.models import User
#{% endif %}
#{% if cookiecutter.totp %}
from app.users.factors import SecondFactorRequired
#{% endif %}
#{% if cookiecutter.identity == "username" %}
from app.users.identities import NewAccount
from app.users.oidc_errors import NameWanted, ProviderError
#{% else %}
from app.users.oidc_errors import ProviderError
#{% endif %}
from app.web.dependencies import CurrentRoundTrips, public
from app.web.request_session import get_request_session

router = APIRouter(prefix="/api", responses=ERRORS)

# How long a code is, is for the provider to say (RFC 6749, 4.1.2); some are longer than 1,024.
Parameter = Annotated[Storable, Field(max_length=8_192)]


class NextOut(BaseModel):
    """Where to go on: a path of the front end."""

    next: str


@router.post("/login/{provider}/callback", responses=errors(409))
@public
async def take_answer(
    provider: str, body: dict[str, Parameter], round_trips: CurrentRoundTrips
) -> NextOut:
    """Take the answer of a provider from a front end on another site, whose page it was sent to.

    body: the parameters of that page's address.
    """
    outcome, next_path = await round_trips.finish(provider, body)
    #{% if cookiecutter.identity == "username" %}
    if isinstance(outcome, NewAccount):
        raise NameWanted
    #{% endif %}
    if outcome is not None:
        await round_trips.sign_in(provider, outcome)
    return NextOut(next=next_path)
#{% if cookiecutter.identity == "username" %}


class NameIn(BaseModel):
    """The name of an account that begins at a provider."""

    name: Name


@router.post(
    "/register/{provider}", status_code=201, response_model=UserOut, responses=errors(409, 429)
)
@public
async def register(provider: str, body: NameIn, round_trips: CurrentRoundTrips) -> User:
    """Create the account of whoever has come from a provider, and sign them in."""
    user, _ = await round_trips.register(provider, body.name)
    return user
#{% endif %}
#{% if cookiecutter.totp %}


@router.post("/login/{provider}/code", response_model=UserOut, responses=errors(429))
@public
async def sign_in_with_code(provider: str, body: CodeIn, round_trips: CurrentRoundTrips) -> User:
    """Sign in whoever has come from a provider with the code that was asked for."""
    return await round_trips.sign_in_with_code(provider, body.code)
#{% endif %}


def has_left_cookie(request: Request) -> bool:
    """Whether a browser comes from another site, without a cookie that is SameSite=Strict."""
    settings = get_request_session(request).services.settings
    is_strict = settings.session_samesite == "strict"
    return is_strict and request.headers.get("sec-fetch-site") == "cross-site"


def open_again(request: Request) -> Response:
    """Return a page that opens the same address again, now from this site. Nothing is read yet."""
    address = escape(f"{request.url.path}?{request.url.query}")
    page = f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">'
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def go_on(request: Request, next_path: str) -> Response:
    """Continue where somebody wanted to go: whatever that is, at the front end."""
    return _to_front_end(request, f"/{next_path.lstrip('/')}")


def failed(request: Request, error: ProviderError) -> Response:
    """Let the front end say what went wrong."""
    return _to_front_end(request, "/login", error=error.code)
#{% if cookiecutter.totp %}


def ask_for_code(request: Request, _: SecondFactorRequired, __: str) -> Response:
    """Let the front end ask for a code, and send it to ``/api/login/{provider}/code``."""
    return _to_front_end(request, "/login", error="second_factor")
#{% endif %}
#{% if cookiecutter.identity == "username" %}


def ask_for_name(request: Request, provider: str) -> Response:
    """Let the front end ask for a name, and send it to ``/api/register/{provider}``."""
    return _to_front_end(request, "/register", provider=provider)
#{% endif %}


def _to_front_end(request: Request, path: str, **query: str) -> Response:
    public_url = get_request_session(request).services.settings.public_url
    question = f"?{urlencode(query)}" if query else ""
    return RedirectResponse(f"{public_url}{path}{question}", status_code=303)
