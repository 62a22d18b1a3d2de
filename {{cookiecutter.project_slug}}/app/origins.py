"""Settings that are hosts, origins and addresses of the app."""

import re

from pydantic import ValidationInfo

DEFAULT_PUBLIC_URL = "http://localhost:8000"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "*.localhost")

MAX_PORT = 65_535

_HOST = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
# An origin as browsers send it (RFC 6454, 6.2): no wildcard, no default port.
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/:*]+|\[[^/]+\])"
    r"(?!:443$|:80$)(:(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
#{% if cookiecutter.passkeys %}
_ADDRESS = re.compile(r"[0-9.]+|\[.*\]")
#{% endif %}


def is_production(info: ValidationInfo) -> bool:
    """Whether the settings that are checked are for production."""
    return info.data.get("environment") == "production"


def check_origins(origins: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Return origins of front ends. Raises ValueError."""
    schemes = _schemes(info)
    for origin in origins:
        if not _parts_of(origin, schemes):
            raise ValueError(
                f"{origin!r} must be an origin like {schemes[-1]}://app.example.com: "
                f"lower case, no path, no wildcard, scheme {' or '.join(schemes)}"
            )
    return origins


def _schemes(info: ValidationInfo) -> tuple[str, ...]:
    return ("https",) if is_production(info) else ("http", "https")


def _parts_of(origin: str, schemes: tuple[str, ...]) -> re.Match[str] | None:
    """Return the parts of an origin; None for a text that no browser sends as one."""
    parts = _ORIGIN.fullmatch(origin)
    if not parts or parts["scheme"] not in schemes or not _HOST.fullmatch(parts["host"]):
        return None
    return parts if int(parts["port"] or 0) <= MAX_PORT else None


def check_hosts(hosts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Return accepted Host headers, by default those of this machine. Raises ValueError."""
    if is_production(info) and not hosts:
        raise ValueError("must name the hosts that this app answers to in production")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"{host!r} must be a host name like app.example.com or *.example.com: "
                "lower case, no scheme, no port"
            )
    return hosts or LOCAL_HOSTS


def check_public_url(url: str, info: ValidationInfo) -> str:
    """Return where people reach the app, without a slash at the end. Raises ValueError."""
    if url == DEFAULT_PUBLIC_URL and is_production(info):
        raise ValueError("must be set in production, where links lead to it")
    parts = _parts_of(url.removesuffix("/"), _schemes(info))
    if not parts:
        raise ValueError("must be like https://app.example.com: lower case, no path")
    #{% if cookiecutter.passkeys %}
    if _ADDRESS.fullmatch(parts["host"]):
        raise ValueError("must have a host name: passkeys belong to one, and to no IP address")
    #{% endif %}
    return url.removesuffix("/")
