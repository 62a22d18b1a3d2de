"""What providers call: they send browsers back, and say which sessions have ended."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import Response

#{% if cookiecutter.frontend == "html" %}
from app.pages import after_provider
#{% else %}
from app.api import after_provider
#{% endif %}
#{% if cookiecutter.totp %}
from app.users.factors import SecondFactorRequired
#{% endif %}
#{% if cookiecutter.identity == "username" %}
from app.users.identities import NewAccount
#{% endif %}
from app.users.oidc_errors import ProviderError
from app.web.dependencies import CurrentRoundTrips, Oidc, public

router = APIRouter(prefix="/login/{provider}", include_in_schema=False)


@router.get("/callback")
@public
async def callback(provider: str, request: Request, round_trips: CurrentRoundTrips) -> Response:
    """Take the answer of a provider. Whatever is wrong with it, nothing is created."""
    #{% if cookiecutter.frontend == "api" %}
    if after_provider.has_left_cookie(request):
        return after_provider.open_again(request)
    #{% endif %}
    try:
        outcome, next_path = await round_trips.finish(provider, request.query_params)
        #{% if cookiecutter.identity == "username" %}
        if isinstance(outcome, NewAccount):
            return after_provider.ask_for_name(request, provider)
        #{% endif %}
        if outcome is not None:
            await round_trips.sign_in(provider, outcome)
    #{% if cookiecutter.totp %}
    except SecondFactorRequired as error:
        return after_provider.ask_for_code(request, error, next_path)
    #{% endif %}
    except ProviderError as error:
        return after_provider.failed(request, error)
    return after_provider.go_on(request, next_path)


@router.post("/logout")
@public
async def log_out(provider: str, request: Request, oidc: Oidc) -> Response:
    """End the sessions that a provider says have ended (OpenID Connect Back-Channel Logout)."""
    headers = {"Cache-Control": "no-store"}
    form = parse_qs((await request.body()).decode("ascii", "replace"))
    try:
        await oidc.log_out(provider, "".join(form.get("logout_token", ())))
    except ProviderError:
        return Response(status_code=400, headers=headers)
    return Response(headers=headers)
