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
# What buffers on the way may hold.
MAX_TAKEN_BYTES = 16_000_000

LENGTH, CHUNKED = "Content-Length: 0", "Transfer-Encoding: chunked"


async def send(url: str, lengths: tuple[str, ...]) -> tuple[bytes, int]:
    """Send a body of 64 MB; return the response and how much of it was taken."""
    head = ["POST /api/login HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    taken = 0
    with suppress(ConnectionError):
        writer.write("\r\n".join([*head, *lengths, "", ""]).encode())
        for _ in range(MANY):
            writer.write(CHUNK)
            await writer.drain()
            taken += len(CHUNK)
    response = b""
    with suppress(ConnectionError):
        response = await reader.read(65_536)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return response, taken


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_body_is_refused_however_its_length_is_announced(
    settings: dict[str, Any], tmp_path: Path, http: str
) -> None:
    with Served(tmp_path / "copy", settings, "--http", http) as server:
        for lengths in ((CHUNKED,), (LENGTH, CHUNKED), (CHUNKED, LENGTH)):
            response, taken = await send(server.url, lengths)
            # The response is lost when the server resets the connection first.
            assert response[9:12] in (b"400", b"413", b""), lengths
            assert taken < MAX_TAKEN_BYTES, lengths
        assert server.get("/health/live")
