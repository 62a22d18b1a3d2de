"""The security log: one JSON object a line on the logger ``app.security``.

Event names are OWASP's (Logging Vocabulary Cheat Sheet). An event says when (UTC), what, who, from
where, in which request and which session; never a password or a token. ASVS 5.0 V16.2 and V16.3.
"""

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

LOGGER = logging.getLogger("app.security")

# Where the current request comes from, and its id; the web layer sets them once for each request.
client_ip: ContextVar[str | None] = ContextVar("client_ip", default=None)
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
#{% if cookiecutter.frontend == "html" %}
# Who does it, where that is an administrator and not the user whom an event is about.
administrator: ContextVar[int | None] = ContextVar("administrator", default=None)
#{% endif %}


def event(
    name: str,
    *,
    actor: int | str | None = None,
    name_hash: bytes | None = None,
    session: bytes | None = None,
    warning: bool = False,
    **details: str | int | None,
) -> None:
    """Write one event.

    name: from OWASP's vocabulary. actor: the user's id. name_hash: of the name that was typed.
    session: the key of the session. Of both hashes a short prefix is written.
    warning: whether somebody should look at it.
    """
    record = {
        "datetime": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": name,
        "level": "WARN" if warning else "INFO",
        "actor": actor,
        #{% if cookiecutter.frontend == "html" %}
        "administrator": administrator.get(),
        #{% endif %}
        "address": client_ip.get(),
        "request": request_id.get(),
        "name_hash": short(name_hash) if name_hash else None,
        "session": short(session) if session else None,
        **details,
    }
    LOGGER.log(logging.WARNING if warning else logging.INFO, "%s", json_line(record))


def json_line(record: Mapping[str, object]) -> str:
    """Return a record as one line of JSON, without what is None."""
    # JSON escapes line breaks and everything beyond ASCII: no value can forge a second line.
    return json.dumps({key: value for key, value in record.items() if value is not None})


def short(digest: bytes) -> str:
    """Return as much of a hash as the log shows: enough to tell one from another."""
    return digest.hex()[:12]
