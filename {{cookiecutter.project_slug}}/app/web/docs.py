"""The interactive documentation, in development only."""

import base64
import hashlib
import re

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse

from app.config import PROJECT
from app.web.dependencies import public

ASSETS = "https://cdn.jsdelivr.net"

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
@public
async def schema(request: Request) -> JSONResponse:
    """Describe the API."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
@public
async def swagger() -> HTMLResponse:
    """Show the API; requests made from here carry the session cookie."""
    page = get_swagger_ui_html(openapi_url="/openapi.json", title=PROJECT["name"])
    # Swagger UI starts with one inline script, which the policy allows by its hash.
    [script] = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode("ascii")
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {ASSETS} 'sha256-{digest}'; style-src {ASSETS}; "
        "img-src 'self' data: https://fastapi.tiangolo.com; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page
