"""What tests read of the mail that an app has stored."""

import re
from typing import NamedTuple

from fastapi import FastAPI

from app.services import Services

# The routes that there are because of mail.
MAIL_ROUTES = [
    ("POST", "/api/email/verify"),
    ("POST", "/api/email/verify/resend"),
    ("POST", "/api/password/forgot"),
    ("POST", "/api/email"),
    ("POST", "/api/email/change"),
    ("GET", "/dev/mail"),
    #{% if cookiecutter.frontend == "html" %}
    ("GET", "/forgot"),
    ("POST", "/forgot"),
    ("GET", "/verify"),
    ("POST", "/verify"),
    ("GET", "/verify/resend"),
    ("POST", "/verify/resend"),
    ("POST", "/account/email"),
    ("GET", "/change-email"),
    ("POST", "/change-email"),
    #{% endif %}
]
PUBLIC_MAIL_PATHS = {path for _, path in MAIL_ROUTES} - {"/api/email", "/account/email"}

_LINK = re.compile(r"^https?://[^/\s]+/([a-z-]+)\?token=(\S+)$", re.MULTILINE)


class Mail(NamedTuple):
    """A mail, as it would be sent."""

    to: str
    subject: str
    text: str
    html: str = ""

    @property
    def token(self) -> str:
        """The token of the link in it."""
        [(_, token)] = _LINK.findall(self.text)
        return str(token)

    @property
    def purpose(self) -> str:
        """The path of the link in it."""
        [(purpose, _)] = _LINK.findall(self.text)
        return str(purpose)


async def mails(app: FastAPI, to: str | None = None) -> list[Mail]:
    """Return the mails to an address, or to all, the newest first."""
    services: Services = app.state.services
    found = []
    for row in await services.outbox.list_all():
        texts = services.outbox.texts_of(row)
        assert texts is not None
        if to in (None, row.recipient):
            found.append(Mail(row.recipient, *texts))
    return found
