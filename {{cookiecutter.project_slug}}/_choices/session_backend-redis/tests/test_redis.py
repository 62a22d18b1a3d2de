"""How the app reaches Redis, and what happens when it cannot."""

import asyncio
import os
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from redis.exceptions import ResponseError

from app.config import Settings, SettingsError
from app.errors import StoreUnavailable
from app.redis import TIMEOUT_SECONDS, Redis
from app.redis_connection import RedisConnection
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import PRODUCTION, Start
from tests.people import ALICE
from tests.redis import running, send
from tests.servers import free_port, make_certificate

# A busy machine is not a broken Redis.
PATIENCE = 10 * TIMEOUT_SECONDS


async def test_a_password_change_that_redis_cannot_follow_leaves_no_other_session(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    app = await start(redis_url=f"redis://127.0.0.1:{port}/0")
    client, thief = Client(app), Client(app)
    with running(redis_binary, port):
        await client.signed_in()
        await thief.signed_in()
        send(port, "CONFIG", "SET", "maxmemory", "1")
        assert (await client.get("/health/ready")).status_code == 503
        body = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
        assert (await client.post("/api/password", json=body)).status_code == 503
        send(port, "CONFIG", "SET", "maxmemory", "0")
        assert not await thief.is_signed_in()
        assert (await thief.get("/api/session")).status_code == 401
        assert (await client.sign_in(password=PASSWORD + "!")).status_code == 200


async def test_without_redis_nothing_is_open_and_nothing_is_broken(
    start: Start, client: Client
) -> None:
    await client.signed_in()
    cookie = f"{COOKIE}={client.token}"
    cut_off = Client(await start(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    for path in ("/api/me", "/api/session", "/health/ready"):
        response = await cut_off.send_cookie(cookie, path)
        assert response.status_code == 503, path
        assert response.headers["retry-after"].isdigit()
    for path in ("/test/public", "/health/live"):
        assert (await cut_off.send_cookie(cookie, path)).status_code == 200
    response = await cut_off.post("/api/logout", headers={"cookie": cookie})
    assert response.status_code == 503
    assert "set-cookie" not in response.headers
    assert (await cut_off.sign_in()).status_code == 503


async def test_a_deletion_that_redis_cannot_follow_can_be_tried_again(
    start: Start, client: Client
) -> None:
    await client.signed_in()
    cut_off = await start(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StoreUnavailable):
        await cut_off.state.services.users.delete(ALICE)
    assert not await client.is_signed_in()
    await client.app.state.services.users.delete(ALICE)
    assert (await client.get("/api/session")).status_code == 401


async def test_ending_everybodys_sessions_without_redis_fails_and_can_be_tried_again(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    app = await start(redis_url=f"redis://127.0.0.1:{port}/0")
    with running(redis_binary, port):
        await Client(app).signed_in()
    with pytest.raises(StoreUnavailable):
        await app.state.services.users.end_all_sessions()
    with running(redis_binary, port):
        await app.state.services.users.end_all_sessions()


async def test_the_app_recovers_by_itself_when_redis_is_back(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    client = Client(await start(redis_url=f"redis://127.0.0.1:{port}/0"))
    await client.register()
    assert (await client.get("/health/ready")).status_code == 503
    for _ in range(2):
        with running(redis_binary, port):
            assert (await client.get("/health/ready")).status_code == 200
            assert (await client.sign_in()).status_code == 200
            # So that more than one connection is open.
            assert all(await asyncio.gather(*(client.is_signed_in() for _ in range(5))))
        assert (await client.get("/api/me")).status_code == 503


@contextmanager
def frozen(server: subprocess.Popen[str]) -> Iterator[None]:
    """Let a server stop answering for as long as the block lasts."""
    server.send_signal(signal.SIGSTOP)
    os.waitpid(server.pid, os.WUNTRACED)
    try:
        yield
    finally:
        server.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("patience", [1], indirect=True)
async def test_a_redis_that_has_stopped_responding_is_given_up_by_every_request(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    client = Client(await start(redis_url=f"redis://127.0.0.1:{port}/0"))
    with running(redis_binary, port) as server:
        with frozen(server):
            assert (await client.get("/health/ready")).status_code == 503
        await client.signed_in()
        # By a connection that was in use before.
        assert await client.is_signed_in()
        with frozen(server):
            responses = await asyncio.gather(*(client.get("/api/session") for _ in range(100)))
            assert {each.status_code for each in responses} == {503}
            assert (await client.get("/test/public")).status_code == 200
        assert await client.is_signed_in()


async def test_a_lookup_gives_up_a_redis_that_does_not_even_greet(redis_binary: str) -> None:
    port = free_port()
    connection = RedisConnection(f"redis://127.0.0.1:{port}/0", 0.2)
    with running(redis_binary, port) as server, frozen(server):
        with pytest.raises(TimeoutError):
            await connection.send_command("GET", "session")
        connection.close()


@asynccontextmanager
async def replying(text: bytes) -> AsyncIterator[str]:
    """Serve on loopback, with the same reply to everything; yield the URL."""
    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with suppress(ConnectionError):
            while await reader.read(4096):
                writer.write(text)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        await asyncio.gather(*serving)


@pytest.mark.parametrize("text", [b"HTTP/1.1 200 OK\r\n\r\n", b"+OK\r\n", b"$-1\r\n", b":1\r\n"])
async def test_a_server_that_is_no_redis_is_unavailable(text: bytes) -> None:
    async with replying(text) as url:
        redis = Redis(url)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await redis.run("GET", "session")
        await redis.close()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", OSError),
        (b"+OK\r\n+OK\r\n", OSError),
        (b"-NOAUTH Authentication required.\r\n", ResponseError),
    ],
)
async def test_a_lookup_is_not_answered_by_a_server_that_is_no_redis(
    text: bytes, error: type[Exception]
) -> None:
    async with replying(text) as url:
        connection = RedisConnection(url, PATIENCE)
        with pytest.raises(error):
            await connection.send_command("GET", "session")
            await connection.send_command("GET", "session")
        connection.close()


async def test_no_lookup_gets_the_reply_to_another_one_that_was_cancelled(redis_port: int) -> None:
    connection = RedisConnection(f"redis://127.0.0.1:{redis_port}/0", PATIENCE)
    words = [str(number) for number in range(50)]
    # While the connection is being opened, and on an open one.
    for _ in range(2):
        tasks = [asyncio.ensure_future(connection.send_command("ECHO", each)) for each in words]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        replies = await asyncio.gather(*tasks, return_exceptions=True)
        for at, (word, reply) in enumerate(zip(words, replies, strict=True)):
            if at % 3:
                assert reply == word.encode()
            else:
                assert isinstance(reply, asyncio.CancelledError)
    connection.close()


async def test_lookups_use_the_credentials_of_the_url(redis_binary: str) -> None:
    port = free_port()
    with running(redis_binary, port, "--requirepass", "open sesame"):
        known = RedisConnection(f"redis://:open%20sesame@127.0.0.1:{port}/2", PATIENCE)
        assert await known.send_command("GET", "nothing") is None
        known.close()
        for url in (f"redis://127.0.0.1:{port}/0", f"redis://:wrong@127.0.0.1:{port}/0"):
            with pytest.raises(ResponseError):
                await RedisConnection(url, PATIENCE).send_command("GET", "nothing")


@pytest.mark.parametrize("patience", [0.5], indirect=True)
async def test_no_command_gets_the_reply_to_another_one_that_was_given_up(
    redis_binary: str,
) -> None:
    port = free_port()
    redis = Redis(f"redis://127.0.0.1:{port}/0")
    words = [str(number).encode() for number in range(10)]
    with running(redis_binary, port) as server:
        for _ in range(2):
            assert await asyncio.gather(*(redis.run("ECHO", word) for word in words)) == words
            with frozen(server):
                tasks = [asyncio.create_task(redis.run("ECHO", "late")) for _ in words]
                # All are sent by then. Some are cancelled, as by a client that goes away.
                await asyncio.sleep(0.1)
                for task in tasks[::2]:
                    task.cancel()
                errors = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(error) for error in errors] == [
                asyncio.CancelledError,
                StoreUnavailable,
            ] * 5
        await redis.close()


async def test_the_password_of_redis_is_used(redis_binary: str) -> None:
    port = free_port()
    with running(redis_binary, port, "--requirepass", "opensesame"):
        redis = Redis(f"redis://:opensesame@127.0.0.1:{port}/2")
        assert await redis.run("GET", "nothing") is None
        await redis.close()
        for url in (f"redis://127.0.0.1:{port}/0", f"redis://:wrong@127.0.0.1:{port}/0"):
            with pytest.raises(StoreUnavailable):
                await Redis(url).run("GET", "nothing")


async def test_a_flush_signs_everybody_out_and_breaks_nothing(
    client: Client, redis_port: int
) -> None:
    await client.signed_in()
    send(redis_port, "FLUSHALL")
    assert not await client.is_signed_in()
    assert (await client.post("/api/logout")).status_code == 204
    assert (await client.sign_in()).status_code == 200
    assert await client.is_signed_in()


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://user:pass@[::1]:6380", "redis://h"])
def test_a_url_of_redis_is_accepted(settings: dict[str, Any], url: str) -> None:
    Settings.load(**{**settings, "redis_url": url})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://h:1/0",
        "redis://",
        "redis://h:x/0",
        "redis://h/zero",
        "redis://h:1/0?protocol=3",
        "unix:///tmp/redis",
        "redis://h:99999",
        "redis://h:0",
        "redis://[1:2]:6379/0",
        "redis://a..b:6379",
        "redis://a%2e.b:6379",
    ],
)
def test_what_is_no_url_of_redis_is_refused(settings: dict[str, Any], url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL: must be a URL like"):
        Settings.load(**{**settings, "redis_url": url})


def test_production_requires_a_redis_of_its_own(settings: dict[str, Any]) -> None:
    url = "redis://localhost:6379/0"
    Settings.load(**{**settings, "redis_url": url})
    with pytest.raises(SettingsError, match="REDIS_URL: must be set in production"):
        Settings.load(**{**settings, **PRODUCTION, "redis_url": url})


@contextmanager
def encrypted(binary: str, port: int, certificate: Path) -> Iterator[None]:
    """Run a server that speaks TLS alone, for as long as the block lasts."""
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(certificate))
    options = ("--tls-port", str(port), "--tls-auth-clients", "no", *files)
    with running(binary, free_port(), *options):
        yield


async def test_an_encrypted_connection_verifies_the_certificate(
    start: Start, redis_binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, certificate = free_port(), make_certificate(tmp_path)
    url = f"rediss://localhost:{port}/0"
    with encrypted(redis_binary, port, certificate):
        stranger = Client(await start(redis_url=url))
        assert (await stranger.get("/health/ready")).status_code == 503
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        client = Client(await start(redis_url=url))
        assert (await client.get("/health/ready")).status_code == 200
        await client.signed_in()
        assert await client.is_signed_in()


async def test_nobody_waits_for_authorities_to_be_loaded_while_redis_is_out_of_reach(
    start: Start, redis_binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, certificate = free_port(), make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    load = Mock(wraps=ssl.create_default_context)
    monkeypatch.setattr(ssl, "create_default_context", load)
    client = Client(await start(redis_url=f"rediss://localhost:{port}/0"))
    await client.register()
    assert (await client.get("/health/ready")).status_code == 503
    load.reset_mock()
    assert (await client.get("/health/ready")).status_code == 503
    load.assert_not_called()
    with encrypted(redis_binary, port, certificate):
        assert (await client.sign_in()).status_code == 200
        assert await client.is_signed_in()
    load.reset_mock()
    for path in ("/api/me", "/health/ready"):
        assert (await client.get(path)).status_code == 503
    load.assert_not_called()
