"""Every knob of the app: read once, from the environment or ``.env``, into one typed object."""

import json
#{% if cookiecutter.session_backend == "memory" %}
import multiprocessing
#{% endif %}
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import spelling

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, str] = json.loads((Path(__file__).parent / "project.json").read_text("utf-8"))

# Browsers cut a cookie's life at 400 days (draft-ietf-httpbis-rfc6265bis, 5.6.2).
MAX_COOKIE_SECONDS = 400 * 24 * 3600
# A shorter key could be guessed offline from one ticket.
KEY_MIN_CHARACTERS = 32
PASSWORD_MAX_CHARACTERS = 128
# The exit status for wrong settings: uvicorn takes it for final, and starts no other worker.
STARTUP_FAILURE = 3
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "*.localhost")

#{% if cookiecutter.database == "sqlite" %}
DATABASE_DRIVER = "sqlite+aiosqlite"
DEFAULT_DATABASE_URL = f"sqlite+aiosqlite:///{ROOT / 'app.db'}"
#{% else %}
DATABASE_DRIVER = "postgresql+asyncpg"
DEFAULT_DATABASE_URL = "postgresql+asyncpg://postgres@localhost:5432/postgres"
#{% endif %}
#{% if cookiecutter.session_backend == "redis" %}
DEFAULT_REDIS_URL = "redis://localhost:6379/0"
#{% endif %}


class SettingsError(Exception):
    """What is wrong with the settings: one sentence for each fault, a line each."""


Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(spelling.split)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(spelling.split)]
SameSite = Literal["lax", "strict", "none"]
Seconds = Annotated[PositiveInt, Field(le=MAX_COOKIE_SECONDS)]


