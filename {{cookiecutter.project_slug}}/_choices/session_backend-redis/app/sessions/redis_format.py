"""How a session is named and stored in Redis: in bytes, since a million of them have to fit."""

import struct

from itsdangerous.encoding import base64_encode

from app.config import PROJECT
from app.errors import StoreUnavailable
from app.sessions.session import Session

# Part of every key: a change of what is written needs another one, or old records become garbage.
FORMAT = "3"

# 192 bits of a key, which nobody finds twice, are its name: with all 256, each would take 16 bytes
# more of the server.
NAME_BYTES = 24

# Keeps apps on the same Redis apart.
_PREFIX = PROJECT["slug"]

# What matches each name below.
ANYTHING = f"{_PREFIX}:session*"

# The end of the year 9999, in Unix time: no date is later.
END_OF_TIME = 253_402_300_800

# The fields of a session before its address, then the length of that; the user agent is the rest.
# No id is larger than an INTEGER of the database. A session version is a time, and a clock that was
# wrong once may have made a late one.
_FIELDS = struct.Struct("!Iq4d?BB")


def pack(session: Session) -> bytes:
    """Return the record of a session, without its key."""
    ip = session.ip.encode()
    return _FIELDS.pack(*session[:8], len(ip)) + ip + session.user_agent.encode()


def unpack(key: bytes, record: bytes | None, now: float) -> Session | None:
    """Return the session of a record; None when there is none, or it has expired.

    Raises StoreUnavailable for what is no record: whatever wrote it, it opens nothing.
    """
    if record is None:
        return None
    try:
        *fields, length = _FIELDS.unpack_from(record)
        rest = record[_FIELDS.size :]
        ip, user_agent = rest[:length].decode(), rest[length:].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise StoreUnavailable from error
    session = Session._make((*fields, ip, user_agent, key))
    begun, proved = session.created_at, session.authenticated_at
    if not 0 <= begun <= proved <= session.last_seen_at <= session.expires_at < END_OF_TIME:
        raise StoreUnavailable("a record in Redis is not one of ours")
    return session if session.expires_at > now else None


def name_of(key: bytes) -> str:
    """Return where the record of a session is. A cluster chooses the node by what is in braces."""
    name = base64_encode(key[:NAME_BYTES]).decode("ascii")
    return f"{_PREFIX}:session:{FORMAT}:" + "{" + name + "}"


def values_of(key: bytes) -> str:
    """Return where the values of a session are."""
    return f"{name_of(key)}:values"


def index_of(user_id: int) -> str:
    """Return where the keys of a user's sessions are."""
    return f"{_PREFIX}:sessions:{user_id}"
