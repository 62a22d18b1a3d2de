"""How PostgreSQL is reached: the engines, and when a connection is given up."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect, ExceptionContext
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from app.database_url import parse
from app.errors import StoreUnavailable

# INSERT with ``on_conflict_do_update``.
insert_or_update = postgresql.insert

# SQLSTATE classes, and two states, that are not about a statement itself: connection, read-only,
# credentials, database, deadlock, no such table, resources, locks, operator intervention, system,
# internal.
_SERVER_STATES = ("08", "25006", "28", "3D", "40", "42P01", "53", "55", "57", "58", "XX")

# How long a statement of the app's may take before the request is answered 503: waiting for a free
# connection, connecting, and waiting for the result.
DEADLINE_SECONDS = 2
# One step ends before the whole does: what is left is for closing the connection, which a server
# that has stopped answering would put off for seconds.
STEP_SECONDS = DEADLINE_SECONDS * 0.75

# How many of the app's statements write at once in a process: as many as there are connections.
MAX_WRITERS = 5
WRITE_TURN_SECONDS = DEADLINE_SECONDS

# Sent when connecting. PostgreSQL ignores it, but PgBouncer rejects unknown parameters: in
# transaction mode it would lose our prepared statements, or run another client's. In session mode,
# list this in its ignore_startup_parameters.
_NEEDS = {"needs.prepared_statements": "on"}

# The isolation level of several statements that belong together.
TRANSACTION = "READ COMMITTED"


def is_statement_error(error: DBAPIError) -> bool:
    """Whether an error is of a statement, not of the database."""
    # Without a state it is the driver's, and about the connection.
    state = getattr(error.orig, "sqlstate", None)
    return state is not None and not state.startswith(_SERVER_STATES)


def create_app_engine(url: str) -> AsyncEngine:
    """Return the engine for the app's own statements.

    AUTOCOMMIT: one round trip instead of three, no BEGIN and COMMIT around a single statement.
    """
    return _create_engine(
        url,
        STEP_SECONDS,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=MAX_WRITERS,
        max_overflow=0,
        pool_timeout=DEADLINE_SECONDS,
    )


def create_lookup_engine(url: str) -> AsyncEngine:
    """Return the engine of ``FastLookup``, which keeps its connections itself."""
    return _create_engine(url, STEP_SECONDS, poolclass=NullPool)


def create_migration_engine(url: str) -> AsyncEngine:
    """Return the engine of the migrations, which may take as long as they need."""
    parsed, arguments = parse(url)
    arguments["timeout"] = STEP_SECONDS
    engine = create_async_engine(parsed, connect_args=arguments, poolclass=NullPool)
    event.listen(engine.sync_engine, "do_connect", _connect)
    return engine


def create_session_engine(url: str, pool_size: int, statement_timeout: int) -> AsyncEngine:
    """Return the engine of ``DbSession``. statement_timeout: seconds a statement may take."""
    options = {"pool_size": pool_size, "pool_timeout": DEADLINE_SECONDS}
    return _create_engine(url, statement_timeout, max_overflow=0, **options)


def _create_engine(url: str, statement_timeout: float, **options: Any) -> AsyncEngine:
    parsed, arguments = parse(url)
    engine = create_async_engine(
        parsed,
        # Values stay out of errors and logs: there are password hashes among them.
        hide_parameters=True,
        connect_args={
            **arguments,
            "timeout": STEP_SECONDS,
            "command_timeout": statement_timeout,
            "server_settings": _NEEDS,
        },
        **options,
    )
    event.listen(engine.sync_engine, "do_connect", _connect)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _give_up_connection)
    return engine


def _connect(
    dialect: Dialect, _: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]
) -> DBAPIConnection:
    """Connect. No error is one of a statement: the server is not there, or refuses an option."""
    try:
        return dialect.connect(*arguments, **options)
    except (OSError, dialect.loaded_dbapi.Error) as error:
        raise StoreUnavailable(type(error).__name__) from error


def _refuse_closed(
    connection: DBAPIConnection, _: ConnectionPoolEntry, __: PoolProxiedConnection
) -> None:
    """Let the pool make new connections when the server has closed those it has."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def _give_up_connection(context: ExceptionContext) -> None:
    """Let the pool make a new connection when more than a statement was wrong.

    A connection that has received garbage may wait for the rest of it, and one to a server that has
    become a replica would keep being refused.
    """
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and not is_statement_error(error):
        context.is_disconnect = True
