"""An app that is served as its service says, and many requests at once to it, of all kinds."""

import asyncio
import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.workbench import ACCOUNT, HEADERS
from tests import deploying
from tests.deploying import changed, service, serving_by
from tests.project import Project
from tests.reliability.aside import run_aside
from tests.reliability.hosts import SETTINGS
from tests.test_server import COOKIE
from tests.waiting import PATIENCE_SECONDS

# What has no answer by then is taken for hanging.
HANGING_SECONDS = 20
HANGING = 0


@dataclass(frozen=True)
class Call:
    """A kind of request.

    token: whose, by a name of ``App.tokens``; none when it is empty. body: JSON text.
    """

    method: str
    path: str
    token: str = ""
    body: str = ""


ME = Call("GET", "/api/me", "kept")
SESSION = Call("GET", "/api/session", "kept")
PUT = Call("PUT", "/api/session/data/colour", "kept", '"red"')
LOGOUT = Call("POST", "/api/logout", "leaving")
LOGIN = Call("POST", "/api/login", body=json.dumps(ACCOUNT))
# Those who are not signed in any more, or never were.
ENDED = Call("GET", "/api/me", "ended")
FORGED = Call("GET", "/api/me", "forged")
NOBODY = Call("GET", "/api/me")
READY = Call("GET", "/health/ready")
LIVE = Call("GET", "/health/live")
PUBLIC = Call("GET", "/api/public", "kept")


@dataclass(frozen=True)
class Answer:
    """What came back. seconds: from when all were sent."""

    call: Call
    status: int
    seconds: float
    sets_cookie: bool


class App:
    """A running app, and the tokens of its visitors."""

    def __init__(self, served: deploying.App) -> None:
        self._served = served
        self.process = served.pid
        self.tokens: dict[str, str] = {}

    @property
    def output(self) -> str:
        """What it has said."""
        return self._served.server.output

    def begin(self) -> None:
        """Open the account, and sign in everybody who is signed in."""
        self._post("/api/register")
        for name in ("kept", "ended"):
            self.sign_in(name)
        self.send({Call("POST", "/api/logout", "ended"): 1})
        kept = self.tokens["kept"]
        self.tokens["forged"] = kept[:-8] + kept[-8:].swapcase()

    def sign_in(self, name: str) -> None:
        """Begin a session, whose token goes by that name."""
        self.tokens[name] = self._post("/api/login").cookies[COOKIE]

    def send(self, calls: Mapping[Call, int]) -> list[Answer]:
        """Send all of these calls at once, each so often; the answers."""
        return run_aside(self._send([each for each, n in calls.items() for _ in range(n)]))

    def status(self, call: Call) -> int:
        """Send one request; the status of its answer."""
        [answer] = self.send({call: 1})
        return answer.status

    def files(self) -> int:
        """Count the files and sockets that it has open."""
        return len(list(Path(f"/proc/{self.process}/fd").iterdir()))

    def _post(self, path: str) -> httpx2.Response:
        url = f"{self._served.url}{path}"
        answer = httpx2.post(url, json=ACCOUNT, headers=HEADERS, timeout=PATIENCE_SECONDS)
        return answer.raise_for_status()

    async def _send(self, calls: Sequence[Call]) -> list[Answer]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(
            base_url=self._served.url, headers=HEADERS, timeout=HANGING_SECONDS, limits=limits
        ) as client:
            return await asyncio.gather(*(self._ask(client, call) for call in calls))

    async def _ask(self, client: httpx2.AsyncClient, call: Call) -> Answer:
        headers = {"content-type": "application/json"} if call.body else {}
        if call.token:
            headers["cookie"] = f"{COOKIE}={self.tokens[call.token]}"
        began = time.monotonic()
        try:
            answer = await client.request(
                call.method, call.path, headers=headers, content=call.body
            )
        except httpx2.TimeoutException:
            return Answer(call, HANGING, time.monotonic() - began, sets_cookie=False)
        seconds = time.monotonic() - began
        return Answer(call, answer.status_code, seconds, "set-cookie" in answer.headers)


@contextmanager
def serving(project: Project, variables: Mapping[str, str], *wrapper: str) -> Iterator[App]:
    """Serve a migrated project with one worker for as long as the block lasts.

    wrapper: a command that is given the server's to run.
    """
    [command] = service(project)["ExecStart"]
    words = changed(shlex.split(command)[1:], {"--workers": "1"})
    told = {**SETTINGS, **variables}
    with serving_by(project, [*wrapper, ".venv/bin/uvicorn", *words], told) as served:
        yield App(served)
