"""What visitors see while a store fails in every way that it can, and afterwards.

Nobody gets in who should not, nobody is told that something was done when it was not, nothing
hangs, nothing is a 500, no connection is left open, and all is good again without a restart.
"""

import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.deploying import program
from tests.ledger import Ledger
from tests.project import Project
from tests.reliability import relay
from tests.reliability.calls import (
    ENDED,
    FORGED,
    LIVE,
    LOGIN,
    LOGOUT,
    ME,
    NOBODY,
    PUBLIC,
    PUT,
    READY,
    SESSION,
    Answer,
    App,
    Call,
    serving,
)
from tests.reliability.hosts import baked
from tests.reliability.relay import Relay
from tests.reliability.stores import PostgreSQLStore, RedisStore
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are held up as Linux does it"),
]

CHAPTER = "Faults"

# What the app promises: how long it waits for a store, and how soon it is good again.
TIMEOUT_SECONDS = 2
RECOVERY_SECONDS = 2
# What a busy machine may add to either.
SLACK_SECONDS = 2

# How many connections an app has open at most: app/redis.py, app/database.py.
MAX_CONNECTIONS = {"redis": 65, "database": 15, "signed-cookie": 15, "sqlite": 16}
# A connection to SQLite has two files open, and all of a process share a third one.
FILES_OF_SQLITE = 2 * MAX_CONNECTIONS["sqlite"] + 1

Statuses = Mapping[Call, int]

WELL: Statuses = {
    **dict.fromkeys((ME, SESSION, READY, LIVE, PUBLIC), 200),
    PUT: 204,
    **dict.fromkeys((ENDED, FORGED, NOBODY), 401),
}
OUT_OF_REACH: Statuses = {
    **dict.fromkeys((ME, SESSION, PUT, ENDED, READY, LOGIN, LOGOUT), 503),
    # Who brings no token of ours is told so without asking the store.
    **dict.fromkeys((FORGED, NOBODY), 401),
    **dict.fromkeys((LIVE, PUBLIC), 200),
}
# One that refuses writes, of those that keep a table.
READ_ONLY: Statuses = {**WELL, **dict.fromkeys((PUT, LOGIN, LOGOUT), 503)}


@dataclass(frozen=True)
class Scene:
    """A served app, its store, and the relay between them."""

    backend: str
    app: App
    relay: Relay
    store: RedisStore | PostgreSQLStore

    @property
    def postgresql(self) -> PostgreSQLStore:
        """The store, if it is this one."""
        assert isinstance(self.store, PostgreSQLStore)
        return self.store


Fault = Callable[[Scene], AbstractContextManager[None]]


@contextmanager
def crashed(scene: Scene) -> Iterator[None]:
    """Kill the store, and start it again in the end."""
    with scene.relay.refusing():
        scene.store.kill()
        yield
        scene.store.start()


def garbled(scene: Scene) -> AbstractContextManager[None]:
    """Let the store answer with every byte there is."""
    return scene.relay.passing(relay.replaced(bytes(range(256))))


