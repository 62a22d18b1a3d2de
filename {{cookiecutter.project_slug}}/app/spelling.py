"""How the texts in the settings have to be spelled."""

import json
import re
#{% if cookiecutter.session_backend == "redis" %}
from urllib.parse import urlsplit
#{% endif %}

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/:]+|\[[^/]+\])(:(?P<port>[1-9][0-9]{0,4}))?", re.ASCII
)
#{% if cookiecutter.session_backend == "redis" %}
_REDIS_URL = re.compile(
    r"rediss?://([^@/?#]*@)?([^@:/?#\[\]]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?(/[0-9]*)?", re.ASCII
)
#{% endif %}
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PLACEHOLDERS = ("change", "secret", "placeholder", "example", "insecure", "replace", "your-")


def split(value: object) -> object:
    """Turn a JSON list or a comma-separated text into a list; anything else is left alone."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith(("[", "{")):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("is neither a JSON list nor separated by commas") from None
    return [item.strip() for item in value.split(",") if item.strip()]


def is_placeholder(key: str) -> bool:
    """Whether a key was never meant to be one."""
    return len(set(key)) < 10 or any(word in key.lower() for word in _PLACEHOLDERS)


def is_host(text: str) -> bool:
    """Whether ``text`` is a host name, or one with a wildcard for its first label; no port."""
    return bool(_HOST.fullmatch(text))


def is_origin(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether ``text`` is one origin, spelled as a browser would send it (RFC 6454, 6.2)."""
    parts = _ORIGIN.fullmatch(text)
    if not parts or parts["scheme"] not in schemes or not is_host(parts["host"]):
        return False
    return not parts["host"].startswith("*") and parts["port"] != _DEFAULT_PORTS[parts["scheme"]]


def is_database_url(text: str, driver: str) -> bool:
    """Whether ``text`` is a URL of SQLAlchemy's for that driver."""
    try:
        return make_url(text).drivername == driver
    except (ArgumentError, ValueError):
        return False
#{% if cookiecutter.database == "sqlite" %}


def names_a_file(database_url: str) -> bool:
    """Whether a database is in a file, not in memory."""
    return make_url(database_url).database not in (None, "", ":memory:")
#{% endif %}
#{% if cookiecutter.session_backend == "redis" %}


def is_redis_url(text: str) -> bool:
    """Whether ``text`` leads to a Redis: a scheme, a host, perhaps a password and a number."""
    try:
        return bool(_REDIS_URL.fullmatch(text)) and urlsplit(text).port != 0
    except ValueError:
        # A port or an address that cannot be.
        return False
#{% endif %}
