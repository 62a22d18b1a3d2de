"""Plain HTML forms: what comes in, and what is answered."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from app.accounts.errors import AccountError
from app.web.errors import status_of
from app.web.schemas import Text
from app.web.templating import templates

Field = Annotated[Text, Form()]
NextField = Annotated[Text, Form(alias="next")]


def form_again(
    request: Request, template: str, error: AccountError, context: Mapping[str, object]
) -> Response:
    """Show a form once more, with what was wrong and a status that says so."""
    status, headers = status_of(request, error)
    context = {**context, "error": str(error)}
    return templates.TemplateResponse(request, template, context, status, headers)


def see_other(path: str) -> Response:
    """Answer a form: 303, so that reloading does not send it again."""
    return RedirectResponse(path, status_code=303)
