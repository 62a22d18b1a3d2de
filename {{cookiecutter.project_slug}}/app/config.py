"""The settings: read once, from the environment or ``.env``, into one typed object."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    #{% if cookiecutter.oidc %}
    field_validator,
    #{% endif %}
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.env_file import ENCODING, misspelled_names
#{% if cookiecutter.identity == "email" %}
from app.mail_settings import DEFAULT_SENDER, MailFrom, MailUrl
#{% endif %}
#{% if cookiecutter.oidc %}
from app.oidc_settings import ProviderSettings, read_providers
#{% endif %}
from app.origins import (
    DEFAULT_PUBLIC_URL,
    check_hosts,
    check_origins,
    check_public_url,
    is_production,
)
from app.processors import available_processors
#{% if cookiecutter.session_backend == "redis" %}
from app.redis_url import DEFAULT_REDIS_URL, RedisUrl
#{% endif %}

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = json.loads((Path(__file__).parent / "project.json").read_text("utf-8"))
# In a URL, a ? or % of the folder's name has to be quoted.
DEFAULT_DATABASE_URL = PROJECT["database_url"].format(
    root=quote(ROOT.as_posix(), safe="/:"), slug=PROJECT["slug"]
)

# Browsers cut a cookie's life at 400 days (draft-ietf-httpbis-rfc6265bis, 5.6.2).
MAX_COOKIE_SECONDS = 400 * 24 * 3600
# A shorter key could be guessed offline from one token.
KEY_MIN_CHARACTERS = 32
PASSWORD_MAX_CHARACTERS = 128
# The exit status for wrong settings: uvicorn takes it as final and starts no other worker.
STARTUP_FAILURE = 3
ADVICE = "Fix this in .env or in the environment; see README.md."

# With which a list may begin that is no JSON.
_IPV6 = re.compile(r"\s*\[[0-9a-f.]*:[0-9a-f:.]*\]", re.IGNORECASE)
_PLACEHOLDER = re.compile("change|secret|placeholder|example|insecure|replace|your-", re.IGNORECASE)


class SettingsError(Exception):
    """What is wrong with the settings: one sentence a line."""


def _split(value: object) -> object:
    """Turn a JSON list or comma-separated text into a list; leave anything else alone."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith(("[", "{")) and not _IPV6.match(value):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("is neither a JSON list nor separated by commas") from None
    return [item.strip() for item in value.split(",") if item.strip()]


#{% if cookiecutter.session_backend == "memory" %}
def _refuse_workers(environment: str) -> str:
    from multiprocessing import parent_process

    # uvicorn starts each of several workers as a child, which would know its own sessions only.
    if environment == "production" and parent_process():
        raise ValueError(
            "production allows --workers 1 only; for more, choose the session backend database"
        )
    return environment


#{% endif %}
def _check_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    texts = [key.get_secret_value() for key in keys]
    if not texts:
        raise ValueError("is not set; make a key with `python -m app new-key`")
    if any(len(text) < KEY_MIN_CHARACTERS for text in texts):
        raise ValueError(f"each key needs at least {KEY_MIN_CHARACTERS} characters")
    if any(len(set(text)) < 10 or _PLACEHOLDER.search(text) for text in texts):
        raise ValueError("contains a placeholder; make a key with `python -m app new-key`")
    if len(set(texts)) < len(texts):
        raise ValueError("contains the same key twice")
    return keys


def _check_database_url(secret: SecretStr) -> SecretStr:
    # Here, so that help and new-key need not wait for SQLAlchemy.
    from app.database_url import parse

    parse(secret.get_secret_value())
    return secret


#{% if cookiecutter.database == "postgresql" %}
def _check_own_database(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    if secret.get_secret_value() == DEFAULT_DATABASE_URL and is_production(info):
        raise ValueError("must be set in production; the default is for development")
    return secret


#{% endif %}
def _check_secure(secure: bool, info: ValidationInfo) -> bool:
    if not secure and is_production(info):
        raise ValueError("must be true in production, or the cookie travels unencrypted")
    return secure


def _check_samesite(samesite: str, info: ValidationInfo) -> str:
    if samesite == "none" and info.data.get("session_cookie_secure") is False:
        raise ValueError("none needs SESSION_COOKIE_SECURE=true; browsers drop it otherwise")
    if samesite == "none" and is_production(info) and info.data.get("trusted_origins") == ():
        raise ValueError("none is for front ends on other sites; name them in TRUSTED_ORIGINS")
    return samesite


def _default_registration(allowed: object, info: ValidationInfo) -> object:
    return not is_production(info) if allowed is None else allowed


LIST = (NoDecode, BeforeValidator(_split))
Seconds = Annotated[PositiveInt, Field(le=MAX_COOKIE_SECONDS)]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"], BeforeValidator(lambda level: str(level).lower())
]
SameSite = Annotated[Literal["lax", "strict", "none"], AfterValidator(_check_samesite)]


class Settings(BaseSettings):
    """The settings, each with its unit and its check. A check may look at the fields above it."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    #{% if cookiecutter.session_backend == "memory" %}
    environment: Annotated[
        Literal["development", "production"], AfterValidator(_refuse_workers)
    ] = "development"
    #{% else %}
    environment: Literal["development", "production"] = "development"
    #{% endif %}
    # Newest first: the first signs and encrypts, all verify and decrypt.
    secret_keys: Annotated[tuple[SecretStr, ...], *LIST, AfterValidator(_check_keys)] = ()
    database_url: Annotated[
        SecretStr,
        AfterValidator(_check_database_url),
        #{% if cookiecutter.database == "postgresql" %}
        AfterValidator(_check_own_database),
        #{% endif %}
    ] = SecretStr(DEFAULT_DATABASE_URL)
    # Connections for your own queries; the app's own are apart.
    database_pool_size: PositiveInt = 10
    #{% if cookiecutter.database == "sqlite" %}
    # Seconds that one of your statements may wait for the write lock.
    #{% else %}
    # Seconds that one of your statements may take.
    #{% endif %}
    database_statement_timeout: Seconds = 30
    #{% if cookiecutter.session_backend == "redis" %}
    redis_url: RedisUrl = SecretStr(DEFAULT_REDIS_URL)
    #{% endif %}

    # Seconds from sign-in to the end, whatever happens.
    session_lifetime: Seconds = 43_200
    # Seconds from the last request to the end.
    session_idle_timeout: Seconds = 3_600
    # Seconds from sign-in to the end with "remember me"; the idle timeout does not apply.
    session_remember_lifetime: Seconds = 2_592_000
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    # One more ends the one that was unused for longest.
    session_max_per_user: PositiveInt = 100
    #{% endif %}
    session_cookie_secure: Annotated[bool, AfterValidator(_check_secure)] = True
    # Origins of front ends on other sites, written as browsers send them.
    trusted_origins: Annotated[tuple[str, ...], *LIST, AfterValidator(check_origins)] = ()
    session_samesite: SameSite = Field(default=PROJECT["samesite"])
    # With SameSite=None: whether each site has a cookie of its own, as browsers want that block
    # third-party cookies.
    session_partitioned: bool = True

    # Where people reach the pages, or the front end: for links, and never taken from a request.
    public_url: Annotated[str, AfterValidator(check_public_url)] = DEFAULT_PUBLIC_URL
    #{% if cookiecutter.identity == "email" %}
    # Where mail is handed in. Without it, in development, /dev/mail shows what would be sent.
    mail_url: MailUrl = SecretStr("")
    mail_from: MailFrom = DEFAULT_SENDER
    #{% endif %}
    #{% if cookiecutter.oidc %}
    # Identity providers, by name; each has its own variables, such as OIDC_GOOGLE_CLIENT_ID and
    # OIDC_GOOGLE_CLIENT_SECRET.
    oidc_providers: Annotated[dict[str, ProviderSettings], NoDecode] = Field(default_factory=dict)
    #{% endif %}

    # Accepted Host headers.
    allowed_hosts: Annotated[tuple[str, ...], *LIST, AfterValidator(check_hosts)] = ()
    allow_registration: Annotated[bool, BeforeValidator(_default_registration)] = Field(
        default=None
    )  # type: ignore[assignment]

    # Characters after NFC. NIST SP 800-63B-4 asks for 15, and never fewer than 8.
    password_min_length: Annotated[int, Field(ge=8, le=PASSWORD_MAX_CHARACTERS)] = 15
    # How many passwords a process hashes at once. One processor stays free for everybody else.
    password_hash_threads: PositiveInt = Field(
        default_factory=lambda: max(1, min(4, available_processors() - 1))
    )
    login_max_failures: Annotated[PositiveInt, Field(le=1_000_000)] = 5
    # Seconds for which a failed sign-in counts.
    login_window: Seconds = 900
    max_body_bytes: PositiveInt = 65_536
    # Of the app's loggers; security events are always written.
    log_level: LogLevel = "info"

    #{% if cookiecutter.oidc %}
    @field_validator("oidc_providers", mode="before")
    @classmethod
    def _read_providers(cls, value: Any, info: ValidationInfo) -> Any:
        env_file = cls.model_config["env_file"]
        return read_providers(_split(value), env_file, production=is_production(info))

    #{% endif %}
    @property
    def production(self) -> bool:
        """Whether real people depend on this process."""
        return self.environment == "production"

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Read and check the settings; ``values`` win over the environment and ``.env``.

        Raises SettingsError with one sentence for each mistake, all at once.
        """
        try:
            hints = misspelled_names(cls)
            return cls(**values)
        except ValidationError as error:
            mistakes = (
                f"{str(each['loc'][0]).upper()}: {_sentence(each)}" for each in error.errors()
            )
            raise SettingsError("\n".join(dict.fromkeys([*mistakes, *hints]))) from None
        except ValueError as error:
            raise SettingsError(str(error)) from None


def _sentence(mistake: Any) -> str:
    """Say what is wrong without the value, which may be a secret."""
    cause = mistake.get("ctx", {}).get("error")
    text = str(cause) if isinstance(cause, ValueError) else mistake["msg"]
    return text[0].lower() + text[1:] + "."
