"""Under callgrind, in process: warm an ASGI app up, then ask it N and 2N times, a dump after each.

Arguments: module:app, a path, N. BODIES is set for the bare app alone, which needs no sign-in.
"""

import importlib
import json
import os
import subprocess
import sys
from typing import Any

import uvloop

ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}
HEADERS = [
    (b"host", b"localhost"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
    (b"x-forwarded-proto", b"https"),
]


async def ask(
    app: Any, method: str, path: str, *headers: tuple[bytes, bytes], body: bytes = b""
) -> dict[str, Any]:
    """Send one request; return how the answer starts."""
    started: dict[str, Any] = {}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.update(message)

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
        "state": {},
    }
    await app(scope, receive, send)
    return started


async def sign_in(app: Any) -> tuple[bytes, bytes]:
    """Register and sign in; return the header of somebody who is."""
    body, kind = json.dumps(ACCOUNT).encode(), (b"content-type", b"application/json")
    await ask(app, "POST", "/api/register", kind, body=body)
    answer = await ask(app, "POST", "/api/login", kind, body=body)
    [cookie] = [value for name, value in answer["headers"] if name == b"set-cookie"]
    return b"cookie", cookie.partition(b";")[0]


def control(*options: str) -> None:
    """Tell the callgrind that this process runs under."""
    command = ["callgrind_control", *options, str(os.getpid())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


async def main(name: str, path: str, number: int) -> None:
    module, _, attribute = name.partition(":")
    app = getattr(importlib.import_module(module), attribute)
    headers = [] if "BODIES" in os.environ else [await sign_in(app)]

    async def repeat(times: int) -> None:
        for _ in range(times):
            answer = await ask(app, "GET", path, *headers)
            assert answer["status"] == 200, answer

    await repeat(number)
    control("-i", "on")
    for times in (number, 2 * number):
        await repeat(times)
        control("-d")


uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
