"""What visitors see while a store fails in every way that it can, and afterwards.

Nobody gets in who should not, nobody is told that something was done when it was not, nothing
hangs, nothing is a 500, no connection is left open, and all is good again without a restart.
"""

import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import baking
from tests.ledger import Ledger
from tests.project import Project
from tests.reliability import relay
from tests.reliability.relay import Relay
from tests.reliability.stores import PostgreSQLStore, RedisStore, installed, wait_until
from tests.reliability.visits import (
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
    Visit,
    serving,
)

pytestmark = pytest.mark.slow

CHAPTER = "Faults"

# What the app promises: how long it waits for a store, and how soon it is good again.
TIMEOUT_SECONDS = 2
RECOVERY_SECONDS = 2
# What a busy machine may add to either.
SLACK_SECONDS = 2

# How many connections an app has open at most: app/redis.py, app/database.py.
MAX_CONNECTIONS = {"redis": 100, "database": 15, "signed-cookie": 15}

Statuses = Mapping[Visit, int]

WELL: Statuses = {
    **dict.fromkeys((ME, SESSION, READY, LIVE, PUBLIC), 200),
    PUT: 204,
    **dict.fromkeys((ENDED, FORGED, NOBODY), 401),
}
OUT_OF_REACH: Statuses = {
    **dict.fromkeys((ME, SESSION, PUT, ENDED, READY, LOGIN, LOGOUT), 503),
    # Who brings no ticket of ours is told so without asking the store.
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
def baked(
    config: Path, environment_of: Callable[[Project], Path], **answers: str
) -> Iterator[Project]:
    """Bake a project that several tests share."""
    with tempfile.TemporaryDirectory() as root:
        # PostgreSQL, which does not run as root, has to reach its data.
        Path(root).chmod(0o755)
        project = baking.bake(Path(root), config, answers)
        project.use(environment_of(project))
        yield project


@pytest.fixture(scope="module", params=["redis", "database", "signed-cookie"])
def scene(
    request: pytest.FixtureRequest,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Iterator[Scene]:
    backend: str = request.param
    database = "sqlite" if backend == "redis" else "postgresql"
    with ExitStack() as stack:
        answers = {"session_backend": backend, "database": database}
        project = stack.enter_context(baked(cookiecutter_config, environment_of, **answers))
        folder = project.path / "store"
        folder.mkdir()
        store: RedisStore | PostgreSQLStore
        if backend == "redis":
            store = RedisStore(installed("redis-server"), folder)
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


@pytest.fixture
def times(soak: bool) -> int:
    """How many requests of each kind are sent at once."""
    return 60 if soak else 8


@pytest.fixture
def rounds(soak: bool) -> int:
    """How often a fault comes and goes."""
    return 10 if soak else 1


class Outage:
    """What is seen during faults, and after them."""

    def __init__(self, app: App, times: int) -> None:
        self._app = app
        self._times = times
        self._answers = 0
        self._wrong: list[str] = []
        self._slowest = self._latest = 0.0

    def strike(self, fault: AbstractContextManager[None], expected: Statuses) -> None:
        """Let a fault come and go, and compare what visitors see with what they should."""
        self._app.sign_in("leaving")
        with fault:
            self.see(expected)
        self.recover()
        # Who was told that they could not be signed out is signed in, and can be signed out now.
        stays = expected[LOGOUT] == 503
        left = {Visit("GET", "/api/me", "leaving"): 200 if stays else 401}
        self._look_at(self._app.send(left), left)

    def see(self, expected: Statuses) -> None:
        """Compare what visitors see with what they should."""
        answers = self._app.send(expected, self._times)
        self._look_at(answers, expected)
        self._slowest = max(self._slowest, *(each.seconds for each in answers))

    def recover(self) -> None:
        """Wait until all is good again, and see that it stays."""
        began = time.monotonic()
        wait_until(self._is_well, RECOVERY_SECONDS + SLACK_SECONDS)
        self._latest = max(self._latest, time.monotonic() - began)
        self._look_at(self._app.send(WELL, self._times), WELL)

    def note(self, ledger: Ledger, what: str, backend: str) -> None:
        """Take down what was seen; fail when something was wrong."""
        seen = f"slowest answer {self._slowest:.1f} s, good again after {self._latest:.2f} s"
        lost = len(self._wrong)
        ledger.note(CHAPTER, what, backend=backend, times=self._answers, lost=lost, seen=seen)
        assert not self._wrong, "\n".join([*self._wrong, self._app.output[-5_000:]])
        assert self._slowest < TIMEOUT_SECONDS + SLACK_SECONDS

    def _is_well(self) -> bool:
        return all(each.status == WELL[each.visit] for each in self._app.send(WELL))

    def _look_at(self, answers: list[Answer], expected: Statuses) -> None:
        self._answers += len(answers)
        self._wrong += [
            f"{each.visit} was {each.status}, and not {expected[each.visit]}"
            for each in answers
            if each.status != expected[each.visit]
        ]
        # A cookie that is deleted, or handed out, says that it was done.
        self._wrong += [
            f"{each.visit} was {each.status}, with a cookie"
            for each in answers
            if each.status >= 400 and each.sets_cookie
        ]


@pytest.mark.parametrize("what", FAULTS)
def test_a_store_that_fails_is_503_for_everybody_and_good_again_by_itself(
    scene: Scene, what: str, ledger: Ledger, times: int, rounds: int
) -> None:
    outage = Outage(scene.app, times)
    for _ in range(rounds):
        outage.strike(FAULTS[what](scene), OUT_OF_REACH)
    most = MAX_CONNECTIONS[scene.backend]
    wait_until(lambda: scene.relay.connections <= most and scene.store.connections() <= most)
    outage.note(ledger, f"the store {what}", scene.backend)


def test_a_store_that_refuses_writes_is_read_and_nothing_is_taken_for_written(
    scene: Scene, ledger: Ledger, times: int, rounds: int
) -> None:
    expected = {
        "database": READ_ONLY,
        # What is kept with a session is in the ticket.
        "signed-cookie": {**READ_ONLY, PUT: 204},
        # A full Redis still deletes.
        "redis": {**READ_ONLY, READY: 503, LOGOUT: 204},
    }
    outage = Outage(scene.app, times)
    for _ in range(rounds):
        outage.strike(scene.store.full(), expected[scene.backend])
    outage.note(ledger, "the store refuses writes", scene.backend)


@pytest.mark.parametrize("scene", ["database", "signed-cookie"], indirect=True)
def test_a_server_without_a_free_connection_is_503_and_good_again_by_itself(
    scene: Scene, ledger: Ledger, times: int, rounds: int
) -> None:
    outage = Outage(scene.app, times)
    for _ in range(rounds):
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
            app.begin()
            yield File(backend, project, app, path)


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
    outage = Outage(file.app, times)
    for _ in range(rounds):
        outage.strike(fault(file), file.read_only)
    outage.note(ledger, what, f"{file.backend}, sqlite")
