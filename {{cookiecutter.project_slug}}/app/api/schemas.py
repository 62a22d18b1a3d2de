"""What the JSON API takes and returns."""

from datetime import datetime
#{% if cookiecutter.session_backend == "signed-cookie" %}
from typing import Annotated, Any
#{% else %}
from typing import Annotated, Any, Self
#{% endif %}

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError

#{% if cookiecutter.session_backend != "signed-cookie" %}
from app.sessions.session import Session
#{% endif %}
from app.users.names import FIELD

# More than any valid name or password, and little enough to process quickly.
MAX_TEXT_CHARACTERS = 1024


class _Documented:
    """Says in the OpenAPI schema how long a text may be, unless its field says less."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"maxLength": MAX_TEXT_CHARACTERS, **handler(schema)}


def _short(text: str) -> str:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise PydanticKnownError("string_too_long", {"max_length": MAX_TEXT_CHARACTERS})
    return text


def _storable(text: str) -> str:
    """Refuse what neither a database nor a hash can hold: NUL, and lone surrogates."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("contains a character that is not allowed")
    return text


# Of any length; for a text of yours, say which: ``Annotated[Storable, Field(max_length=10_000)]``.
Storable = Annotated[str, AfterValidator(_storable)]
# Not ``max_length``: it would override that of a field, as in ``= Field(max_length=5)``.
Text = Annotated[str, AfterValidator(_short), AfterValidator(_storable), _Documented()]
Secret = Annotated[Text, Field(repr=False)]
# Refused with a sentence by ``users.names``; the length is here only for the OpenAPI schema.
_NOT_EMPTY = {"minLength": 1}
Name = Annotated[Text, Field(validation_alias=FIELD, json_schema_extra=_NOT_EMPTY)]


class _In(BaseModel):
    """A body. Fields that are not named here change nothing."""

    model_config = ConfigDict(strict=True, extra="ignore")


class RegisterIn(_In):
    """A new account."""

    name: Name
    password: Secret


class LoginIn(_In):
    """The credentials of a user."""

    name: Name
    password: Secret
    remember: bool = False
    #{% if cookiecutter.totp %}
    # Of the authenticator app, or a recovery code.
    code: Secret = ""
    #{% endif %}


class PasswordIn(_In):
    """A change of password."""

    current_password: Secret
    new_password: Secret


class ResetIn(_In):
    """A new password, chosen by a link."""

    token: Secret
    new_password: Secret


#{% if cookiecutter.identity == "email" %}
class TokenIn(_In):
    """The token of a link."""

    token: Secret


class EmailIn(_In):
    """An address."""

    email: Name


#{% endif %}
class ConfirmIn(_In):
    """The password, to confirm that it is still the same user."""

    password: Secret


#{% if cookiecutter.totp %}
class CodeIn(_In):
    """A code of the authenticator app, or where one is signed in or on, a recovery code."""

    code: Secret


#{% endif %}
class DeleteAccountIn(_In):
    """A confirmation that the account is to be deleted. confirm: the user's name."""

    confirm: Annotated[Text, Field(json_schema_extra=_NOT_EMPTY)]


class UserOut(BaseModel):
    """An account."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str = Field(serialization_alias=FIELD)
    role: str


class SessionOut(BaseModel):
    """The session of a request. Its id opens nothing."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    authenticated_at: datetime


class Error(BaseModel):
    """What went wrong, in a sentence."""

    detail: str


Responses = dict[int | str, dict[str, Any]]


# The framework would make a validator for each route and status that names the model: a tenth of
# the start.
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def errors(*statuses: int) -> Responses:
    """Describe errors that routes may respond with, for the OpenAPI schema."""
    described: Responses = {status: {"content": _ERROR} for status in statuses}
    for status, header in ((401, "WWW-Authenticate"), (429, "Retry-After"), (503, "Retry-After")):
        if status in described:
            schema = {"required": True, "schema": {"type": "string"}}
            described[status]["headers"] = {header: schema}
    return described


class AccountEventOut(BaseModel):
    """Something that has happened to the account. Without an address, an operator did it."""

    model_config = ConfigDict(from_attributes=True)

    what: str
    detail: str
    at: datetime
    ip: str
    user_agent: str


# Those of any route of the API. One names the model, so that it is part of the schema.
ERRORS = errors(401, 403, 404, 413, 503) | {400: {"model": Error}}
#{% if cookiecutter.session_backend != "signed-cookie" %}


class ListedSessionOut(BaseModel):
    """A session in the list of a user's sessions."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str
    current: bool

    @classmethod
    def of(cls, session: Session, current: Session) -> Self:
        """Show a session to the user who looks at it from the current one."""
        shown = {"id": session.id, "current": session.key == current.key}
        return cls.model_validate({**session._asdict(), **shown})
#{% endif %}
