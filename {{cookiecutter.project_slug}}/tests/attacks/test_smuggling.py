"""An attacker sends what a proxy and a server may read differently, to real servers."""

from pathlib import Path
from typing import Any

import pytest

from tests.attacks.remote import Address, Remote
from tests.attacks.stories import story
from tests.test_logs import Served

CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
MANY = 16_384

LENGTH, CHUNKED = b"Content-Length: 0", b"Transfer-Encoding: chunked"


@story("request smuggling", promise=51)
async def send_bodies_of_two_lengths(target: Remote) -> None:
    """Send 64 MB in chunks, and announce them as nothing at all beside, in either order."""
    for lengths in ((CHUNKED,), (LENGTH, CHUNKED), (CHUNKED, LENGTH)):
        head = (b"POST /api/login HTTP/1.1", b"Content-Type: application/json", *lengths)
        response = await target.send(head, (*[CHUNK] * MANY, b"0\r\n\r\n"))
        if response is None:
            target.hold(len(lengths) == 2, "the connection was closed")
        else:
            target.expect(response, 413, *(400,) * (len(lengths) - 1))


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_body_is_refused_however_its_length_is_announced(
    settings: dict[str, Any], tmp_path: Path, http: str
) -> None:
    with Served(tmp_path / "copy", settings, "--http", http) as server:
        port = int(server.url.rpartition(":")[2])
        address = Address("localhost", port, "127.0.0.1", "127.0.0.1", server.url)
        await send_bodies_of_two_lengths(Remote(address, "", lambda _: None))
        assert server.get("/health/live")
