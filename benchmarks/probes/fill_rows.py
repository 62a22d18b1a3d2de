"""Copy rows of the database, by the project's own models.

Arguments: "all" and a number of users, each with a session, and a tenth as many links and mails; or
"expired" and a number of sessions that are over, for a sweep. There is one row of each to copy.
"""

import asyncio
import sys

from app.config import Settings
from app.engine import create_migration_engine
from app.models import Base
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# How many sessions of each user are over.
OVER = 5


async def copy(
    connection: AsyncConnection, table: str, others: str, numbers: int = 1, **changes: str
) -> None:
    """Copy the first row of a table, for other rows and numbers; changes: columns, in SQL."""
    columns = [each.name for each in Base.metadata.tables[table].columns if each.name != "id"]
    selected = ", ".join(changes.get(name, f"first.{name}") for name in columns)
    await connection.execute(
        text(
            f"WITH RECURSIVE numbers(n) AS "
            f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {numbers}) "
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {selected} "
            f"FROM (SELECT * FROM {table} LIMIT 1) AS first, numbers{others}"
        )
    )


def users(count: int) -> str:
    """Return the source of so many users, without the first."""
    return f", users WHERE users.id BETWEEN 2 AND {count + 1}"


async def main(what: str, count: int) -> None:
    """Fill the database."""
    engine = create_migration_engine(Settings.load().database_url.get_secret_value())
    is_file = engine.dialect.name == "sqlite"
    random = {
        "key": "randomblob(32)" if is_file else "sha256((random()::text || users.id || n)::bytea)"
    }
    theirs = {**random, "user_id": "users.id"}
    async with engine.begin() as connection:
        if what == "expired":
            some = users(count // OVER)
            await copy(connection, "sessions", some, OVER, **theirs, expires_at="1.0")
        else:
            address = "'user' || n || '@example.com'"
            await copy(connection, "users", "", count, email=address, role="'user'")
            await copy(connection, "sessions", users(count), **theirs)
            await copy(connection, "links", users(count // 10), **theirs, about="users.email")
            await copy(connection, "outgoing_mails", users(count // 10))
        await connection.execute(text("ANALYZE"))
    await engine.dispose()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
