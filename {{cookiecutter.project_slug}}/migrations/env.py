"""Runs the migrations against the app's own database."""

import asyncio
from logging.config import fileConfig
from typing import Any

from alembic import context
#{% if cookiecutter.database == "sqlite" %}
from sqlalchemy import Connection, Table, event, inspect, text
#{% else %}
from sqlalchemy import Connection
#{% endif %}
from sqlalchemy.exc import DBAPIError

from app.config import Settings, SettingsError
from app.engine import create_migration_engine
from app.errors import StoreUnavailable
from app.models import Base


def database_url() -> str:
    """Return the URL that the caller gave, or the one of the settings."""
    given: str | None = context.config.attributes.get("database_url")
    try:
        return given or Settings.load().database_url.get_secret_value()
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def include_name(_: str | None, kind: str, parents: Any) -> bool:
    """Let ``--autogenerate`` see no tables but those of the models.

    Others in the database belong to somebody else, and are not dropped. To drop one that you have
    removed from the models, write ``op.drop_table("its_name")`` into the migration yourself.
    """
    return kind != "table" or parents["schema_qualified_table_name"] in Base.metadata.tables


def migrate(connection: Connection) -> None:
    """Run what is missing."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        #{% if cookiecutter.database == "sqlite" %}
        # SQLite alters a table by copying it.
        render_as_batch=True,
        # All or nothing: a migration that has failed can be mended and run again.
        transactional_ddl=True,
        #{% endif %}
    )
    with context.begin_transaction():
        #{% if cookiecutter.database == "sqlite" %}
        given = ids_given(connection)
        context.run_migrations()
        go_on_from(connection, given)
        #{% else %}
        context.run_migrations()
        #{% endif %}


#{% if cookiecutter.database == "sqlite" %}
# Copying a table would reuse ids unless told otherwise: a new user would inherit what was signed
# for another.


@event.listens_for(Table, "column_reflect")
def never_give_an_id_twice(_: Any, table: Table, column: Any) -> None:
    """Set an option on the copy that SQLAlchemy does not read from the database."""
    model = Base.metadata.tables.get(table.name)
    if model is not None and column["name"] == "id":
        table.kwargs["sqlite_autoincrement"] = model.kwargs.get("sqlite_autoincrement", False)


def ids_given(connection: Connection) -> dict[str, int]:
    """Return the last id that each table has given."""
    given = {}
    if inspect(connection).has_table("sqlite_sequence"):
        rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
        given = {row.name: row.seq for row in rows}
    return given


def go_on_from(connection: Connection, given: dict[str, int]) -> None:
    """Let each table that is still there go on after the last id that it has given."""
    now = ids_given(connection)
    for name in set(given).intersection(inspect(connection).get_table_names()):
        values = {"name": name, "last": max(given[name], now.get(name, 0))}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), values)


#{% endif %}
async def main() -> None:
    """Connect and migrate."""
    try:
        engine = create_migration_engine(database_url())
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
        await engine.dispose()
    except DBAPIError as error:
        if error.statement:
            # Of a migration: its traceback says where.
            raise
        raise SystemExit(f"The database is unreachable: {error.orig}") from None
    except (OSError, StoreUnavailable) as error:
        raise SystemExit(f"The database is unreachable: {error.__cause__ or error}") from None


if context.config.config_file_name and "database_url" not in context.config.attributes:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    raise SystemExit("These migrations run against a database; use `alembic upgrade head`.")

asyncio.run(main())
