"""Moves the data of this app from a SQLite file into its PostgreSQL database."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, func, insert, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import AppError
from app.models import Base, User

BATCH = 1_000

_REVISION = text("SELECT version_num FROM alembic_version")


class ImportRefused(AppError):
    """Why nothing was copied."""


async def import_sqlite(file: Path, db: AsyncSession) -> Mapping[str, int]:
    """Copy every table into a database that has no accounts; return how many rows each has.

    All or nothing is copied. Raises ImportRefused.
    """
    # Later runs would bring back sessions and accounts that have ended since.
    if await db.scalar(select(User.id).limit(1)):
        raise ImportRefused("The database has accounts already.")
    engine = _open(file)
    try:
        with engine.connect() as connection:
            if connection.scalar(_REVISION) != await db.scalar(_REVISION):
                raise ImportRefused("Run `alembic upgrade head` on both databases first.")
            counts = {
                table.name: await _copy(connection, table, db)
                for table in Base.metadata.sorted_tables
            }
    except DatabaseError as error:
        raise ImportRefused(f"This is no database of this app: {error.orig}") from error
    finally:
        engine.dispose()
    await db.commit()
    return counts


def _open(file: Path) -> Engine:
    """Return an engine that reads a file, and creates none."""
    uri = f"{file.resolve().as_uri()}?mode=ro"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True))


async def _copy(source: Connection, table: Table, db: AsyncSession) -> int:
    """Copy a table, and return how many rows it has."""
    count = 0
    for rows in source.execute(select(table)).mappings().partitions(BATCH):
        await db.execute(insert(table), [dict(row) for row in rows])
        count += len(rows)
    if (column := table.autoincrement_column) is not None:
        last = _last_id(source, table, column.name)
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        if last:
            # Neither is one that was given here, to an account that was deleted before this.
            given = func.nextval(sequence)
            await db.execute(select(func.setval(sequence, func.greatest(last, given))))
    return count


def _last_id(source: Connection, table: Table, column: str) -> Any:
    """Return the highest id that was ever given, as none is given twice; None without any."""
    of_table = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    given = source.scalar(of_table, {"name": table.name})
    return given or source.scalar(select(func.max(table.c[column])))
