"""An attacker sends what a proxy and a server may read differently, to real servers."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.test_logs import Served

CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
MANY = 16_384

LENGTH, CHUNKED = "Content-Length: 0", "Transfer-Encoding: chunked"


async def send(url: str, lengths: tuple[str, ...]) -> bytes:
    """Send a body of 64 MB; return the status line, or nothing when the connection was reset."""
    head = ["POST /api/login HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write("\r\n".join([*head, *lengths, "", ""]).encode())
    response = asyncio.ensure_future(reader.readuntil(b"\r\n"))
    with suppress(ConnectionError):
        for _ in range(MANY):
            writer.write(CHUNK)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    status = b""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        status = await response
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return status


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_body_is_refused_however_its_length_is_announced(
    settings: dict[str, Any], tmp_path: Path, http: str
) -> None:
    with Served(tmp_path / "copy", settings, "--http", http) as server:
        assert (await send(server.url, (CHUNKED,)))[9:12] == b"413"
        for lengths in ((LENGTH, CHUNKED), (CHUNKED, LENGTH)):
            assert (await send(server.url, lengths))[9:12] in (b"400", b"413", b""), lengths
        assert server.get("/health/live")
