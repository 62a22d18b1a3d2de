"""What an operator does to an app in use: migrate, back up, restore, purge. What a thief gets."""

import base64
import hashlib
import re
import shutil
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Bake
from tests.ledger import Ledger, is_soak
from tests.project import Project, Server
from tests.reliability.bystander import Bystander
from tests.test_server import COOKIE

pytestmark = pytest.mark.slow

CHAPTER = "Operations"
PASSWORD = "correct horse battery staple"
# Read once, though nothing here is encrypted: it takes longer than most requests.
AUTHORITIES = ssl.create_default_context()
KEPT = "what-nobody-else-shall-read"
# All register from one address, which may do so four times as often.
MANY = {"LOGIN_MAX_FAILURES": "100"}


class Person:
    """A user with a browser, which keeps its cookie while the server comes and goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.token = ""
        self._account = {"username": name, "password": PASSWORD}

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends along."""
        return {"cookie": f"{COOKIE}={self.token}"} if self.token else {}

    def ask(self, server: Server, method: str, path: str, json: object = None) -> httpx2.Response:
        """Send a request."""
        url = f"{server.url}{path}"
        answer = httpx2.request(
            method, url, json=json, headers=self.headers, timeout=30, verify=AUTHORITIES
        )
        if COOKIE in answer.cookies:
            self.token = answer.cookies[COOKIE]
        return answer

    def register(self, server: Server) -> "Person":
        """Open an account, sign in, and keep something with the session."""
        assert self.ask(server, "POST", "/api/register", self._account).status_code == 201
        return self.sign_in(server)

    def sign_in(self, server: Server) -> "Person":
        """Sign in, and keep something with the session."""
        assert self.ask(server, "POST", "/api/login", self._account).status_code == 200
        assert self.ask(server, "PUT", "/api/session/data/note", KEPT).status_code == 204
        return self

    def again(self, server: Server) -> "Person":
        """Sign in with another browser."""
        return Person(self.name).sign_in(server)

    def is_signed_in(self, server: Server) -> bool:
        """Whether the session lives, and all of it; it is nobody's otherwise."""
        answer = self.ask(server, "GET", "/api/me")
        if answer.status_code == 401:
            return False
        assert answer.json()["username"] == self.name
        kept: object = self.ask(server, "GET", "/api/session/data").json()
        return kept == {"note": KEPT}

    def number(self, server: Server) -> int:
        """Return the user's id."""
        number: int = self.ask(server, "GET", "/api/me").json()["id"]
        return number


# Migrations


# PostgreSQL alters tables in place; SQLite copies them, which is where things get lost.
@pytest.mark.parametrize("database", ["sqlite", *(["postgresql"] if is_soak() else [])])
def test_what_a_developer_adds_to_the_tables_and_takes_back_keeps_everybody(
    ready: Bake, database: str, soak: bool, ledger: Ledger
) -> None:
    size = 40 if soak else 3
    project = ready(database=database)
    models = project.path / "app" / "models.py"
    before = models.read_text("utf-8")
    # One that is new, and one that is another than it was, for which SQLite copies the table.
    after = before.replace("String(255)", "String(300)").replace(
        "    created_at: Mapped[float]\n",
        "    created_at: Mapped[float]\n    nickname: Mapped[str | None]\n",
        1,
    )
    assert after.count("nickname") == 1
    alembic = ".venv/bin/alembic"
    with project.stores() as stores:
        variables = {**stores, **MANY}
        with project.serving(variables=variables) as server:
            people = [Person(f"person{number}").register(server) for number in range(size)]
            last = people.pop()
            numbers = [last.number(server)]
        project.run(
            ".venv/bin/python", "-m", "app", "delete-user", "--yes", last.name, variables=variables
        )
        models.write_text(after, encoding="utf-8")
        project.run(alembic, "revision", "--autogenerate", "-m", "More", variables=variables)
        project.run(alembic, "upgrade", "head", variables=variables)
        lost = 0
        for code, migration in ((before, ["downgrade", "-1"]), (after, ["upgrade", "head"])):
            project.run(alembic, *migration, variables=variables)
            models.write_text(code, encoding="utf-8")
            with project.serving(variables=variables) as server:
                lost += sum(not person.is_signed_in(server) for person in people)
                lost += sum(not person.again(server).is_signed_in(server) for person in people)
                # An id is never given twice: what was signed for one would be for another.
                newcomer = Person(f"after{migration[0]}").register(server)
                numbers.append(newcomer.number(server))
        assert numbers == sorted(set(numbers))
    ledger.note(
        CHAPTER,
        f"a column more, and another changed, forth and back, {database}",
        backend="database",
        times=3,
        lost=lost,
        seen=f"{len(people)} users and their sessions",
    )
    assert lost == 0


