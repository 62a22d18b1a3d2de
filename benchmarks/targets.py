"""The apps that are measured, and the requests that they are sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reading:
    """A request that is measured. forged: its cookie has a wrong signature."""

    name: str
    path: str
    title: str
    forged: bool = False


@dataclass(frozen=True)
class Own:
    """An app that the template generates. answers: those that differ from the defaults.

    folder: a project that is already baked. environment: a virtual environment to run it in.
    """

    name: str
    answers: Mapping[str, str]
    folder: Path | None = None
    environment: Path | None = None

    login = "/api/login"
    readings = (
        Reading("session", "/api/session", "`/api/session`"),
        Reading("me", "/api/me", "`/api/me`"),
        Reading("forged", "/api/me", "`/api/me`, forged cookie", forged=True),
        Reading("public", "/api/public", "`/api/public`, cookie sent"),
    )


@dataclass(frozen=True)
class Peer:
    """An app of another library, in ``peers``. backend: where it keeps its sessions."""

    name: str
    library: str
    backend: str = ""

    login = "/login"
    readings = (Reading("session", "/me", "`/me`"),)


Target = Own | Peer


def _own(backend: str, database: str, frontend: str = "api", identity: str = "username") -> Own:
    keeps_sessions_there = backend not in ("memory", "redis")
    name = f"{backend}, {database}" if keeps_sessions_there else backend
    return Own(
        name=name if frontend == "api" else f"{name}, with pages",
        answers={
            "session_backend": backend,
            "database": database,
            "frontend": frontend,
            "identity": identity,
            "project_slug": f"{backend}-{database}-{frontend}-{identity}",
        },
    )


def baked(folder: Path, environment: Path | None = None) -> Own:
    """Return a project that is already baked. environment: to run it in, instead of its own."""
    pins = (folder / "requirements.txt").read_text("utf-8").splitlines()
    names = {pin.partition("==")[0] for pin in pins}
    answers = {
        "project_slug": folder.name,
        # All that matters is which servers it needs.
        "session_backend": "redis" if "redis" in names else "database",
        "database": "postgresql" if "asyncpg" in names else "sqlite",
    }
    own = folder / ".venv"
    return Own(folder.name, answers, folder, environment or (own if own.exists() else None))


MEMORY = _own("memory", "sqlite")
REDIS = _own("redis", "sqlite")
SQLITE = _own("database", "sqlite")
POSTGRESQL = _own("database", "postgresql")
SIGNED_COOKIE = _own("signed-cookie", "sqlite")
PAGES = _own("database", "sqlite", "html")
MAILING = tuple(_own("database", each, identity="email") for each in ("sqlite", "postgresql"))

OWN = (MEMORY, REDIS, SQLITE, POSTGRESQL, SIGNED_COOKIE)

# It shows what the router and the dependency of the bare route cost.
FLAT = Peer("FastAPI, flat route without a session", "fastapi")

PEERS = (
    FLAT,
    Peer("Starlette SessionMiddleware", "starlette"),
    Peer("starsessions, memory", "starsessions", "memory"),
    Peer("starsessions, Redis", "starsessions", "redis"),
    Peer("starsessions, cookie", "starsessions", "cookie"),
    Peer("fastapi-sessions, memory", "fastapi_sessions"),
    Peer("fastapi-users, Redis, user in memory", "fastapi_users", "redis"),
    Peer("fastapi-users, JWT, user in SQLite", "fastapi_users", "jwt"),
    Peer("fastapi-users, SQLite", "fastapi_users", "sqlite"),
    Peer("fastapi-users, PostgreSQL", "fastapi_users", "postgresql"),
    Peer("Django, signed cookies", "django", "cookie"),
    Peer("Django, Redis", "django", "redis"),
    Peer("Django, SQLite", "django", "sqlite"),
)
