"""In a project: every order of two requests' steps at the stores, and what came of each.

Arguments: the backend, and how often the turn may go from a request that could still go on to the
other. Prints a line of JSON for each pair of requests: how many orders there were, and what was
wrong.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import httpx2
from app.config import Settings
from app.database import Database
from app.fast_lookup import FastLookup
from app.main import create_app
from app.services import Services
from app.sessions.store import SessionStore
from app.users import passwords
from app.users.rate_limit import RateLimiter

PASSWORD, CHANGED = "correct horse battery staple", "an entirely new sentence"
COOKIE = "__Host-Http-my-fastapi-app-session"
BACKEND, MAX_SWITCHES = sys.argv[1], int(sys.argv[2])
OVER_HTTP = (200, 201, 204, 401, 403, 409, 429)

passwords._CONTEXT = passwords._CONTEXT.copy(argon2__memory_cost=64, argon2__time_cost=1)


class Turns:
    """Lets one of two requests take a step at a time, in an order that is decided on the way.

    choices: which of the two at each point where both could go on; after these, the same one.
    """

    def __init__(self, choices: tuple[int, ...], max_switches: int) -> None:
        self._choices = choices
        self._max_switches = max_switches
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._moved = asyncio.Event()
        self.made: list[int] = []
        self.others: list[tuple[int, ...]] = []

    async def step(self, who: int) -> None:
        """Wait for the turn of a request."""
        self._waiting[who] = asyncio.get_running_loop().create_future()
        self._moved.set()
        await self._waiting[who]

    async def play(self, requests: list[Callable[[], Awaitable[Any]]]) -> list[Any]:
        """Send both; their answers."""
        tasks = [asyncio.ensure_future(self._follow(*each)) for each in enumerate(requests)]
        last, switches = None, 0
        while not all(task.done() for task in tasks):
            while len(self._waiting) + sum(task.done() for task in tasks) < len(tasks):
                self._moved.clear()
                await self._moved.wait()
                await asyncio.sleep(0)
            if not self._waiting:
                break
            who = self._choose(last, switches)
            switches += last is not None and who != last and last in self._waiting
            last = who
            self._waiting.pop(who).set_result(None)
        return list(await asyncio.gather(*tasks))

    def _choose(self, last: int | None, switches: int) -> int:
        able = sorted(self._waiting)
        if len(able) == 1:
            return able[0]
        at = len(self.made)
        who = self._choices[at] if at < len(self._choices) else (last if last is not None else 0)
        if at >= len(self._choices) and (last is None or switches < self._max_switches):
            self.others.append((*self.made, 1 - who))
        self.made.append(who)
        return who

    async def _follow(self, who: int, request: Callable[[], Awaitable[Any]]) -> Any:
        PLAYER.set((self, who))
        try:
            return await request()
        finally:
            self._moved.set()


PLAYER: ContextVar[tuple[Turns, int] | None] = ContextVar("player", default=None)


@contextmanager
def unobserved() -> Iterator[None]:
    """Let what is done in the block be a part of the step at hand."""
    token = PLAYER.set(None)
    try:
        yield
    finally:
        PLAYER.reset(token)


def in_steps(owner: Any, *names: str) -> None:
    """Let each call of these methods wait for its turn, and be one step."""
    for name in names:
        original = getattr(owner, name)

        async def step(*values: Any, _original: Any = original, **named: Any) -> Any:
            if player := PLAYER.get():
                await player[0].step(player[1])
            with unobserved():
                return await _original(*values, **named)

        setattr(owner, name, step)


def in_one(owner: Any, *names: str) -> None:
    """Let each call of these methods be a part of the step before."""
    for name in names:
        original = getattr(owner, name)

        async def part(*values: Any, _original: Any = original, **named: Any) -> Any:
            with unobserved():
                return await _original(*values, **named)

        setattr(owner, name, part)


def take_apart() -> None:
    """Find the steps: statements, commands of Redis, what memory does at once."""
    in_steps(Database, "_run")
    in_steps(FastLookup, "fetch_one")
    # It has a test of its own, and many statements.
    in_one(RateLimiter, "acquire", "fail", "succeed")
    in_one(SessionStore, "delete_expired")
    if BACKEND == "redis":
        from app.redis import Redis

        async def run_all(redis: Redis, commands: Sequence[Sequence[Any]]) -> list[Any]:
            # Those for other nodes of a cluster are not done at the same moment.
            return [await redis.run(*command) for command in commands]

        Redis.run_all = run_all
        in_steps(Redis, "run")
    if BACKEND == "memory":
        methods = "add get list_for_user touch replace delete delete_others delete_before values"
        in_steps(SessionStore, *methods.split(), "set_value", "delete_value")


class Clock:
    """Unix time in seconds, turned by hand."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Person:
    """Somebody with two devices that are signed in."""

    def __init__(self, app: Any, name: str) -> None:
        self.app = app
        self.name = name
        # From one address, the second who signs in would wait until the first is done.
        self.clients = [
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(
                    app, raise_app_exceptions=False, client=(f"192.0.2.{number}", 1234)
                ),
                base_url="https://localhost",
            )
            for number in range(2)
        ]
        self.here = self.there = ""
        self.password = PASSWORD

    async def send(self, method: str, path: str, token: str, body: Any = None) -> httpx2.Response:
        headers = {"cookie": f"{COOKIE}={token}"} if token else {}
        player = PLAYER.get()
        client = self.clients[player[1] if player else 0]
        client.cookies.clear()
        return await client.request(method, path, headers=headers, json=body)

    async def close(self) -> None:
        """Close the connections."""
        for client in self.clients:
            await client.aclose()

    async def login(self, old: str) -> httpx2.Response:
        body = {"username": self.name, "password": PASSWORD}
        return await self.send("POST", "/api/login", old, body)

    async def opens(self, token: str) -> bool:
        """Whether a token opens anything; fails when it opens somebody else's."""
        me = await self.send("GET", "/api/me", token)
        described = await self.send("GET", "/api/session", token)
        if me.status_code == 200 and me.json()["username"] != self.name:
            raise AssertionError("somebody else's session")
        return 200 in (me.status_code, described.status_code)


