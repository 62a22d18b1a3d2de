"""The way to Redis: where it leads, and what happens when there is nobody."""

import asyncio
import math
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.exceptions import ResponseError

from app.pipeline import Pipeline
from app.redis import TIMEOUT_SECONDS
from app.config import Settings, SettingsError
from app.errors import StoreUnavailable
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import PRODUCTION, Start
from tests.redis import running, send
from tests.servers import free_port


async def test_a_password_change_that_redis_cannot_follow_leaves_no_other_session(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    app = await start(redis_url=f"redis://127.0.0.1:{port}/0")
    client, thief = Client(app), Client(app)
    with running(redis_binary, port):
        await client.signed_in()
        await thief.sign_in()
        send(port, "CONFIG", "SET", "maxmemory", "1")
        assert (await client.get("/health/ready")).status_code == 503
        body = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
        assert (await client.post("/api/password", json=body)).status_code == 503
        send(port, "CONFIG", "SET", "maxmemory", "0")
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
    for path in ("/api/public", "/health/live"):
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
        await cut_off.state.services.users.delete("alice")
    assert not await client.is_signed_in()
    await client.app.state.services.users.delete("alice")
    assert (await client.get("/api/session")).status_code == 401


async def test_it_recovers_by_itself_when_redis_is_back(start: Start, redis_binary: str) -> None:
    port = free_port()
    app = await start(redis_url=f"redis://127.0.0.1:{port}/0")
    client = Client(app)
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
async def test_one_that_has_stopped_answering_is_not_waited_for(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    client = Client(await start(redis_url=f"redis://127.0.0.1:{port}/0"))
    with running(redis_binary, port) as server:
        await client.signed_in()
        with frozen(server):
            answers = await asyncio.gather(*(client.get("/api/session") for _ in range(100)))
            assert {each.status_code for each in answers} == {503}
            assert (await client.get("/api/public")).status_code == 200
        assert await client.is_signed_in()


@asynccontextmanager
async def answering(
    text: bytes, *, times: float = math.inf, patience: float = TIMEOUT_SECONDS
) -> AsyncIterator[Pipeline]:
    """Serve on loopback whoever connects: to each of their words the same answer, so many times."""

    serving: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        answers = 0
        with suppress(ConnectionError):
            while await reader.read(4096):
                if answers < times:
                    writer.write(text)
                    await writer.drain()
                answers += 1
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        pipeline = Pipeline(f"redis://127.0.0.1:{port}/0", patience)
        yield pipeline
        pipeline.close()
        await asyncio.gather(*serving)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", OSError),
        (b"+OK\r\n+OK\r\n", OSError),
        (b"-NOAUTH Authentication required.\r\n", ResponseError),
    ],
)
async def test_what_does_not_talk_like_redis_says_nothing_of_a_session(
    text: bytes, error: type[Exception]
) -> None:
    async with answering(text) as pipeline:
        with pytest.raises(error):
            await pipeline.ask("GET", "session")
            await pipeline.ask("GET", "session")


async def test_one_that_has_fallen_silent_is_given_up_by_all_who_wait() -> None:
    # What is answered is the greeting.
    async with answering(b"+OK\r\n", times=1, patience=0.1) as pipeline:
        with pytest.raises(TimeoutError):
            await pipeline.ask("GET", "session")
        answers = await asyncio.gather(
            *(pipeline.ask("GET", "session") for _ in range(3)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [TimeoutError] * 3


async def test_one_that_nobody_asks_is_kept() -> None:
    async with (
        answering(b"+OK\r\n", patience=0.1) as idle,
        answering(b"+OK\r\n", times=1, patience=0.1) as silent,
    ):
        assert await idle.ask("GET", "session") == b"OK"
        connection = idle._wire
        with pytest.raises(TimeoutError):
            await silent.ask("GET", "session")
        assert await idle.ask("GET", "session") == b"OK"
        assert idle._wire is connection


async def test_whose_question_was_given_up_gets_no_answer_to_another(redis_port: int) -> None:
    pipeline = Pipeline(f"redis://127.0.0.1:{redis_port}/0", TIMEOUT_SECONDS)
    words = [str(number) for number in range(50)]
    asked = [asyncio.ensure_future(pipeline.ask("ECHO", word)) for word in words]
    # One turn of the loop, in which the first of them begins to connect.
    await asyncio.sleep(0)
    for each in asked[::3]:
        each.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for number, answer in enumerate(answers):
        assert isinstance(answer, asyncio.CancelledError) or answer == str(number).encode()
    assert answers[1] == b"1"
    asked = [asyncio.ensure_future(pipeline.ask("ECHO", word)) for word in words]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert (await asyncio.gather(*asked, return_exceptions=True))[1] == b"1"
    pipeline.close()


async def test_a_password_of_redis_is_used(redis_binary: str) -> None:
    port = free_port()
    with running(redis_binary, port, "--requirepass", "opensesame"):
        known = Pipeline(f"redis://:opensesame@127.0.0.1:{port}/2", TIMEOUT_SECONDS)
        assert await known.ask("GET", "nothing") is None
        known.close()
        for url in (f"redis://127.0.0.1:{port}/0", f"redis://:wrong@127.0.0.1:{port}/0"):
            with pytest.raises(ResponseError):
                await Pipeline(url, TIMEOUT_SECONDS).ask("GET", "nothing")


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
def test_these_are_urls_of_a_redis(settings: dict[str, Any], url: str) -> None:
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
    ],
)
def test_these_are_not(settings: dict[str, Any], url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL: must be a URL like"):
        Settings.load(**{**settings, "redis_url": url})


def test_production_wants_one_of_its_own(settings: dict[str, Any]) -> None:
    url = "redis://localhost:6379/0"
    Settings.load(**{**settings, "redis_url": url})
    with pytest.raises(SettingsError, match="REDIS_URL: must be set in production"):
        Settings.load(**{**settings, **PRODUCTION, "redis_url": url})


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that vouches for itself; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    (folder / "certificate.pem").write_bytes(made.public_bytes(encoding))
    secret = key.private_bytes(encoding, form, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "certificate.pem", folder / "key.pem"


async def test_an_encrypted_connection_is_for_a_server_that_somebody_vouches_for(
    start: Start, redis_binary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, secret = certificate(tmp_path)
    port = free_port()
    files = ("--tls-cert-file", str(public), "--tls-key-file", str(secret))
    options = ("--tls-port", str(port), "--tls-auth-clients", "no", *files)
    url = f"rediss://localhost:{port}/0"
    with running(redis_binary, free_port(), *options):
        stranger = Client(await start(redis_url=url))
        assert (await stranger.get("/health/ready")).status_code == 503
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        client = Client(await start(redis_url=url))
        assert (await client.get("/health/ready")).status_code == 200
        await client.signed_in()
        assert await client.is_signed_in()
