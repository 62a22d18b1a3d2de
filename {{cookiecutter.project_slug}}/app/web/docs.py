"""The interactive documentation, in development only."""

import base64
import hashlib
import re
from importlib import resources, util
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse, JSONResponse

from app.config import PROJECT
from app.web.dependencies import public

# Of requirements-dev.txt: it brings the files of Swagger UI, so that no CDN is asked for them.
PACKAGE = "fastapi_offline"
SwaggerFile = Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]

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
    if not util.find_spec(PACKAGE):
        raise HTTPException(404, "Install requirements-dev.txt to see the documentation here.")
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=PROJECT["name"],
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
    )
    # Swagger UI starts with one inline script, which the policy allows by its hash.
    [script] = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' '{csp_hash(script)}'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page


def csp_hash(content: bytes) -> str:
    """Return how a content security policy allows a script or style that stands in a page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode('ascii')}"


@router.get("/docs/{name}")
@public
async def swagger_file(name: SwaggerFile) -> FileResponse:
    """Serve a file of Swagger UI."""
    return FileResponse(str(resources.files(PACKAGE) / "static" / name))
