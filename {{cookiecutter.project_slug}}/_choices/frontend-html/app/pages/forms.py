"""Forms: their fields, and what is shown again when one of them is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.api.schemas import Text
from app.errors import AppError
from app.pages.templating import page
from app.users.errors import InvalidName, NameTaken, PasswordRejected
from app.users.names import FIELD
from app.web.errors import headers_of

FormField = Annotated[Text, Form()]
NameField = Annotated[Text, Form(alias=FIELD)]
NextField = Annotated[str, Form(alias="next")]
NextQuery = Annotated[str, Query(alias="next")]


def form_again(
    request: Request,
    template: str,
    errors: Mapping[str, str],
    *,
    status_code: int = 422,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """Show a form again, with each error beside its field.

    errors: a sentence for the name of each field that is wrong; the first one gets the focus.
    values: what was typed, and whatever else the template needs.
    """
    return page(
        request, template, status_code=status_code, headers=headers, errors=errors, **values
    )


def account_form_again(
    request: Request,
    template: str,
    error: AppError,
    *,
    current: str = "password",
    new: str = "password",
    **values: Any,
) -> Response:
    """Show a form again because of an error, with the status and headers of that.

    current, new: the names of the fields for the current and for a new password.
    """
    fields: dict[type[AppError], str] = {
        InvalidName: FIELD,
        NameTaken: FIELD,
        PasswordRejected: new,
    }
    errors = {fields.get(type(error), current): str(error)}
    headers = headers_of(request, error)
    return form_again(
        request, template, errors, status_code=error.status, headers=headers, **values
    )


def field_errors(error: ValidationError) -> dict[str, str]:
    """Return what a model of yours refuses, for ``form_again``: a sentence for each field."""
    return {str(each["loc"][0]): f"{each['msg'].rstrip('.')}." for each in error.errors()}
