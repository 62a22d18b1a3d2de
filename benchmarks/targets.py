"""What is measured."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """A route, and how it is asked. forged: with a cookie whose signature is wrong."""

    name: str
    path: str
    forged: bool = False


@dataclass(frozen=True)
class Own:
    """An app that the template generates. answers: those that are not the default."""

    name: str
    answers: Mapping[str, str]

    login = "/api/login"
    readings = (
        Reading("session", "/api/session"),
        Reading("me", "/api/me"),
        Reading("public", "/api/public"),
        Reading("forged", "/api/me", forged=True),
    )


@dataclass(frozen=True)
class Peer:
    """An app of a library, in ``peers``. backend: which of its ways to keep sessions."""

    name: str
    library: str
    backend: str = ""

    login = "/login"
    readings = (Reading("session", "/me"),)


Target = Own | Peer


def _own(backend: str, database: str) -> Own:
    keeps_sessions_there = backend not in ("memory", "redis")
    return Own(
        name=f"{backend}, {database}" if keeps_sessions_there else backend,
        answers={
            "session_backend": backend,
            "database": database,
            "frontend": "api",
            "project_slug": f"{backend}-{database}",
        },
    )


MEMORY = _own("memory", "sqlite")
REDIS = _own("redis", "sqlite")
SQLITE = _own("database", "sqlite")
POSTGRESQL = _own("database", "postgresql")
SIGNED_COOKIE = _own("signed-cookie", "sqlite")

OWN = (MEMORY, REDIS, SQLITE, POSTGRESQL, SIGNED_COOKIE)

PEERS = (
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