# Backups


def back_up(source: Path, copy: Path) -> None:
    """Copy a database as ``.backup`` of the shell of SQLite does, while it is written to."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(copy)) as saved:
        live.backup(saved, pages=16)
        assert saved.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_backup_made_under_load_brings_back_what_was_there(
    ready: Bake, soak: bool, ledger: Ledger
) -> None:
    times = 100 if soak else 5
    project = ready()
    database, copy = project.path / "app.db", project.path / "backup.db"
    with project.stores():
        with project.serving(variables=MANY) as server:
            alice, bob = Person("alice").register(server), Person("bob").register(server)
            phone = alice.again(server)
            client = httpx2.Client(base_url=server.url, headers=bob.headers, timeout=30)
            written = ("PUT", "/api/session/data/note", KEPT)
            with client, Bystander(client, *written) as writing, Bystander(client) as reading:
                for number in range(times):
                    back_up(database, copy)
                    Person(f"person{number}").register(server)
            assert phone.ask(server, "POST", "/api/logout").status_code == 204
            stranger = Person("stranger").register(server)
            assert not phone.is_signed_in(server)
        # What docs/deployment.md says.
        for name in ("app.db", "app.db-wal", "app.db-shm"):
            (project.path / name).unlink(missing_ok=True)
        shutil.copy(copy, database)
        with project.serving() as server:
            there = [alice, bob, *(Person(f"person{number}") for number in range(times - 1))]
            lost = sum(not person.again(server).is_signed_in(server) for person in there)
            lost += sum(not person.is_signed_in(server) for person in (alice, bob))
            assert not stranger.is_signed_in(server)
            # Why that document goes on: what was ended since is open again,
            assert phone.is_signed_in(server)
            project.run(".venv/bin/python", "-m", "app", "end-sessions", "alice")
            assert not phone.is_signed_in(server)
            assert bob.is_signed_in(server)
        # or, for all at once, the key is replaced.
        key = project.run(".venv/bin/python", "-m", "app", "new-key").stdout.strip()
        with project.serving(variables={"SECRET_KEYS": key}) as server:
            assert not bob.is_signed_in(server)
            lost += not bob.again(server).is_signed_in(server)
    wrong = [*writing.wrong, *reading.wrong]
    ledger.note(
        CHAPTER,
        "SQLite copied while it is written to, and put back",
        backend="database",
        times=times,
        lost=lost + len(wrong),
        seen=f"{len(writing.took):,} writes meanwhile; {len(there)} users signed in again",
    )
    assert (lost, wrong) == (0, [])


# Purge

EXPIRED = """
INSERT INTO sessions (key, user_id, session_version, created_at, last_seen_at, authenticated_at,
    expires_at, remember, amr, ip, user_agent)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :times)
SELECT randomblob(32), user_id, session_version, 1, 1, 1, 2, remember, amr, ip, user_agent
FROM numbers, (SELECT * FROM sessions LIMIT 1)
"""
OUTDATED = """
INSERT INTO login_attempts (name_hash, address, at, outcome, forget_at)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :times)
SELECT randomblob(32), '198.51.100.7', 1, 0, 2 FROM numbers
"""


def test_a_purge_beside_live_traffic_takes_what_has_expired_and_nothing_else(
    ready: Bake, soak: bool, ledger: Ledger
) -> None:
    times = 500_000 if soak else 10_000
    project = ready()
    with project.stores(), project.serving() as server:
        people = [Person(f"person{number}").register(server) for number in range(3)]
        with closing(sqlite3.connect(project.path / "app.db")) as database, database:
            for statement in (EXPIRED, OUTDATED):
                database.execute(statement, {"times": times})
        client = httpx2.Client(base_url=server.url, headers=people[0].headers, timeout=30)
        written = ("PUT", "/api/session/data/note", KEPT)
        with client, Bystander(client, *written) as writing, Bystander(client) as reading:
            said = project.python("-m", "app", "purge")
            people += [person.again(server) for person in people]
        with closing(sqlite3.connect(project.path / "app.db")) as database:
            [[left]] = database.execute("SELECT count(*) FROM sessions")
            [[outdated]] = database.execute("SELECT count(*) FROM login_attempts WHERE at = 1")
        wrong = [*writing.wrong, *reading.wrong]
        lost = sum(not person.is_signed_in(server) for person in people)
    [deleted] = map(int, re.findall(r"Deleted (\d+) expired records", said))
    ledger.note(
        CHAPTER,
        "python -m app purge beside reads and writes",
        backend="database",
        times=2 * times,
        lost=lost + len(wrong),
        seen=f"{len(writing.took):,} writes meanwhile; {reading.seen}",
    )
    assert (lost, wrong) == (0, [])
    assert (left, outdated) == (len(people), 0)
    # Each sign-in meanwhile sweeps a little, too; and a count of registrations may be over by then.
    assert 2 * times - 6 * 500 <= deleted <= 2 * times + 1


# What a thief gets

OF_POSTGRESQL = """
import asyncio, sys
import asyncpg
from app.config import Settings

