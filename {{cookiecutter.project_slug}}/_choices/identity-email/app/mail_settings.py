"""The settings of mail, and their checks."""

import re
import ssl
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, SecretStr, ValidationInfo

from app.origins import is_production
from app.urls import is_url

DEFAULT_SENDER = "app@localhost"

_URL = re.compile(r"smtps?://([^\s@/?#]*@)?([^\s@:/?#\[\]]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?/?")
# Without the quotes, comments and literals of RFC 5322, which nobody's sender needs.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[\w-]+(\.[\w-]+)*", re.ASCII)


def _check_url(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    url = secret.get_secret_value()
    if not url and is_production(info):
        raise ValueError("must be set in production, or nobody gets any mail")
    if url and not is_url(url, _URL):
        raise ValueError(
            "must be a URL like smtps://user:password@mail.example.com:465, "
            "with %40 for an @ in the password"
        )
    return secret


def _check_sender(sender: str, info: ValidationInfo) -> str:
    if sender == DEFAULT_SENDER and is_production(info):
        raise ValueError("must be set in production: the address that mail comes from")
    try:
        sender_address(sender)
    except ValueError:
        raise ValueError("must be like app@example.com or My App <app@example.com>") from None
    return sender


MailUrl = Annotated[SecretStr, AfterValidator(_check_url)]
MailFrom = Annotated[str, AfterValidator(_check_sender)]


def sender_address(sender: str) -> Address:
    """Return the address that MAIL_FROM holds. Raises ValueError."""
    [(name, address)] = getaddresses([sender])
    if not sender.isprintable() or not _ADDRESS.fullmatch(address):
        raise ValueError(sender)
    return Address(name, addr_spec=address)


def smtp_options(url: str) -> dict[str, Any]:
    """Return how a connection to MAIL_URL is made, in the terms of aiosmtplib.

    TLS always: from the first byte with smtps, by STARTTLS with smtp (RFC 8314). Certificates are
    checked.
    """
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    return {
        "hostname": parts.hostname,
        "port": parts.port or (465 if is_tls else 587),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "use_tls": is_tls,
        "start_tls": not is_tls,
        "tls_context": ssl.create_default_context(),
    }
