"""Copy the newest session of the database N times, under random keys; print the bytes they take.

Arguments: N, and by how many seconds the copies expire earlier. DATABASE_URL: the database.
Indexes are counted.
"""

import asyncio
import os
import sqlite3
import sys

PICKED = "(SELECT * FROM sessions ORDER BY created_at DESC LIMIT 1)"


def columns(names: list[str], key: str, earlier: float) -> str:
    """Return the columns to select for a copy."""
    other = {"key": key, "expires_at": f"expires_at - {earlier} + n / 1e6"}
    return ", ".join(other.get(name, name) for name in names)


def fill_sqlite(file: str, number: int, earlier: float) -> int:
    connection = sqlite3.connect(file)
    names = [row[1] for row in connection.execute("PRAGMA table_info(sessions)")]
    before = pages(connection)
    # Nothing written here has to survive a power cut.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -500000")
    connection.execute(
        f"WITH RECURSIVE numbers(n) AS "
        f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {number}) "
        f"INSERT INTO sessions ({', '.join(names)}) "
        f"SELECT {columns(names, 'randomblob(32)', earlier)} FROM numbers, {PICKED}"
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    after = pages(connection)
    [page_bytes] = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    return int((after - before) * page_bytes)


def pages(connection: sqlite3.Connection) -> int:
    [[number]] = connection.execute("PRAGMA page_count")
    return int(number)


async def fill_postgresql(url: str, number: int, earlier: float) -> int:
    import asyncpg

    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = 'sessions' AND table_schema = 'public'"
    )
    names = [row["column_name"] for row in found]
    key = "sha256((random()::text || n)::bytea)"
    await connection.execute(
        f"INSERT INTO sessions ({', '.join(names)}) "
        f"SELECT {columns(names, key, earlier)} FROM generate_series(1, {number}) n, {PICKED} s",
        timeout=600,
    )
    await connection.execute("VACUUM ANALYZE sessions", timeout=600)
    size = await connection.fetchval("SELECT pg_total_relation_size('sessions')")
    await connection.close()
    return int(size)


url, number, earlier = os.environ["DATABASE_URL"], int(sys.argv[1]), float(sys.argv[2])
if url.startswith("sqlite"):
    print(fill_sqlite(url.partition("///")[2], number, earlier))
else:
    print(asyncio.run(fill_postgresql(url.replace("+asyncpg", ""), number, earlier)))
