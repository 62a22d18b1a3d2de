"""Sessions in Redis: what they cost, what the keys hold, and what happens without it."""

import asyncio
import hashlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from itsdangerous.encoding import base64_encode
from redis.asyncio import Redis

from app.services import Services
from app.settings import Settings, SettingsError
from app.unavailable import Unavailable
from tests.browser import COOKIE, PASSWORD, Browser
from tests.conftest import PRODUCTION, Clock, Start
from tests.redis import running, send
from tests.servers import free_port
from tests.sessions import Begin, is_live, resume


@pytest.fixture
def commands(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collect the turns that are taken from here on: the names of the commands of each."""
    turns: list[list[str]] = []
    run, run_all = services.redis.run, services.redis.run_all

    async def noting_run(*command: Any) -> Any:
        turns.append([str(command[0])])
        return await run(*command)

    async def noting_run_all(commands: Any) -> Any:
        turns.append([str(command[0]) for command in commands])
        return await run_all(commands)

    monkeypatch.setattr(services.redis, "run", noting_run)
    monkeypatch.setattr(services.redis, "run_all", noting_run_all)
    return turns


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    """Look at Redis from outside."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.mark.parametrize(("path", "cost"), [("/api/session", 0), ("/api/me", 1), ("/api/data", 1)])
async def test_an_authenticated_request_costs_one_command_and_one_statement_for_its_user(
    browser: Browser, commands: list[list[str]], statements: list[str], path: str, cost: int
) -> None:
    await browser.signed_in()
    commands.clear()
    statements.clear()
    assert (await browser.get(path)).status_code == 200
    assert commands == [["GET"]]
    assert [statement.split()[0] for statement in statements] == ["SELECT"] * cost


async def test_a_forged_ticket_costs_nothing(browser: Browser, commands: list[list[str]]) -> None:
    await browser.signed_in()
    commands.clear()
    for ticket in (f"{browser.ticket}x", "A" * 43 + "." + "A" * 43):
        assert not await browser.opens(ticket)
    assert commands == []


async def test_noting_the_use_costs_one_more(
    browser: Browser, commands: list[list[str]], clock: Clock
) -> None:
    await browser.signed_in()
    clock.turn(60)
    commands.clear()
    await browser.get("/api/session")
    assert commands == [["GET"], ["EVAL"]]


async def test_every_key_expires(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    for _ in range(2):
        lives = {key: await redis.ttl(key) for key in await redis.keys()}
        assert len(lives) == 3
        index = lives.pop(b"sessions:1")
        assert 43_000 < index <= 43_200
        assert all(3500 < life <= 3600 for life in lives.values())
        clock.turn(60)
        session = await resume(services, session)
    await begin(remember=True)
    assert 2_591_000 < await redis.ttl("sessions:1") <= 2_592_000
    await begin()
    assert 2_591_000 < await redis.ttl("sessions:1") <= 2_592_000


async def test_nothing_is_left_of_one_that_was_ended(
    services: Services, begin: Begin, redis: Any
) -> None:
    session, other = await begin(), await begin()
    for each in (session, other):
        await each.set("theme", "dark")
    await services.sessions.end_others(other)
    await services.sessions.end(other.ticket)
    assert await redis.keys() == []


async def test_nothing_is_left_of_one_whose_place_was_taken(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    assert await services.sessions.renew(session, 0)
    assert await redis.zrange("sessions:1", 0, -1) == [session.record.key]
    assert len(await redis.keys()) == 3
    assert all([await redis.ttl(key) > 3500 for key in await redis.keys()])


async def test_use_keeps_the_values_as_long_as_the_session(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    [values] = await redis.keys("*:values")
    await redis.expire(values, 100)
    clock.turn(60)
    await resume(services, session)
    assert await redis.ttl(values) > 3500


async def test_one_that_is_about_to_be_added_stays_in_the_index(
    services: Services, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await begin()
    run = services.redis.run

    async def end_others_before_it_is_there(*command: Any) -> Any:
        if command[0] == "SET":
            monkeypatch.undo()
            await services.sessions.end_others(session)
        return await run(*command)

    monkeypatch.setattr(services.redis, "run", end_others_before_it_is_there)
    late = await begin()
    assert await is_live(services, late)
    await services.sessions.end_others(session)
    assert not await is_live(services, late)


async def test_a_password_change_that_redis_cannot_follow_leaves_no_other_session(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    app = await start(redis_url=f"redis://127.0.0.1:{port}/0")
    browser, thief = Browser(app), Browser(app)
    with running(redis_binary, port):
        await browser.signed_in()
        await thief.sign_in()
        send(port, "CONFIG", "SET", "maxmemory", "1")
        assert (await browser.get("/health/ready")).status_code == 503
        body = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
        assert (await browser.post("/api/password", json=body)).status_code == 503
        send(port, "CONFIG", "SET", "maxmemory", "0")
        assert (await thief.get("/api/session")).status_code == 401
        assert (await browser.sign_in(password=PASSWORD + "!")).status_code == 200


async def test_the_index_cleans_itself(begin: Begin, redis: Any, clock: Clock) -> None:
    for _ in range(3):
        await begin()
    clock.turn(43_200)
    session = await begin()
    assert await redis.zrange("sessions:1", 0, -1) == [session.record.key]


async def test_a_session_that_redis_lost_is_in_no_list(
    services: Services, begin: Begin, redis: Any
) -> None:
    session, other = await begin(), await begin()
    await redis.delete("session:1:{" + base64_encode(session.record.key).decode() + "}")
    assert [each.key for each in await services.sessions.of_user(1)] == [other.record.key]
    assert not await is_live(services, session)


async def test_no_ticket_is_in_it_and_no_value_can_be_read(begin: Begin, redis: Any) -> None:
    session = await begin()
    await session.set("theme", "a readable text")
    random = session.ticket.split(".")[0]
    dump = b""
    for key in await redis.keys():
        dump += key + await redis.dump(key)
    assert hashlib.sha256(random.encode()).digest() == session.record.key
    for text in (random, session.ticket.split(".")[1], "readable"):
        assert text.encode() not in dump


@pytest.mark.parametrize("garbage", [b"", b"x", b"\xff" * 60, b"a" * 60, b"\x7f" * 60, b"\0" * 41])
async def test_garbage_opens_nothing(
    services: Services, begin: Begin, redis: Any, garbage: bytes
) -> None:
    session = await begin()
    [key] = await redis.keys("session:*")
    await redis.set(key, garbage)
    with pytest.raises(Unavailable):
        await services.sessions.resume(session.ticket)


async def test_a_key_of_another_kind_opens_nothing(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    [key] = await redis.keys("session:*")
    await redis.delete(key)
    await redis.lpush(key, "x")
    with pytest.raises(Unavailable):
        await services.sessions.resume(session.ticket)


async def test_without_redis_nothing_is_open_and_nothing_is_broken(
    start: Start, browser: Browser
) -> None:
    await browser.signed_in()
    cookie = f"{COOKIE}={browser.ticket}"
    cut_off = Browser(await start(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
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


async def test_it_recovers_by_itself_when_redis_is_back(start: Start, redis_binary: str) -> None:
    port = free_port()
    app = await start(redis_url=f"redis://127.0.0.1:{port}/0")
    browser = Browser(app)
    await browser.register()
    assert (await browser.get("/health/ready")).status_code == 503
    for _ in range(2):
        with running(redis_binary, port):
            assert (await browser.get("/health/ready")).status_code == 200
            assert (await browser.sign_in()).status_code == 200
            assert await browser.is_signed_in()
        assert (await browser.get("/api/me")).status_code == 503


def stop(server: subprocess.Popen[str]) -> None:
    """Let a server stop answering, and return once it has."""
    server.send_signal(signal.SIGSTOP)
    os.waitpid(server.pid, os.WUNTRACED)


async def test_one_that_has_stopped_answering_is_not_waited_for(
    start: Start, redis_binary: str
) -> None:
    port = free_port()
    browser = Browser(await start(redis_url=f"redis://127.0.0.1:{port}/0"))
    with running(redis_binary, port) as server:
        await browser.signed_in()
        stop(server)
        answers = await asyncio.gather(*(browser.get("/api/session") for _ in range(100)))
        assert {each.status_code for each in answers} == {503}
        assert (await browser.get("/api/public")).status_code == 200
        server.send_signal(signal.SIGCONT)
        assert await browser.is_signed_in()


async def test_a_flush_signs_everybody_out_and_breaks_nothing(
    browser: Browser, redis_port: int
) -> None:
    await browser.signed_in()
    send(redis_port, "FLUSHALL")
    assert not await browser.is_signed_in()
    assert (await browser.post("/api/logout")).status_code == 204
    assert (await browser.sign_in()).status_code == 200
    assert await browser.is_signed_in()


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
        stranger = Browser(await start(redis_url=url))
        assert (await stranger.get("/health/ready")).status_code == 503
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        browser = Browser(await start(redis_url=url))
        assert (await browser.get("/health/ready")).status_code == 200
        await browser.signed_in()
        assert await browser.is_signed_in()