def token_of(answer: httpx2.Response) -> str | None:
    """Return the token that an answer hands out, if any."""
    found = [each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE)]
    if len(found) > 1:
        raise AssertionError(f"{len(found)} session cookies in one answer")
    value = found[0].partition("=")[2].partition(";")[0] if found else ""
    return value or None


async def end_all(person: Person, number: int) -> httpx2.Response:
    services: Services = person.app.state.services
    await services.users.end_sessions(person.name)
    return httpx2.Response(204)


# What each does from the first device, but "end others", which the second does to the first.
REQUESTS: dict[str, Callable[[Person, int], Awaitable[httpx2.Response]]] = {
    "read": lambda person, _: person.send("GET", "/api/me", person.here),
    "touch": lambda person, _: person.send("GET", "/api/session", person.here),
    "set": lambda person, number: person.send(
        "PUT", f"/api/session/data/n{number}", person.here, number
    ),
    "renew": lambda person, _: person.send(
        "POST", "/api/confirm", person.here, {"password": PASSWORD}
    ),
    "logout": lambda person, _: person.send("POST", "/api/logout", person.here),
    "end others": lambda person, _: person.send("DELETE", "/api/sessions", person.there),
    "end all": end_all,
    "password": lambda person, number: person.send(
        "POST",
        "/api/password",
        person.here,
        {"current_password": PASSWORD, "new_password": f"{CHANGED} {number}"},
    ),
    "login": lambda person, _: person.login(person.here),
}