async def dump():
    url = Settings.load().database_url.get_secret_value().replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for [table] in tables:
        await connection.copy_from_table(table, output=sys.argv[1] + table, format="binary")

asyncio.run(dump())
"""
OF_REDIS = """
import sys
import redis
from app.config import Settings

store = redis.Redis.from_url(Settings.load().redis_url.get_secret_value())
read = {
    b"string": store.get,
    b"hash": store.hgetall,
    b"zset": lambda key: store.zrange(key, 0, -1),
}
with open(sys.argv[1], "wb") as file:
    for key in store.scan_iter():
        found = read[store.type(key)](key)
        if isinstance(found, dict):
            found = [part for item in found.items() for part in item]
        for part in [key, *(found if isinstance(found, list) else [found])]:
            file.write(part + bytes(1))
"""


def stolen(project: Project, variables: dict[str, str]) -> bytes:
    """Return all that the stores of a project hold."""
    folder = project.path / "stolen"
    folder.mkdir()
    if project.answers["database"] == "postgresql":
        project.python("-c", OF_POSTGRESQL, f"{folder}/", **variables)
    else:
        for file in project.path.glob("app.db*"):
            shutil.copy(file, folder)
    if project.answers["session_backend"] == "redis":
        project.python("-c", OF_REDIS, f"{folder}/redis", **variables)
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def spellings(raw: bytes) -> set[bytes]:
    """Return how bytes may be written."""
    return {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
    }


def inside(text: str) -> set[bytes]:
    """Return how a text may be written wherever it stands in a longer one."""
    raw = text.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    # Of base64, what does not depend on what stands before and after.
    shifted = (base64.urlsafe_b64encode(bytes(shift) + raw)[4:-4] for shift in range(3))
    return found.union(shifted)


@pytest.mark.parametrize(
    ("session_backend", "database"),
    [
        ("database", "sqlite"),
        ("redis", "postgresql"),
        ("signed-cookie", "sqlite"),
        *([("database", "postgresql"), ("memory", "sqlite")] if is_soak() else []),
    ],
)
def test_a_stolen_store_opens_nothing_and_tells_no_secret(
    ready: Bake, session_backend: str, database: str, soak: bool, ledger: Ledger
) -> None:
    size = 50 if soak else 3
    project = ready(session_backend=session_backend, database=database)
    with (
        project.stores() as variables,
        project.serving(variables={**variables, **MANY}) as server,
    ):
        people = [Person(f"person{number}").register(server) for number in range(size)]
        assert all(person.is_signed_in(server) for person in people)
        dump = stolen(project, variables) + server.output.encode()
    # It is the whole of it.
    for person in people:
        assert person.name.encode() in dump
    secrets = inside(PASSWORD) | inside(KEPT)
    for person in people:
        secrets.add(person.token.encode())
        parts = [decoded for part in person.token.split(".") if (decoded := decode(part))]
        if session_backend in ("database", "redis"):
            key = hashlib.sha256(person.token.partition(".")[0].encode()).digest()
            assert any(spelling in dump for spelling in spellings(key))
        if session_backend == "signed-cookie":
            # The last of what it claims is the id that it is known by.
            parts.append(parts[0][-32:])
        secrets |= {spelling for part in parts for spelling in spellings(part)}
    found = [secret for secret in secrets if secret in dump]
    ledger.note(
        CHAPTER,
        f"stores read whole by a thief, {database}",
        backend=session_backend,
        times=len(secrets),
        lost=len(found),
        seen=f"{len(dump) // 1000:,} kB searched for tokens, values and passwords",
    )
    assert found == []


def decode(part: str) -> bytes:
    """Return what base64url says."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
