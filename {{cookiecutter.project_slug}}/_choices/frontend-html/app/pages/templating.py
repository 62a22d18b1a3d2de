"""The templates of the pages. Everything in them is escaped."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import humanize
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from app.config import PASSWORD_MAX_CHARACTERS, PROJECT
from app.pages.flash import delete_flash, get_flash
from app.web.request_session import get_request_session

STATIC = Path(__file__).parent.parent / "static"


class RelativeTime(NamedTuple):
    """A time: in words as seen from now, exactly, and for machines."""

    words: str
    exact: str
    iso: str


def relative_time(now: float, unix_time: float) -> RelativeTime:
    """Say when something was or will be. now, unix_time: Unix time in seconds."""
    at = datetime.fromtimestamp(unix_time, UTC)
    return RelativeTime(
        words=humanize.naturaltime(timedelta(seconds=now - unix_time)),
        exact=f"{at:%Y-%m-%d %H:%M} UTC",
        iso=at.isoformat(timespec="seconds"),
    )


def integrity(name: str) -> str:
    """Return the hash of a file in ``app/static``: browsers use nothing else in its place."""
    file = STATIC / name
    # With the time, since the file may change while the app runs in development.
    return _hash_of(file, file.stat().st_mtime_ns)


@cache
def _hash_of(file: Path, _: int) -> str:
    digest = hashlib.sha384(file.read_bytes()).digest()
    return f"sha384-{b64encode(digest).decode('ascii')}"


def context(request: Request) -> dict[str, Any]:
    """Return what every template may use: who is signed in, the settings, and the time."""
    request_session = get_request_session(request)
    services = request_session.services
    return {
        "current_user": request_session.user,
        "settings": services.settings,
        #{% if cookiecutter.oidc %}
        "providers": services.oidc.titles,
        #{% endif %}
        "relative_time": partial(relative_time, services.clock()),
    }


TEMPLATES = Jinja2Templates(
    env=Environment(
        loader=PackageLoader("app"),
        autoescape=True,
        # A misspelled value fails in a test, instead of showing nothing.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ),
)
TEMPLATES.env.globals |= {
    "project": PROJECT,
    "integrity": integrity,
    "password_max_length": PASSWORD_MAX_CHARACTERS,
    "errors": {},
    "flash": "",
}


def page(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """Return a page. values: what this template needs besides the context."""
    values = {**context(request), "flash": get_flash(request), **values}
    response = TEMPLATES.TemplateResponse(request, template, values, status_code, headers)
    delete_flash(request, response)
    return response