async def faults_of(
    person: Person, names: tuple[str, str], answers: list[httpx2.Response]
) -> list[str]:
    """Say what is wrong after two requests."""
    faults, done = [], set()
    given: dict[str, list[str]] = {}
    for name, answer in zip(names, answers, strict=True):
        if answer.status_code not in OVER_HTTP:
            faults.append(f"{name} was answered {answer.status_code}")
        if answer.status_code < 300:
            done.add(name)
        if token := token_of(answer):
            given.setdefault(name, []).append(token)

    dead = set()
    if done & {"logout", "login", "end others", "end all"}:
        dead.add(person.here)
    if BACKEND != "signed-cookie" and done & {"renew", "password"}:
        dead.add(person.here)
    if done & {"end all", "password"}:
        dead.add(person.there)
    if "end all" in done:
        dead |= {token for name in given if name != "login" for token in given[name]}
    if "end others" in done:
        dead |= {token for name in ("renew", "touch", "set") for token in given.get(name, [])}
    if "password" in done:
        dead |= {token for name in ("touch", "set", "renew") for token in given.get(name, [])}
    for token in dead:
        if await person.opens(token):
            whose = next((name for name in given if token in given[name]), "before")
            faults.append(f"a token of {whose} opens something after {sorted(done)}")

    known = {person.here, *(token for tokens in given.values() for token in tokens)}
    alive = [token for token in known - dead if await person.opens(token)]
    if not {*names} & {"logout", "end others", "end all", "password"} and not alive:
        faults.append(f"nobody is signed in after {sorted(done)}")
    if BACKEND != "signed-cookie" and "login" not in done and alive:
        kept = (await person.send("GET", "/api/session/data", alive[0])).json()
        for number, (name, answer) in enumerate(zip(names, answers, strict=True)):
            if name == "set" and answer.status_code == 204 and kept.get(f"n{number}") != number:
                faults.append(f"a value is lost after {sorted(done)}")
    return faults


class Pairs:
    """Plays pairs of requests in all their orders."""

    def __init__(self, app: Any, clock: Clock, max_switches: int) -> None:
        self._app = app
        self._clock = clock
        self._max_switches = max_switches
        self._people = 0

    async def play(self, names: tuple[str, str]) -> dict[str, Any]:
        """Play one pair; what to tell of it."""

        async def send(turns: Turns) -> list[str]:
            person = await self._person()
            if "touch" in names:
                self._clock.now += 61
            requests = [
                partial(REQUESTS[name], person, number) for number, name in enumerate(names)
            ]
            answers = await turns.play(requests)
            faults = await faults_of(person, names, answers)
            await person.close()
            return faults

        return await self._in_all_orders(" + ".join(names), send)

    async def register(self) -> dict[str, Any]:
        """Play two who ask for one name."""

        async def send(turns: Turns) -> list[str]:
            person = self._stranger()
            body = {"username": person.name, "password": PASSWORD}
            asked = partial(person.send, "POST", "/api/register", "", body)
            statuses = sorted(answer.status_code for answer in await turns.play([asked, asked]))
            await person.close()
            return [] if statuses == [201, 409] else [f"they were answered {statuses}"]

        return await self._in_all_orders("register + register", send)

    async def _in_all_orders(
        self, pair: str, send: Callable[[Turns], Awaitable[list[str]]]
    ) -> dict[str, Any]:
        """Send two requests in each order; send: returns what was wrong."""
        orders, faults = 0, []
        to_try: list[tuple[int, ...]] = [()]
        while to_try:
            turns = Turns(to_try.pop(), self._max_switches)
            faults += [f"{turns.made}: {fault}" for fault in await send(turns)]
            to_try += turns.others
            orders += 1
        return {"pair": pair, "orders": orders, "faults": faults}

    def _stranger(self) -> Person:
        self._people += 1
        return Person(self._app, f"person{self._people}")

    async def _person(self) -> Person:
        person = self._stranger()
        await self._app.state.services.users.register(person.name, PASSWORD)
        for device in ("here", "there"):
            token = token_of(await person.login(""))
            assert token
            setattr(person, device, token)
        return person


async def main() -> None:
    """Play everything."""
    clock = Clock()
    app = create_app(Settings.load(), clock)
    take_apart()
    async with app.router.lifespan_context(app):
        pairs = Pairs(app, clock, MAX_SWITCHES)
        for names in combinations_with_replacement(REQUESTS, 2):
            print(json.dumps(await pairs.play(names)), flush=True)
        print(json.dumps(await pairs.register()), flush=True)


asyncio.run(main())
