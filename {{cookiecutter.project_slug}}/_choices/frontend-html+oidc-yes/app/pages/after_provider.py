"""Where a browser goes on when it comes back from a provider."""

from starlette.requests import Request
from starlette.responses import Response

from app.pages.auth import go_on as continue_signed_in
#{% if cookiecutter.totp %}
from app.pages.pending import Pending
from app.pages.pending import ask_for_code as continue_with_code
#{% endif %}
from app.pages.redirects import next_page, see_other
#{% if cookiecutter.totp %}
from app.users.factors import SecondFactorRequired
#{% endif %}
from app.users.oidc_errors import ProviderError
from app.web.request_session import get_request_session


def go_on(request: Request, next_path: str) -> Response:
    """Continue where somebody wanted to go."""
    return continue_signed_in(request, next_page(request, next_path))


def failed(request: Request, error: ProviderError) -> Response:
    """Say what went wrong: on the sign-in page, or to a user on the page of the account."""
    place = "/account" if get_request_session(request).user else "/login"
    return see_other(request, f"{place}?error={error.code}")
#{% if cookiecutter.totp %}


def ask_for_code(request: Request, error: SecondFactorRequired, next_path: str) -> Response:
    """Continue with the page that asks for a code."""
    pending = Pending(error.sign_in, remember=False, next_path=next_page(request, next_path))
    return continue_with_code(request, pending)
#{% endif %}
#{% if cookiecutter.identity == "username" %}


def ask_for_name(request: Request, provider: str) -> Response:
    """Continue with the page on which a name is chosen."""
    return see_other(request, f"/register/{provider}")
#{% endif %}
