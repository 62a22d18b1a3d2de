"""Plain HTML forms: what comes in, and what is answered."""

from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from app.accounts.errors import AccountError, InvalidName, NameTaken, PasswordRefused
from app.sessions.session import Principal
from app.web.errors import status_of
from app.web.schemas import Text
from app.web.templating import Fault, page

Field = Annotated[Text, Form()]
NextField = Annotated[Text, Form(alias="next")]

# Beside which field an error is told; every other is about the password that was asked for.
_PURPOSES: dict[type[AccountError], str] = {
    InvalidName: "username",
    NameTaken: "username",
    PasswordRefused: "new-password",
}


def form_again(
    request: Request,
    template: str,
    error: AccountError,
    *,
    user: Principal | None = None,
    **values: object,
) -> Response:
    """Show a form once more, with what was wrong beside its field and a status that says so."""
    status, headers = status_of(request, error)
    fault = Fault(str(error), _PURPOSES.get(type(error), "current-password"))
    return page(request, template, status=status, headers=headers, user=user, fault=fault, **values)


def see_other(path: str) -> Response:
    """Answer a form: 303, so that reloading does not send it again."""
    return RedirectResponse(path, status_code=303)
