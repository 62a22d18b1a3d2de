"""What DATABASE_URL may say, and how the driver is told."""

import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# With these, asyncpg never goes on without TLS, and trusts none but the authority of sslrootcert.
_STRICT_MODES = _SSL_MODES[3:]
_FILES = ("sslrootcert", "sslcert", "sslkey")
# What asyncpg looks for in ~/.postgresql as well.
_BY_DEFAULT = ("postgresql.crt", "postgresql.key", "root.crl")
# The parameters of libpq, which hosts of databases hand out, that asyncpg knows from a DSN.
_OPTIONS = ("sslmode", *_FILES, "application_name", "options")


def parse(url: str) -> tuple[URL, dict[str, Any]]:
    """Return a URL for SQLAlchemy, and arguments for the driver.

    Raises ValueError with a sentence for people.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername != "postgresql+asyncpg":
        raise ValueError("must be a URL that begins with postgresql+asyncpg://")
    if "\0" in unquote(url):
        raise ValueError("cannot contain a NUL character")
    if not parsed.database:
        raise ValueError("must name a database that all workers share")
    query: dict[str, Any] = dict(parsed.query)
    # SQLAlchemy's: a Unix socket, or several servers.
    servers = {name: query.pop(name) for name in query.keys() & {"host", "port"}}
    # asyncpg binds no channel. A verified certificate protects against the same attacker.
    query.pop("channel_binding", None)
    if "ssl" in query:
        query.setdefault("sslmode", query.pop("ssl"))
    _check(query)
    arguments: dict[str, Any] = {"dsn": f"postgresql://?{urlencode(query)}"} if query else {}
    if query.keys() & set(_FILES) and not _has_more_options():
        context = _load_files(query)
        if "sslrootcert" in query and query.get("sslmode") in _STRICT_MODES:
            arguments["ssl"] = context
    parsed = parsed.set(query=servers)
    _check_servers(parsed)
    return parsed, arguments


def _check_servers(url: URL) -> None:
    """Raise ValueError unless there may be a server at each host and port."""
    try:
        _, servers = url.get_dialect()().create_connect_args(url)
        for host in _listed(servers.get("host", "")):
            # As the lookup of its address does, which would fail with an error of its own.
            host.encode("idna")
    except (ArgumentError, UnicodeError):
        raise ValueError("must name servers as host, or host and port, a number") from None
    # SQLAlchemy takes a port of 0 for none.
    if url.port == 0 or max(_listed(servers.get("port", 0))) > 65_535:
        raise ValueError("must have ports from 1 to 65535")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check(query: dict[str, Any]) -> None:
    """Raise ValueError unless the driver can take the options."""
    if not query.keys() <= set(_OPTIONS):
        raise ValueError(f"takes nothing after the ? but {', '.join(_OPTIONS)}")
    if not all(isinstance(value, str) for value in query.values()):
        raise ValueError("must have each option once")
    mode = query.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(_SSL_MODES)}")
    if mode.startswith("verify") and "sslrootcert" not in query:
        raise ValueError(f"sslmode={mode} needs sslrootcert, the file of a trusted authority")
    for name in _FILES:
        if name in query and not Path(query[name]).is_file():
            raise ValueError(f"{name} must name a file that exists")


def _has_more_options() -> bool:
    """Whether asyncpg finds options of TLS elsewhere, too, as in PGSSLCRL or ~/.postgresql."""
    found: list[object] = [name for name in os.environ if name.startswith(("PGSSL", "SSLKEYLOG"))]
    # Not everybody has a home.
    with suppress(OSError, RuntimeError):
        folder = Path("~/.postgresql").expanduser()
        found += [name for name in _BY_DEFAULT if (folder / name).exists()]
    return bool(found)


def _load_files(query: dict[str, Any]) -> ssl.SSLContext:
    """Return the context that asyncpg would make for each connection, while everybody waits.

    Raises ValueError when a file is of no use.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = query.get("sslmode") == "verify-full"
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["postgresql"])
    try:
        if "sslrootcert" in query:
            context.load_verify_locations(query["sslrootcert"])
    except OSError:
        raise ValueError("sslrootcert must name a file of certificates in PEM") from None
    try:
        if "sslcert" in query:
            # Without a password for the key, OpenSSL would ask for it at the terminal.
            context.load_cert_chain(query["sslcert"], query.get("sslkey"), password="")
    except OSError:
        raise ValueError("sslcert must name a certificate in PEM, and sslkey its key") from None
    return context
