"""The pages' templates. Everything in them is escaped, and their words are in ``app/texts.py``."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from app import texts
from app.sessions.session import Principal
from app.settings import PROJECT

_TEMPLATES = Jinja2Templates(
    env=Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        # A text or a value that is misspelled fails in a test, instead of showing nothing.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
)
_TEMPLATES.env.globals |= {"project": PROJECT, "texts": texts}


class Fault(NamedTuple):
    """What was wrong with a form, and what the field is for: HTML's word for ``autocomplete``."""

    text: str
    purpose: str


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    user: Principal | None = None,
    fault: Fault | None = None,
    **values: object,
) -> Response:
    """Answer with a page. user: who is signed in. values: what this template wants beside."""
    context = {"user": user, "fault": fault, **values}
    return _TEMPLATES.TemplateResponse(request, template, context, status, headers)
