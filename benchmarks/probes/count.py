"""Under callgrind, in process: send an ASGI app and the bare route the same requests.

Argument: a JSON object. name: of the app, as module:attribute. sign_in: POST requests, each a path,
a content type and a body. readings: each a path, and whether the cookie's signature is wrong.
requests: how often each is sent, between a getpgrp and a getppid, which callgrind watches for.
"""

import asyncio
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from uvicorn import Config
from uvicorn.lifespan.on import LifespanOn

BARE = Path(__file__).parent.parent / "peers" / "bare.py"
# Enough to fill caches, and for the interpreter to specialise the code.
BEFORE = 20

Headers = list[tuple[bytes, bytes]]

HEADERS: Headers = [
    (b"host", b"localhost"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
    (b"x-forwarded-proto", b"https"),
]


async def ask(
    app: Any, state: dict[str, Any], method: str, path: str, headers: Headers, body: bytes = b""
) -> tuple[int, Headers, bytes]:
    """Send one request; return the status, the headers and the body of the answer."""
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        if not incoming:
            # The client stays until it is answered.
            await asyncio.Event().wait()
        return incoming.pop()

    async def send(message: dict[str, Any]) -> None:
        answer.update(message, body=answer["body"] + message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*HEADERS, *headers],
        "client": ("203.0.113.7", 0),
        "server": ("127.0.0.1", 8000),
        "state": state.copy(),
    }
    await app(scope, receive, send)
    return answer["status"], answer["headers"], answer["body"]


async def count(
    app: Any, state: dict[str, Any], path: str, cookie: bytes, status: int, requests: int
) -> None:
    """Send so many requests, and have callgrind count them."""

    async def repeat(times: int) -> None:
        for _ in range(times):
            answer = await ask(app, state, "GET", path, [(b"cookie", cookie)])
            assert answer[0] == status, answer

    await repeat(BEFORE)
    # The collector starts from the same state each time.
    gc.collect()
    os.getpgrp()
    await repeat(requests)
    os.getppid()


async def main(
    app: Any,
    sign_in: Sequence[tuple[str, str, str]],
    readings: Sequence[tuple[str, bool]],
    requests: int,
) -> None:
    lifespan = LifespanOn(Config(app, ws="none"))
    await lifespan.startup()
    assert not lifespan.should_exit, "the app did not start"
    state, cookies = lifespan.state, b""
    for path, kind, body in sign_in:
        headers = [(b"content-type", kind.encode())]
        answer = await ask(app, state, "POST", path, headers, body.encode())
        assert answer[0] < 300, answer
        given = [value for name, value in answer[1] if name.lower() == b"set-cookie"]
        cookies = b"; ".join(cookie.partition(b";")[0] for cookie in given)
    forged = cookies[:-8] + cookies[-8:].swapcase()

    bare = []
    for path, _ in readings:
        _, _, body = await ask(app, state, "GET", path, [(b"cookie", cookies)])
        os.environ.update(ROUTE=path, BODY=body.decode())
        bare.append(runpy.run_path(str(BARE))["app"])

    command = ("callgrind_control", "--instr=on", str(os.getpid()))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for (path, is_forged), beside in zip(readings, bare, strict=True):
        if is_forged:
            await count(app, state, path, forged, 401, requests)
        else:
            await count(app, state, path, cookies, 200, requests)
        await count(beside, {}, path, cookies, 200, requests)
    await lifespan.shutdown()


asked = json.loads(sys.argv[1])
module, _, attribute = asked.pop("name").partition(":")
uvloop.run(main(getattr(importlib.import_module(module), attribute), **asked))
