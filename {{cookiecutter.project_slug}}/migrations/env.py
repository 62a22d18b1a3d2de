"""Runs the migrations against the app's own database."""

import asyncio
from logging.config import fileConfig

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import Base
from app.settings import Settings, SettingsError


def database_url() -> str:
    """Return the URL that the caller gave, or the one of the settings."""
    given: str | None = context.config.attributes.get("database_url")
    try:
        return given or Settings.load().database_url
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def migrate(connection: Connection) -> None:
    """Run what is missing."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        #{% if cookiecutter.database == "sqlite" %}
        # SQLite alters a table by copying it.
        render_as_batch=True,
        #{% endif %}
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Connect and migrate."""
    engine = create_async_engine(database_url(), poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
    except OSError as error:
        raise SystemExit(f"The database does not answer: {error}") from None
    finally:
        await engine.dispose()


if context.config.config_file_name and "database_url" not in context.config.attributes:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    raise SystemExit("These migrations run against a database; use `alembic upgrade head`.")

asyncio.run(main())