class Settings(BaseSettings):
    """The settings, each with its unit and its check. A field may look at those above it."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    environment: Literal["development", "production"] = "development"
    secret_keys: Keys = ()
    """Newest first: the first signs, all verify."""
    database_url: str = DEFAULT_DATABASE_URL
    #{% if cookiecutter.session_backend == "redis" %}
    redis_url: SecretStr = SecretStr(DEFAULT_REDIS_URL)
    #{% endif %}

    session_lifetime: Seconds = 43_200
    """Seconds from sign-in to the end, whatever happens."""
    session_idle_timeout: Seconds = 3_600
    """Seconds from the last request to the end."""
    session_remember_lifetime: Seconds = 2_592_000
    """Seconds from sign-in to the end with "remember me"; the idle limit does not apply."""
    session_cookie_secure: bool = True
    trusted_origins: Names = ()
    """Origins of front ends on other sites, written as browsers send them."""
    #{% if cookiecutter.samesite == "lax" %}
    session_samesite: SameSite = "lax"
    #{% elif cookiecutter.samesite == "strict" %}
    session_samesite: SameSite = "strict"
    #{% else %}
    session_samesite: SameSite = "none"
    #{% endif %}

    allowed_hosts: Names = ()
    """Host headers that are answered."""
    allow_registration: bool = Field(default=None)  # type: ignore[assignment]

    password_min_length: Annotated[int, Field(ge=8, le=PASSWORD_MAX_CHARACTERS)] = 15
    """Characters after NFC. NIST SP 800-63B-4 asks for 15, and never fewer than 8."""
    login_max_failures: PositiveInt = 5
    login_window: PositiveInt = 900
    """Seconds for which a failed sign-in counts."""
    max_body_bytes: PositiveInt = 65_536

    @property
    def password_length(self) -> tuple[int, int]:
        """The fewest and the most characters of a password."""
        return self.password_min_length, PASSWORD_MAX_CHARACTERS

    @property
    def production(self) -> bool:
        """Whether real people depend on this process."""
        return self.environment == "production"

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Read and check the settings; ``values`` win over the environment and ``.env``.

        Raises SettingsError with one sentence for each fault, all at once.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            faults = (
                f"{str(fault['loc'][0]).upper()}: {_sentence(fault)}" for fault in error.errors()
            )
            raise SettingsError("\n".join(dict.fromkeys(faults))) from None

    #{% if cookiecutter.session_backend == "memory" %}
    @field_validator("environment")
    @classmethod
    def _refuse_workers(cls, environment: str) -> str:
        # uvicorn starts each of several workers as a child, which would know its own sessions only.
        if environment == "production" and multiprocessing.parent_process():
            raise ValueError(
                "production allows --workers 1 only; for more, choose the session backend database"
            )
        return environment

    #{% endif %}
    @field_validator("secret_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        texts = [key.get_secret_value() for key in keys]
        if not texts:
            raise ValueError("is not set; make a key with `python -m app new-key`")
        if any(len(text) < KEY_MIN_CHARACTERS for text in texts):
            raise ValueError(f"each key needs at least {KEY_MIN_CHARACTERS} characters")
        if any(spelling.is_placeholder(text) for text in texts):
            raise ValueError("holds a placeholder; make a key with `python -m app new-key`")
        if len(set(texts)) < len(texts):
            raise ValueError("holds the same key twice")
        return keys

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: str) -> str:
        if not spelling.is_database_url(url, DATABASE_DRIVER):
            raise ValueError(f"must be a URL that begins with {DATABASE_DRIVER}://")
        #{% if cookiecutter.database == "sqlite" %}
        if not spelling.names_a_file(url):
            raise ValueError("must name a file; what is in memory is another one for each worker")
        #{% endif %}
        return url
    #{% if cookiecutter.database == "postgresql" %}

    @field_validator("database_url")
    @classmethod
    def _refuse_default_database(cls, url: str, info: ValidationInfo) -> str:
        if url == DEFAULT_DATABASE_URL and info.data.get("environment") == "production":
            raise ValueError("must be set in production; the default is for development")
        return url
    #{% endif %}

    #{% if cookiecutter.session_backend == "redis" %}
    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        text = url.get_secret_value()
        if not spelling.is_redis_url(text):
            raise ValueError("must be a URL like rediss://user:password@host:6379/0")
        if text == DEFAULT_REDIS_URL and info.data.get("environment") == "production":
            raise ValueError("must be set in production; the default is for development")
        return url

    #{% endif %}
    @field_validator("session_cookie_secure")
    @classmethod
    def _check_secure(cls, secure: bool, info: ValidationInfo) -> bool:
        if not secure and info.data.get("environment") == "production":
            raise ValueError("must be true in production, or the cookie travels in the clear")
        return secure

    @field_validator("session_samesite")
    @classmethod
    def _check_samesite(cls, samesite: str, info: ValidationInfo) -> str:
        if samesite == "none" and info.data.get("session_cookie_secure") is False:
            raise ValueError("none needs SESSION_COOKIE_SECURE=true; browsers drop it otherwise")
        production = info.data.get("environment") == "production"
        if samesite == "none" and production and info.data.get("trusted_origins") == ():
            raise ValueError("none is for front ends on other sites; name them in TRUSTED_ORIGINS")
        return samesite

    @field_validator("trusted_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        schemes = ("https",) if info.data.get("environment") == "production" else ("http", "https")
        for origin in origins:
            if not spelling.is_origin(origin, schemes):
                raise ValueError(
                    f"{origin!r} must be an origin like {schemes[-1]}://app.example.com: "
                    f"lower case, no path, no wildcard, scheme {' or '.join(schemes)}"
                )
        return origins

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        production = info.data.get("environment") == "production"
        if production and not hosts:
            raise ValueError("must name the hosts this app answers to in production")
        for host in hosts:
            if not spelling.is_host(host):
                raise ValueError(
                    f"{host!r} must be a host name like app.example.com or *.example.com: "
                    "lower case, no scheme, no port"
                )
        return hosts or LOCAL_HOSTS

    @field_validator("allow_registration", mode="before")
    @classmethod
    def _default_registration(cls, allowed: object, info: ValidationInfo) -> object:
        return info.data.get("environment") == "development" if allowed is None else allowed


def _sentence(fault: Any) -> str:
    """Say what is wrong without the value, which may be a secret."""
    cause = fault.get("ctx", {}).get("error")
    text = str(cause) if isinstance(cause, ValueError) else fault["msg"]
    return text[0].lower() + text[1:] + "."
