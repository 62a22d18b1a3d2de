"""What can go wrong on the way to PostgreSQL, and which part of it is the database's fault."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from anyio import to_thread
from sqlalchemy import delete, make_url, select, text, update

from app.config import Settings, SettingsError
from app.errors import StoreUnavailable
from app.models import User
from app.services import Services
from app.web.dependencies import DbSession, public
from tests.client import PASSWORD, Client
from tests.conftest import Start
from tests.database import LockUsers
from tests.migrate import migrate
from tests.people import ALICE, BOB, FIELD, REGISTERED
from tests.postgresql import create_database
from tests.servers import make_certificate


def test_the_database_of_a_project_is_created_once(server: str) -> None:
    name = 'a-slug with "quotes"'
    for _ in range(2):
        create_database(server, name)
    migrate(f"{server}/{quote(name)}")


async def test_a_server_that_stalls_is_answered_with_503_by_every_route_of_the_app(
    client: Client, lock_users: LockUsers
) -> None:
    await client.signed_in()
    password = {"password": PASSWORD}
    name_and_password = {FIELD: ALICE, **password}
    new_password = {"current_password": PASSWORD, "new_password": f"{PASSWORD}!"}
    async with lock_users():
        responses = await asyncio.gather(
            client.get("/api/me"),
            client.get("/health/ready"),
            client.post("/api/login", json=name_and_password),
            client.post("/api/register", json={FIELD: BOB, **password}),
            client.post("/api/confirm", json=password),
            client.post("/api/password", json=new_password),
            client.post("/api/me/delete", json={"confirm": ALICE}),
        )
    assert [each.status_code for each in responses] == [503] * 7
    assert (await client.get("/api/me")).status_code == 200


async def test_a_server_that_says_nothing_is_answered_with_503(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr("app.database.DEADLINE_SECONDS", 0.2)
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = Client(await start(database_url=f"postgresql+asyncpg://u@127.0.0.1:{port}/d"))
        response = await client.post("/api/login", json={FIELD: ALICE, "password": PASSWORD})
        assert response.status_code == 503
        await client.app.state.services.close()


async def test_a_database_that_does_not_exist_is_answered_with_503(
    start: Start, server: str
) -> None:
    async def read(db: DbSession) -> None:
        await db.get(User, 1)

    app = await start(database_url=f"{server}/none")
    app.add_api_route("/read", public(read))
    client = Client(app)
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get("/read")).status_code == 503
    assert (await client.register()).status_code == 503


@pytest.mark.parametrize("tls", ["sslmode=disable&channel_binding=prefer", "ssl=disable"])
async def test_options_of_libpq_in_the_url_reach_the_server(
    start: Start, empty_database_url: str, tls: str
) -> None:
    url = f"{empty_database_url}?{tls}&application_name=the-app&options=-c%20lock_timeout%3D4s"
    await to_thread.run_sync(migrate, url)
    app = await start(database_url=url)
    assert (await Client(app).signed_in()).token
    database = app.state.services.database
    for name, value in {"application_name": "the-app", "lock_timeout": "4s"}.items():
        assert tuple(await database.fetch_one(text(f"SHOW {name}"))) == (value,)


@pytest.mark.parametrize("tls", ["sslmode=require&channel_binding=require", "ssl=require"])
async def test_a_server_without_tls_is_not_used_where_the_url_asks_for_it(
    start: Start, database_url: str, tls: str
) -> None:
    client = Client(await start(database_url=f"{database_url}?{tls}"))
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.register()).status_code == 503
    with pytest.raises(SystemExit, match="unreachable"):
        await to_thread.run_sync(migrate, f"{database_url}?{tls}")


@pytest.mark.parametrize("option", ["nonsense=1", "default_transaction_read_only=on"])
async def test_a_server_that_refuses_an_option_or_takes_no_writes_is_not_ready(
    start: Start, database_url: str, option: str
) -> None:
    url = f"{database_url}?options={quote(f'-c {option}')}"
    client = Client(await start(database_url=url))
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.sign_in()).status_code == 503


async def test_of_two_requests_in_a_deadlock_one_is_answered_with_503(client: Client) -> None:
    names = (ALICE, BOB)
    for name in names:
        assert (await client.register(name)).status_code == REGISTERED
    have_locked = asyncio.Barrier(2)

    async def lock(first: int, db: DbSession) -> None:
        for at in (first, 1 - first):
            change = update(User).where(User.name == names[at]).values(role="admin")
            await db.execute(change)
            if at == first:
                await asyncio.wait_for(have_locked.wait(), timeout=10)
        await db.commit()

    client.app.add_api_route("/lock", public(lock))
    responses = await asyncio.gather(*(client.get("/lock", params={"first": n}) for n in (0, 1)))
    assert sorted(each.status_code for each in responses) == [200, 503]


async def test_a_statement_over_the_limit_is_answered_with_503(start: Start) -> None:
    app = await start(database_statement_timeout=1)

    async def sleep(db: DbSession) -> None:
        await db.execute(text("SELECT pg_sleep(10)"))

    app.add_api_route("/sleep", public(sleep))
    client = Client(app)
    began = asyncio.get_running_loop().time()
    assert (await client.get("/sleep")).status_code == 503
    assert 1 <= asyncio.get_running_loop().time() - began < 5
    assert (await client.signed_in()).token


@pytest.mark.parametrize(
    "statement",
    [
        text("SELECT 1 / 0"),
        text("SELECT no_such_column"),
        text("SELECT 'text'::integer"),
        text("INSERT INTO users (role) VALUES (repeat('a', 17))"),
        select(User).where(User.id == 2**40),
    ],
    ids=str,
)
async def test_a_wrong_statement_is_an_error_of_the_app_and_costs_no_connection(
    start: Start, statement: object
) -> None:
    app = await start(database_pool_size=1)

    async def process(db: DbSession) -> int:
        return int(await db.scalar(text("SELECT pg_backend_pid()")) or 0)

    async def fail(db: DbSession) -> None:
        await db.execute(statement)  # type: ignore[call-overload]

    for route in (process, fail):
        app.add_api_route(f"/{route.__name__}", public(route))
    client = Client(app)
    before = (await client.get("/process")).json()
    assert (await client.get("/fail")).status_code == 500
    assert (await client.get("/process")).json() == before


async def test_a_connection_that_only_reads_does_not_stay(services: Services) -> None:
    await services.users.register(ALICE, PASSWORD)
    await services.database.execute(text("SET default_transaction_read_only = on"))
    with pytest.raises(StoreUnavailable):
        await services.database.execute(delete(User))
    assert await services.database.execute(delete(User)) == 1


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def test_a_server_that_was_restarted_is_found_again(client: Client) -> None:
    await client.signed_in()
    database = client.app.state.services.database

    async def read(db: DbSession) -> None:
        await db.get(User, 1)

    client.app.add_api_route("/read", public(read))

    async def ask_all() -> set[int]:
        # So many at once that there are several connections of each kind.
        paths = ["/api/me", "/health/ready", "/read"] * 3
        statements = [database.fetch_all(text("SELECT 1")) for _ in range(5)]
        responses, *_ = await asyncio.gather(asyncio.gather(*map(client.get, paths)), *statements)
        return {each.status_code for each in responses}

    assert await ask_all() == {200}
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    async with database.new_session() as session:
        processes = list(await session.scalars(text(f"SELECT pid {others}")))
        await session.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        # With the process goes its connection.
        while any(map(exists, processes)):
            await session.execute(text("SELECT 1"))
    assert len(processes) > 3
    assert await ask_all() == {200}


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def encrypted(url: str, certificate: Path) -> AsyncIterator[tuple[str, list[Any]]]:
    """Speak TLS in front of a server that may have been built without it.

    Yields the URL of its database by way of this, and the certificates that clients have shown.
    """
    target = make_url(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    shown: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The request for TLS, which is granted.
        await reader.readexactly(8)
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except OSError:
            writer.close()
            return
        shown.append(writer.get_extra_info("peercert"))
        answers, questions = await asyncio.open_connection(target.host, target.port)
        await asyncio.gather(pass_on(reader, questions), pass_on(answers, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql+asyncpg://postgres@localhost:{port}/{target.database}", shown
    finally:
        server.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Live where libpq finds no files of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.mark.parametrize(
    ("mode", "host", "trusted", "status"),
    [
        ("verify-full", "localhost", "own", 200),
        ("verify-full", "localhost", "other", 503),
        ("verify-full", "127.0.0.1", "own", 503),
        ("verify-ca", "127.0.0.1", "own", 200),
        ("verify-ca", "localhost", "other", 503),
        ("require", "127.0.0.1", "own", 200),
        ("require", "localhost", "other", 503),
        ("prefer", "localhost", "other", 200),
    ],
)
@pytest.mark.usefixtures("home")
async def test_a_server_is_verified_as_the_url_says(
    start: Start, database_url: str, tmp_path: Path, mode: str, host: str, trusted: str, status: int
) -> None:
    files = {}
    for name in ("own", "other"):
        folder = tmp_path / name
        folder.mkdir()
        files[name] = make_certificate(folder)
    async with encrypted(database_url, files["own"]) as (url, _):
        options = {"sslmode": mode, "sslrootcert": files[trusted]}
        url = f"{url.replace('localhost', host)}?{urlencode(options)}"
        client = Client(await start(database_url=url))
        assert (await client.get("/health/ready")).status_code == status
        await client.app.state.services.close()


@pytest.mark.usefixtures("home")
async def test_the_files_of_tls_are_read_at_the_start(
    start: Start, database_url: str, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)
    async with encrypted(database_url, certificate) as (url, shown):
        options = {"sslmode": "verify-full", "sslrootcert": certificate, "sslcert": certificate}
        client = Client(await start(database_url=f"{url}?{urlencode(options)}"))
        certificate.unlink()
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.signed_in()).token
        assert all(shown)
        await client.app.state.services.close()


async def test_options_of_tls_from_elsewhere_count_as_well(
    start: Start, database_url: str, home: Path, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)
    (home / ".postgresql").mkdir()
    for name in ("postgresql.crt", "postgresql.key"):
        (home / ".postgresql" / name).write_bytes(certificate.read_bytes())
    async with encrypted(database_url, certificate) as (url, shown):
        options = {"sslmode": "verify-full", "sslrootcert": certificate}
        client = Client(await start(database_url=f"{url}?{urlencode(options)}"))
        assert (await client.get("/health/ready")).status_code == 200
        assert all(shown)
        await client.app.state.services.close()


@pytest.mark.parametrize("mode", ["prefer", "verify-full"])
@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey"])
@pytest.mark.usefixtures("home")
def test_a_file_that_tls_cannot_use_stops_the_start(
    settings: dict[str, Any], tmp_path: Path, name: str, mode: str
) -> None:
    certificate = str(make_certificate(tmp_path))
    options = dict.fromkeys(("sslrootcert", "sslcert", "sslkey"), certificate)
    url = f"{settings['database_url']}?{urlencode({'sslmode': mode, **options})}"
    Settings.load(**{**settings, "database_url": url})
    options[name] = __file__
    url = f"{settings['database_url']}?{urlencode({'sslmode': mode, **options})}"
    sentence = "sslrootcert must name a file of certificates|sslcert must name a certificate"
    with pytest.raises(SettingsError, match=f"DATABASE_URL: ({sentence})"):
        Settings.load(**{**settings, "database_url": url})
