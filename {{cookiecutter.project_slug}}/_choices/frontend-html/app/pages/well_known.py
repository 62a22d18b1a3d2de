"""What programs look for at an address that is the same everywhere."""

from fastapi import APIRouter, Request
from fastapi.staticfiles import StaticFiles
from starlette.responses import RedirectResponse, Response

#{% if cookiecutter.passkeys %}
from app.web.dependencies import CurrentSettings, public
#{% else %}
from app.web.dependencies import public
#{% endif %}

FILES = StaticFiles(packages=[("app", "static")])

router = APIRouter(include_in_schema=False)


@router.get("/.well-known/change-password")
@public
async def change_password() -> Response:
    """Lead password managers to the form."""
    return RedirectResponse("/account", status_code=303)


#{% if cookiecutter.passkeys %}
@router.get("/.well-known/passkey-endpoints")
@public
async def passkey_endpoints(settings: CurrentSettings) -> dict[str, str]:
    """Tell password managers where passkeys are added and removed."""
    account = f"{settings.public_url}/account"
    return {"enroll": account, "manage": account}


#{% endif %}
@router.get("/robots.txt")
@router.get("/.well-known/security.txt")
@public
async def text_file(request: Request) -> Response:
    """Serve a file of ``app/static``, if there is one of that name."""
    return await FILES.get_response(request.url.path.rpartition("/")[2], request.scope)