def foreign(scene: Scene) -> AbstractContextManager[None]:
    """Let something else answer where the store should."""
    return scene.relay.passing(relay.replaced(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


FAULTS: Mapping[str, Fault] = {
    "refuses connections": lambda scene: scene.relay.refusing(),
    "is killed": crashed,
    "is frozen": lambda scene: scene.store.frozen(),
    "answers too late": lambda scene: scene.relay.passing(relay.late(TIMEOUT_SECONDS + 1)),
    "is cut off in the middle of an answer": lambda scene: scene.relay.passing(relay.cut),
    "answers garbage": garbled,
    "is another program": foreign,
}


@contextmanager
def staged(backend: str, project: Project) -> Iterator[Scene]:
    """Serve a project and its store for as long as the block lasts."""
    with ExitStack() as stack:
        folder = project.path / "store"
        folder.mkdir()
        store: RedisStore | PostgreSQLStore
        if backend == "redis":
            store = RedisStore(folder)
            name, url = "REDIS_URL", "redis://127.0.0.1:{}/0"
        else:
            store = PostgreSQLStore(project, folder)
            name, url = "DATABASE_URL", "postgresql+asyncpg://postgres@127.0.0.1:{}/postgres"
        store.start()
        stack.callback(store.kill)
        between = stack.enter_context(Relay(store.port).running())
        variables = {name: url.format(between.port)}
        project.run(".venv/bin/alembic", "upgrade", "head", variables=variables)
        app = stack.enter_context(serving(project, variables))
        app.begin()
        yield Scene(backend, app, between, store)


@pytest.fixture(scope="module")
def scenes(
    cookiecutter_config: Path, environment_of: Callable[[Project], Path]
) -> Iterator[Callable[[str], Scene]]:
    """Stage each backend once, in whatever order the tests come."""
    with ExitStack() as stack:

        @cache
        def scene_of(backend: str) -> Scene:
            database = "sqlite" if backend == "redis" else "postgresql"
            answers = {"session_backend": backend, "database": database}
            project = stack.enter_context(baked(cookiecutter_config, environment_of, **answers))
            return stack.enter_context(staged(backend, project))

        yield scene_of


@pytest.fixture(params=["redis", "database", "signed-cookie"])
def scene(request: pytest.FixtureRequest, scenes: Callable[[str], Scene]) -> Scene:
    return scenes(request.param)


@pytest.fixture
def times(soak: bool) -> int:
    """How many requests of each kind are sent at once."""
    return 16 if soak else 8


@pytest.fixture
def rounds(soak: bool) -> int:
    """How often a fault comes and goes."""
    return 4 if soak else 1


class Outage:
    """What is seen during faults, and after them.

    times: how many requests of each kind are sent at once. steps: how often an answer may wait.
    """

    def __init__(self, app: App, times: int, steps: int = 1) -> None:
        self._app = app
        self._times = times
        self._limit = steps * TIMEOUT_SECONDS + SLACK_SECONDS
        self._answers = 0
        self._wrong: list[str] = []
        self._slowest = self._latest = 0.0

    def strike(
        self, fault: AbstractContextManager[None], expected: Statuses, *, is_certain: bool = True
    ) -> None:
        """Let a fault come and go: while it lasts, visitors see what is expected.

        is_certain: whether what was refused was not done. It may have been when only the answer
        is missing.
        """
        with fault:
            self.look(expected)
        self.recover()
        me = Call("GET", "/api/me", "leaving")
        if is_certain:
            # Who was told that they could not be signed out still is signed in.
            self._compare(self._app.send({me: 1}), {me: 200 if expected[LOGOUT] == 503 else 401})
        for call, status in ((LOGOUT, 204), (me, 401)):
            self._compare(self._app.send({call: 1}), {call: status})

    def look(self, expected: Statuses) -> None:
        """Compare what many visitors see at once with what they should."""
        # A sign-in keeps a core busy for as long as a hundred others do.
        calls = {call: 1 if call == LOGIN else self._times for call in expected}
        answers = self._app.send(calls)
        self._compare(answers, expected)
        self._slowest = max(self._slowest, *(each.seconds for each in answers))

    def recover(self) -> None:
        """Wait until all is good again, and see that it stays."""
        seconds = wait_until(self._is_well, RECOVERY_SECONDS + SLACK_SECONDS)
        self._latest = max(self._latest, seconds)
        self._compare(self._app.send(dict.fromkeys(WELL, self._times)), WELL)

    def note(self, ledger: Ledger, what: str, backend: str) -> None:
        """Take down what was seen; fail when something was wrong."""
        figures = {"slowest answer {:.1f} s": self._slowest, "good again in {:.1f} s": self._latest}
        seen = ", ".join(text.format(seconds) for text, seconds in figures.items() if seconds)
        lost = len(self._wrong)
        ledger.note(CHAPTER, what, backend=backend, times=self._answers, lost=lost, seen=seen)
        said = [line for line in self._app.output.splitlines() if not line.startswith("INFO")]
        assert not self._wrong, "\n".join([*self._wrong, *said[-50:]])

    def _is_well(self) -> bool:
        return all(
            each.status == WELL[each.call] for each in self._app.send(dict.fromkeys(WELL, 1))
        )

    def _compare(self, answers: list[Answer], expected: Statuses) -> None:
        self._answers += len(answers)
        for answer in answers:
            said = f"{answer.call} was {answer.status}"
            if answer.status != expected[answer.call]:
                self._wrong.append(f"{said}, and not {expected[answer.call]}")
            if answer.status >= 400 and answer.sets_cookie:
                # One that is handed out or deleted says that it was done.
                self._wrong.append(f"{said}, with a cookie")
            if answer.seconds > self._limit:
                self._wrong.append(f"{said} after {answer.seconds:.1f} s")


# What differs with signed-cookie is what the database is asked, and not how.
STRIKES = [
    *((backend, what) for backend in ("redis", "database") for what in FAULTS),
    *(("signed-cookie", what) for what in ("is killed", "is frozen")),
]


@pytest.mark.parametrize(("scene", "what"), STRIKES, indirect=["scene"])
def test_a_store_that_fails_is_503_for_everybody_and_good_again_by_itself(
    scene: Scene, what: str, ledger: Ledger, times: int, rounds: int
) -> None:
    outage = Outage(scene.app, times)
    for _ in range(rounds):
        scene.app.sign_in("leaving")
        # A token is not looked up before it is ended, so that the one statement may arrive.
        is_certain = (scene.backend, what) != ("signed-cookie", "is frozen")
        outage.strike(FAULTS[what](scene), OUT_OF_REACH, is_certain=is_certain)
    most = MAX_CONNECTIONS[scene.backend]
    wait_until(lambda: scene.relay.connections <= most and scene.store.connections() <= most)
    outage.note(ledger, f"the store {what}", scene.backend)


def test_a_store_that_refuses_writes_is_read_and_nothing_is_taken_for_written(
    scene: Scene, ledger: Ledger, times: int, rounds: int
) -> None:
    not_ready = {**READ_ONLY, READY: 503}
    expected = {
        "database": not_ready,
        # What is kept with a session is in the token.
        "signed-cookie": {**not_ready, PUT: 204},
        # A full Redis still deletes.
        "redis": {**not_ready, LOGOUT: 204},
    }
    outage = Outage(scene.app, times)
    for _ in range(rounds):
        scene.app.sign_in("leaving")
        outage.strike(scene.store.full(), expected[scene.backend])
    outage.note(ledger, "the store refuses writes", scene.backend)


@pytest.mark.parametrize("scene", ["database", "signed-cookie"], indirect=True)
def test_a_server_without_a_free_connection_is_503_and_good_again_by_itself(
    scene: Scene, ledger: Ledger, times: int, rounds: int
) -> None:
    outage = Outage(scene.app, times)
    for _ in range(rounds):
        scene.app.sign_in("leaving")
        outage.strike(scene.postgresql.crowded(), OUT_OF_REACH)
    outage.note(ledger, "others have every connection", scene.backend)


def test_a_store_that_was_started_anew_is_found_by_itself(
    scene: Scene, ledger: Ledger, times: int, rounds: int
) -> None:
    outage = Outage(scene.app, times)
    for _ in range(rounds):
        with scene.relay.refusing():
            scene.store.stop()
            scene.store.start()
        outage.recover()
    outage.note(ledger, "the store is started anew", scene.backend)


def test_a_store_that_answers_late_but_in_time_is_waited_for(
    scene: Scene, ledger: Ledger, rounds: int
) -> None:
    outage = Outage(scene.app, times=2)
    for _ in range(rounds):
        with scene.relay.passing(relay.late(TIMEOUT_SECONDS / 8)):
            outage.recover()
    outage.note(ledger, "the store answers late, but in time", scene.backend)


@dataclass(frozen=True)
class File:
    """A served app whose database is a file."""

    backend: str
    project: Project
    app: App
    path: Path
    files: int
    """How many files the app has open while it does nothing."""

    @property
    def read_only(self) -> Statuses:
        """What is seen when it cannot be written."""
        return READ_ONLY if self.backend == "database" else {**READ_ONLY, PUT: 204}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let another process hold the lock that writing takes."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """Let no file of the app's take what is written."""
        process = self.app.process
        before = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)

    @contextmanager
    def write_protected(self) -> Iterator[None]:
        """Let nobody write the file, nor into its folder."""
        folder = self.path.parent
        files = list(folder.iterdir())
        for each in files:
            each.chmod(0o444)
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
            for each in files:
                each.chmod(0o644)


@pytest.fixture(scope="module", params=["database", "signed-cookie"])
def file(
    request: pytest.FixtureRequest,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Iterator[File]:
    backend: str = request.param
    with baked(cookiecutter_config, environment_of, session_backend=backend) as project:
        path = project.path / "data" / "app.db"
        path.parent.mkdir()
        variables = {"DATABASE_URL": f"sqlite+aiosqlite:///{path}"}
        project.run(".venv/bin/alembic", "upgrade", "head", variables=variables)
        with serving(project, variables) as app:
            files = app.files()
            app.begin()
            yield File(backend, project, app, path, files)


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("another process holds the lock of the file", File.locked),
        ("the disk is full", File.full),
    ],
)
def test_a_file_that_cannot_be_written_is_read_and_nothing_is_taken_for_written(
    file: File,
    what: str,
    fault: Callable[[File], AbstractContextManager[None]],
    ledger: Ledger,
    times: int,
    rounds: int,
) -> None:
    # For its turn to write, which takes twice as long, and then for the lock.
    outage = Outage(file.app, times, steps=3)
    for _ in range(rounds):
        file.app.sign_in("leaving")
        outage.strike(fault(file), file.read_only)
    wait_until(lambda: file.app.files() <= file.files + FILES_OF_SQLITE)
    outage.note(ledger, what, f"{file.backend}, sqlite")


def test_a_file_that_the_app_may_not_write_is_read_and_nothing_is_taken_for_written(
    file: File, ledger: Ledger, times: int
) -> None:
    # Root may write whatever it likes, unless it gives that up.
    wrapper = (program("setpriv", "util-linux"), "--bounding-set", "-dac_override")
    variables = {"DATABASE_URL": f"sqlite+aiosqlite:///{file.path}"}
    file.app.sign_in("leaving")
    with file.write_protected(), serving(file.project, variables, *wrapper) as app:
        app.tokens = file.app.tokens
        outage = Outage(app, times)
        outage.look({**file.read_only, READY: 503})
        outage.note(ledger, "the file may only be read", f"{file.backend}, sqlite")
    # Nobody was signed out.
    assert file.app.status(Call("GET", "/api/me", "leaving")) == 200
