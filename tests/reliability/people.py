"""People who use the app all at once; each knows what the answer has to be, and counts what is not.

All share their connections, so that one person's requests go to every worker, and over connections
on which somebody else has just been served.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Any

import httpx2

from tests.reliability.hosts import PASSWORD, visitor
from tests.test_server import COOKIE
from tests.waiting import PATIENCE_SECONDS, POLL_SECONDS

VALUES = ("colour", "size", "shape")

# What people do, by how often.
MIXED = {"me": 40, "session": 30, "write": 20, "sign_out": 3}
READING = {"me": 1, "session": 1, "read": 1}


@dataclass
class Tally:
    """What came of all requests."""

    done: Counter[str] = field(default_factory=Counter)
    """Answers that were right, by what was asked for."""
    unavailable: list[float] = field(default_factory=list)
    """When there was a 503, which is right only while a store is out of reach."""
    broken: int = 0
    """Connections that ended before the answer, which is right only when their server does."""
    wrong: list[str] = field(default_factory=list)
    under_way: Counter[str] = field(default_factory=Counter)
    """Requests that are not answered yet, by the URL of their host."""

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(self.done.values()) + len(self.unavailable) + self.broken + len(self.wrong)

    def __str__(self) -> str:
        return f"{self.requests:,} requests, {self.done['sign_in']:,} sign-ins"


@dataclass(frozen=True)
class _Session:
    """What somebody knows of their session. lives_until: not earlier, and not later."""

    cookie: str
    asked_at: float
    answered_at: float

    def lives_until(self, lifetime: float) -> tuple[float, float]:
        return self.asked_at + lifetime, self.answered_at + lifetime


class Unanswered(Exception):
    """No answer, or 503: what was asked for may have been done or not."""


class Person:
    """Somebody with an account.

    urls: of the hosts, one of which is asked at a time. lifetime: of a session, in seconds. skew:
    by how many seconds the clocks of the hosts are wrong at most.
    """

    def __init__(
        self,
        number: int,
        urls: Sequence[str],
        transport: httpx2.AsyncBaseTransport,
        tally: Tally,
        *,
        lifetime: float,
        skew: float = 0,
    ) -> None:
        self.name = f"person{number}"
        self.tally = tally
        self.habits = MIXED
        self._urls = urls
        self._transport = transport
        self._lifetime = lifetime
        self._skew = skew
        self._headers = visitor(number)
        self._random = random.Random(number)
        self._writes = 0
        self._session: _Session | None = None
        self._id = ""
        self._leaving = False
        # What each value may be: more than one after a write that was not answered.
        self._values: dict[str, set[str | None]] = {}

    @property
    def signed_in_at(self) -> float | None:
        """When the session began, or None."""
        return self._session.asked_at if self._session else None

    async def live(self, until: Callable[[], bool], pause: float) -> None:
        """Do one thing after the other. pause: seconds between them, on average."""
        while not until():
            await asyncio.sleep(self._random.uniform(0, 2 * pause))
            try:
                await self.act()
            except Unanswered:
                continue

    def leave(self) -> None:
        """Sign out next, if there is a session."""
        self._leaving = self._session is not None

    async def settle(self) -> None:
        """Be signed in, with nothing half done."""
        while self._session is None or self._leaving:
            with suppress(Unanswered):
                await self.act()

    async def act(self) -> None:
        """Do one thing."""
        if self._session is None:
            await self.sign_in()
        elif self._leaving:
            await self.sign_out()
        else:
            [deed] = self._random.choices(list(self.habits), list(self.habits.values()))
            await getattr(self, deed)()

    async def sign_in(self) -> None:
        """Begin a session, in which nothing is kept."""
        asked_at = time.time()
        credentials = {"username": self.name, "password": PASSWORD}
        status, body = await self._send("POST", "/api/login", credentials)
        if self._is_right("sign_in", status == 200 and self._is_me(body), status, body):
            assert self._session
            self._session = _Session(self._session.cookie, asked_at, time.time())
            self._id, self._leaving = "", False
            self._values = {name: {None} for name in VALUES}

    async def sign_out(self) -> None:
        """End it; when there is no answer, once more, until there is one."""
        self._leaving = True
        status, body = await self._send("POST", "/api/logout")
        if self._is_right("sign_out", status == 204, status, body):
            ended, self._session = self._session, None
            assert ended
            # A copy of the cookie.
            status, body = await self._send("GET", "/api/me", cookie=ended.cookie)
            self._is_right("replay", status == 401, status, body)

    async def me(self) -> None:
        """Ask who I am."""
        asked_at = time.time()
        status, body = await self._send("GET", "/api/me")
        if self._is_live(asked_at, status):
            self._is_right("me", status == 200 and self._is_me(body), status, body)

    async def session(self) -> None:
        """Ask which session this is: it is always the same one, and begun when I signed in."""
        asked_at = time.time()
        status, body = await self._send("GET", "/api/session")
        if not self._is_live(asked_at, status):
            return
        right = status == 200
        if right and self._session:
            self._id = self._id or body["id"]
            created_at = datetime.fromisoformat(body["created_at"]).timestamp()
            # It is told in microseconds.
            early = self._session.asked_at - created_at
            late = created_at - self._session.answered_at
            right = body["id"] == self._id and max(early, late) <= self._skew + 1e-6
        self._is_right("session", right, status, body)

    async def write(self) -> None:
        """Keep a value, and read all of them back."""
        self._writes += 1
        asked_at = time.time()
        name = self._random.choice(VALUES)
        value = f"{self.name} {self._writes}"
        before = self._values[name]
        self._values[name] = {value, *before}
        status, body = await self._send("PUT", f"/api/session/data/{name}", value)
        if not self._is_live(asked_at, status):
            return
        if self._is_right("write", status == 204, status, body):
            self._values[name] = {value}
            await self.read()

    async def read(self) -> None:
        """Read what was kept."""
        asked_at = time.time()
        status, body = await self._send("GET", "/api/session/data")
        if self._is_live(asked_at, status):
            # It may have ended between being looked up and its values.
            if status == 200 and not body and self._may_have_ended():
                return
            right = (
                status == 200
                and body.keys() <= self._values.keys()
                and all(body.get(name) in known for name, known in self._values.items())
            )
            if self._is_right("read", right, status, body):
                self._values = {name: {body.get(name)} for name in VALUES}

    def _is_me(self, body: Any) -> bool:
        return bool(body["username"] == self.name)

    def _may_have_ended(self) -> bool:
        assert self._session
        earliest, _ = self._session.lives_until(self._lifetime)
        return time.time() >= earliest - self._skew

    def _is_live(self, asked_at: float, status: int) -> bool:
        """Whether the session has not ended yet; that it ends in time is looked at as well."""
        assert self._session
        _, latest = self._session.lives_until(self._lifetime)
        if status == 401 and self._may_have_ended():
            self.tally.done["ended"] += 1
            self._session = None
            return False
        if status != 401 and asked_at > latest + self._skew:
            self._note_wrong(f"{status} {asked_at - latest:.3f} s after its end")
            self._session = None
            return False
        return True

    def _is_right(self, what: str, right: bool, status: int, body: Any) -> bool:
        if right:
            self.tally.done[what] += 1
        else:
            self._note_wrong(f"{what}: {status} {body}")
            # One mistake is not to be counted as many.
            self._session = None
        return right

    def _note_wrong(self, what: str) -> None:
        self.tally.wrong.append(f"{time.time():.1f} {self.name} {what}")

    async def _send(
        self, method: str, path: str, body: Any = None, *, cookie: str | None = None
    ) -> tuple[int, Any]:
        """Send one request to one of the hosts; status and body. Raises Unanswered."""
        if cookie is None and self._session and path != "/api/login":
            cookie = self._session.cookie
        headers = {**self._headers, **({"cookie": f"{COOKIE}={cookie}"} if cookie else {})}
        url = self._random.choice(self._urls)
        request = httpx2.Request(
            method,
            url + path,
            headers=headers,
            json=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write"), PATIENCE_SECONDS)},
        )
        self.tally.under_way[url] += 1
        try:
            response = await self._transport.handle_async_request(request)
            text = await response.aread()
        except httpx2.TransportError as error:
            if isinstance(error, httpx2.TimeoutException):
                self._note_wrong(f"no answer to {path}: {error!r}")
            else:
                self.tally.broken += 1
            raise Unanswered from error
        finally:
            self.tally.under_way[url] -= 1
        if response.status_code == 503:
            self.tally.unavailable.append(time.monotonic())
            raise Unanswered
        self._keep_cookie(response)
        return response.status_code, json.loads(text) if text else None

    def _keep_cookie(self, response: httpx2.Response) -> None:
        morsel = SimpleCookie(response.headers.get("set-cookie", "")).get(COOKIE)
        if morsel and morsel.value:
            known = self._session or _Session("", 0, 0)
            self._session = _Session(morsel.value, known.asked_at, known.answered_at)


@asynccontextmanager
async def connections() -> AsyncIterator[httpx2.AsyncHTTPTransport]:
    """Open connections as they are needed, and share them."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncHTTPTransport(verify=False, limits=limits) as transport:
        yield transport


@asynccontextmanager
async def in_use(people: Sequence[Person], pause: float) -> AsyncIterator[None]:
    """Let people use the app for as long as the block lasts."""
    is_over = asyncio.Event()
    async with asyncio.TaskGroup() as crowd:
        for person in people:
            crowd.create_task(person.live(is_over.is_set, pause))
        try:
            yield
        finally:
            is_over.set()


async def until(is_so: Callable[[], bool]) -> None:
    """Return once something is so. Fails when it is late."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():
            await asyncio.sleep(POLL_SECONDS)
