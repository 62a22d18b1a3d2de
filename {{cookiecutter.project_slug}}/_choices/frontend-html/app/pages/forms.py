"""Forms: their fields, and what is shown again when one of them is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Query, Request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
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


# What pydantic says of these is for programmers. Whatever else it says, it says in plain words.
TEXTS = {
    "missing": "Fill in this field.",
    "int_parsing": "Enter a whole number.",
    "float_parsing": "Enter a number.",
    "decimal_parsing": "Enter a number.",
    "date_from_datetime_parsing": "Enter a date.",
    "datetime_from_date_parsing": "Enter a date and a time.",
    "time_parsing": "Enter a time.",
    "string_too_short": "Enter at least {min_length} characters.",
    "string_too_long": "Enter at most {max_length} characters.",
    "greater_than_equal": "Enter {ge} or more.",
    "less_than_equal": "Enter {le} or less.",
}


def form_again(
    request: Request, template: str, errors: Mapping[str, str], **values: Any
) -> Response:
    """Show a form again, with each error beside its field.

    errors: a sentence for the name of each field that is wrong, of which the first gets the focus;
    the sentence for ``""`` is about the whole form, and stands above it.
    values: what was typed, and whatever else the template needs.
    """
    return page(request, template, status_code=422, errors=errors, **values)


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
    return page(
        request, template, status_code=error.status, headers=headers, errors=errors, **values
    )


def field_errors(error: ValidationError) -> dict[str, str]:
    """Return what a model of yours refuses, for ``form_again``: a sentence for each field.

    That of a ``model_validator``, which is about no field alone, is the one for ``""``.
    """
    return {str(each["loc"][0]) if each["loc"] else "": _text(each) for each in error.errors()}


def _text(error: ErrorDetails) -> str:
    """Say what is wrong: in the words of your validator, where it is that which refuses."""
    details = error.get("ctx", {})
    if isinstance(own := details.get("error"), Exception):
        text = str(own)
    elif known := TEXTS.get("missing" if error["input"] == "" else error["type"]):
        text = known.format_map(details)
    else:
        text = error["msg"]
    return text if text.endswith((".", "!", "?")) else f"{text}."
