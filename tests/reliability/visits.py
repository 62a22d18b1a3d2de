"""An app that is served as its service says, and many requests at once to it, of all kinds."""

import asyncio
import json
import shlex
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.project import Project, Server, clean_environment

COOKIE = "__Host-Http-session"
ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}
SETTINGS = {
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "127.0.0.1",
    "ALLOW_REGISTRATION": "true",
    "FORWARDED_ALLOW_IPS": "127.0.0.1",
    # Not what is tried here, and a sign-in that an outage has cut short may count as a failed one.
    "LOGIN_MAX_FAILURES": "1000000",
}
# What a proxy of the same machine sends on.
FORWARDED = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}

# What has no answer by then is taken for hanging.
HANGING_SECONDS = 20
HANGING = 0


@dataclass(frozen=True)
class Visit:
    """A kind of request.

    ticket: whose, by a name of ``App.tickets``; none when it is empty. body: JSON text.
    """

    method: str
    path: str
    ticket: str = ""
    body: str = ""


ME = Visit("GET", "/api/me", "kept")
SESSION = Visit("GET", "/api/session", "kept")
PUT = Visit("PUT", "/api/session/data/colour", "kept", '"red"')
LOGOUT = Visit("POST", "/api/logout", "leaving")
LOGIN = Visit("POST", "/api/login", body=json.dumps(ACCOUNT))
# Those who are not signed in any more, or never were.
ENDED = Visit("GET", "/api/me", "ended")
FORGED = Visit("GET", "/api/me", "forged")
NOBODY = Visit("GET", "/api/me")
READY = Visit("GET", "/health/ready")
LIVE = Visit("GET", "/health/live")
PUBLIC = Visit("GET", "/api/public", "kept")


@dataclass(frozen=True)
class Answer:
    """What came back. seconds: from when all were sent."""

    visit: Visit
    status: int
    seconds: float
    sets_cookie: bool


class App:
    """A running app, and the tickets of its visitors."""

    def __init__(self, server: Server, process: int) -> None:
        self._server = server
        self._url = server.url.replace("localhost", "127.0.0.1")
        self.process = process
        self.tickets: dict[str, str] = {}

    @property
    def output(self) -> str:
        """What it has said."""
        return self._server.output

    def begin(self) -> None:
        """Open the account, and sign in everybody who is signed in."""
        self._post("/api/register")
        for name in ("kept", "ended"):
            self.sign_in(name)
        self.send([Visit("POST", "/api/logout", "ended")])
        kept = self.tickets["kept"]
        self.tickets["forged"] = kept[:-8] + kept[-8:].swapcase()

    def sign_in(self, name: str) -> None:
        """Begin a session, whose ticket goes by that name."""
        self.tickets[name] = self._post("/api/login").cookies[COOKIE]

    def send(self, visits: Iterable[Visit], times: int = 1) -> list[Answer]:
        """Send all of these visits at once, each so often; the answers."""
        return asyncio.run(self._send([visit for visit in visits for _ in range(times)]))

    def status(self, visit: Visit) -> int:
        """Send one request; the status of its answer."""
        [answer] = self.send([visit])
        return answer.status

    def files(self) -> int:
        """Count the files and sockets that it has open."""
        return len(list(Path(f"/proc/{self.process}/fd").iterdir()))

    def _post(self, path: str) -> httpx2.Response:
        url = f"{self._url}{path}"
        return httpx2.post(url, json=ACCOUNT, headers=FORWARDED).raise_for_status()

    async def _send(self, visits: Sequence[Visit]) -> list[Answer]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(
            base_url=self._url, headers=FORWARDED, timeout=HANGING_SECONDS, limits=limits
        ) as client:
            return await asyncio.gather(*(self._ask(client, visit) for visit in visits))

    async def _ask(self, client: httpx2.AsyncClient, visit: Visit) -> Answer:
        headers = {"content-type": "application/json"} if visit.body else {}
        if visit.ticket:
            headers["cookie"] = f"{COOKIE}={self.tickets[visit.ticket]}"
        began = time.monotonic()
        try:
            answer = await client.request(
                visit.method, visit.path, headers=headers, content=visit.body
            )
        except httpx2.TimeoutException:
            return Answer(visit, HANGING, time.monotonic() - began, sets_cookie=False)
        seconds = time.monotonic() - began
        return Answer(visit, answer.status_code, seconds, "set-cookie" in answer.headers)


@contextmanager
def serving(project: Project, variables: Mapping[str, str], *wrapper: str) -> Iterator[App]:
    """Serve a migrated project with one worker for as long as the block lasts.

    wrapper: a command that is given the server's to run.
    """
    lines = project.read("deploy/app.service").replace("\\\n", " ").splitlines()
    [command] = [line for line in lines if line.startswith("ExecStart=")]
    words = shlex.split(command)[1:]
    for option, value in (("--port", "0"), ("--workers", "1")):
        words[words.index(option) + 1] = value
    process = subprocess.Popen(
        [*wrapper, ".venv/bin/uvicorn", *words],
        cwd=project.path,
        env={**clean_environment(), **SETTINGS, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    server = Server(process, 1)
    try:
        server.wait_until_it_serves()
        yield App(server, process.pid)
    finally:
        server.end(signal.SIGTERM)
