"""What an error looks like: JSON for the API, a page for people."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.web.redirects import address_of
from app.web.templating import templates


def error_response(
    request: Request, status: int, detail: object, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an error. detail: a sentence, or FastAPI's list of what is wrong."""
    if request.scope["path"].startswith(("/api/", "/health/")):
        return JSONResponse({"detail": detail}, status, headers)
    context = {
        "status": status,
        "title": HTTPStatus(status).phrase,
        "detail": detail if isinstance(detail, str) else "Something in the request is not valid.",
    }
    return templates.TemplateResponse(request, "error.html", context, status, headers)


def sign_in_first(request: Request, challenge: Mapping[str, str]) -> Response:
    """Answer a request without a session: 401, or the way to the sign-in page and back."""
    if request.scope["path"].startswith("/api/"):
        return error_response(request, 401, "Sign in first.", challenge)
    # Back to a page, not to the sending of a form.
    back = f"?next={quote(address_of(request))}" if request.method == "GET" else ""
    return RedirectResponse(f"/login{back}", status_code=303)
