"""Bakes apps, and serves them as in production."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from benchmarks.machine import LOAD_CORE, SERVER_CORE
from benchmarks.targets import POSTGRESQL, REDIS, Own, Target
from tests import baking
from tests.project import REPOSITORY, Project, clean_environment

PEERS = Path(__file__).parent / "peers"
PROBES = Path(__file__).parent / "probes"
# Kept from run to run.
ENVIRONMENTS = REPOSITORY / ".bench"

ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}
# What a proxy on the same machine passes on; load.lua sends the same.
HEADERS = {
    "host": "localhost",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36",
    "x-forwarded-for": "203.0.113.1",
    "x-forwarded-proto": "https",
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "localhost",
    "PUBLIC_URL": "https://localhost",
    "ALLOW_REGISTRATION": "true",
    "FORWARDED_ALLOW_IPS": "127.0.0.1",
}
UVICORN = ("--port", "0", "--loop", "uvloop", "--http", "httptools", "--no-access-log")


class App(NamedTuple):
    """An ASGI app, as module:attribute, and where, in which environment and how it is run."""

    name: str
    folder: Path
    environment: Path
    settings: Mapping[str, str]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its process."""
        return {
            **clean_environment(),
            "PYTHONPATH": os.pathsep.join(map(str, (self.folder, PEERS, PROBES))),
            "PYTHONUNBUFFERED": "1",
            # Compiled once, as in production.
            "PYTHONDONTWRITEBYTECODE": "",
            **self.settings,
        }


@dataclass(frozen=True)
class Server:
    """A running server. started_in: seconds from its start until it listened."""

    url: str
    process: int
    started_in: float

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """Send a request that is not measured. Raises HTTPStatusError when it is refused."""
        return httpx2.post(self.url + path, headers=HEADERS, **options).raise_for_status()

    def register_people(self, number: int) -> list[str]:
        """Register accounts, from as many addresses; return the bodies of their sign-ins."""
        people = [{**ACCOUNT, "username": f"{ACCOUNT['username']}{each}"} for each in range(number)]
        for each, account in enumerate(people):
            headers = {**HEADERS, "x-forwarded-for": f"198.51.100.{each}"}
            sent = httpx2.post(f"{self.url}/api/register", headers=headers, json=account)
            sent.raise_for_status()
        return [json.dumps(account) for account in people]

    def sign_in(self, target: Target, account: Mapping[str, str] = ACCOUNT) -> str:
        """Sign in; return the cookie."""
        options: dict[str, Any]
        options = {"json": account} if isinstance(target, Own) else {"data": account}
        cookies = self.post(target.login, **options).cookies
        return "; ".join(f"{name}={value}" for name, value in cookies.items())

    def body(self, path: str, cookie: str) -> Any:
        """Return the JSON that a path answers with. Raises HTTPStatusError when it is refused."""
        answer = httpx2.get(self.url + path, headers={**HEADERS, "cookie": cookie})
        return answer.raise_for_status().json()


class Workbench:
    """Bakes and serves apps in a temporary folder, and ends all of them with it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._config = baking.configure(folder)
        self._projects: dict[str, Project] = {}
        self._stores: dict[str, dict[str, str]] = {}
        self._bare: dict[tuple[Path, str, str], Server] = {}

    def project(self, target: Own, copy: str = "") -> Project:
        """Bake a project, or copy one, with an environment to run in. copy: part of its name."""
        slug = target.answers["project_slug"] + copy
        if slug not in self._projects:
            answers = {**target.answers, "project_slug": slug}
            if target.folder:
                project = Project(self.folder / slug, answers)
                kept = shutil.ignore_patterns(".venv", "*.db*")
                shutil.copytree(target.folder, project.path, ignore=kept)
            else:
                project = baking.bake(self.folder, self._config, answers)
            pins = [project.path / name for name in ("requirements.txt", "requirements-dev.txt")]
            place = target.environment or environment(*pins)
            (project.path / ".venv").symlink_to(place.resolve())
            self._projects[slug] = project
        return self._projects[slug]

    def stores(self, target: Own, copy: str = "") -> dict[str, str]:
        """Run the servers that an app keeps its data in; return the settings that lead there."""
        project = self.project(target, copy)
        slug = project.path.name
        if slug not in self._stores:
            self._stores[slug] = self._stack.enter_context(project.stores())
        return self._stores[slug]

    def app(self, target: Target, copy: str = "") -> App:
        """Return an app, ready to be served as in production."""
        place = self.environment(target)
        if isinstance(target, Own):
            settings = {**PRODUCTION, **self.stores(target, copy)}
            return App("app.main:app", self.project(target, copy).path, place, settings)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        settings = {"BACKEND": target.backend, **self._stores_of_peer(target.backend, folder)}
        return App(f"with_{target.library}:app", folder, place, settings)

    def serve(
        self,
        target: Target,
        copy: str = "",
        *,
        name: str = "",
        pinned: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Server:
        """Serve an app, and register an account where it needs one.

        name: another application instead of app.main:app. pinned: on a core of its own.
        """
        app = self.app(target, copy)
        app = app._replace(name=name or app.name, settings={**app.settings, **(variables or {})})
        server = self._stack.enter_context(serving(app, pinned=pinned))
        if isinstance(target, Own):
            server.post("/api/register", json=ACCOUNT)
        return server

    def bare_database(self, target: Target) -> App:
        """Return a bare app that has SQLAlchemy, and a database of its own, in it."""
        url = f"sqlite+aiosqlite:///{self.folder / 'bare.db'}"
        return App("bare_database:app", PEERS, self.environment(target), {"DATABASE_URL": url})

    def bare(self, target: Target, path: str, body: Any) -> Server:
        """Serve the bare route in the environment of an app, with the same answer."""
        app = bare(self.environment(target), path, body)
        key = (app.environment, path, app.settings["BODY"])
        if key not in self._bare:
            self._bare[key] = self._stack.enter_context(serving(app))
        return self._bare[key]

    def environment(self, target: Target) -> Path:
        """Return the environment that an app runs in."""
        if isinstance(target, Own):
            return (self.project(target).path / ".venv").resolve()
        return environment(PEERS / f"{target.library}.txt")

    def _stores_of_peer(self, backend: str, folder: Path) -> dict[str, str]:
        if backend == "redis":
            return {"REDIS_URL": self.stores(REDIS)["REDIS_URL"]}
        if backend == "postgresql":
            return {"DATABASE_URL": self.stores(POSTGRESQL)["DATABASE_URL"]}
        return {"DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'app.db'}"}


@contextmanager
def workbench() -> Iterator[Workbench]:
    """Make a workbench. Meanwhile this process, and what it starts, leave a core to the servers."""
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        # PostgreSQL, which does not run as root, has to reach its data in a project.
        Path(root).chmod(0o755)
        before = os.sched_getaffinity(0)
        stack.callback(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {LOAD_CORE})
        yield Workbench(Path(root), stack)


def environment(*pins: Path) -> Path:
    """Return an environment with what the files pin; make it if there is none yet."""
    texts = "".join(file.read_text("utf-8") for file in pins)
    version = ".".join(map(str, sys.version_info[:3]))
    path = ENVIRONMENTS / hashlib.sha256((version + texts).encode()).hexdigest()[:16]
    if not (path / "ready").exists():
        variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        files = [word for file in pins for word in ("-r", str(file))]
        install = [baking.UV, "pip", "install", "-q", "--compile-bytecode", *files]
        create = [baking.UV, "venv", "-q", "--clear", "-p", sys.executable, str(path)]
        for command in (create, [*install, "-p", str(path / "bin" / "python")]):
            subprocess.run(command, check=True, env=variables)
        (path / "ready").touch()
    return path


def bare(environment: Path, path: str, body: Any) -> App:
    """Return the bare route, as an app."""
    return App("bare:app", PEERS, environment, {"ROUTE": path, "BODY": json.dumps(body)})


@contextmanager
def serving(app: App, *, pinned: bool = True, arguments: Sequence[str] = ()) -> Iterator[Server]:
    """Serve an app by one worker on a free port, for as long as the block lasts.

    arguments: more of uvicorn's. Raises RuntimeError with its output when it ends instead.
    """
    core = str(SERVER_CORE) if pinned else f"{SERVER_CORE},{LOAD_CORE}"
    uvicorn = str(app.environment / "bin" / "uvicorn")
    before = time.perf_counter()
    started = subprocess.Popen(
        ["taskset", "-c", core, uvicorn, app.name, *UVICORN, *arguments],
        cwd=app.folder,
        env=app.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with started as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "running on" in line:
                break
        else:
            raise RuntimeError(f"{app.name} did not start:\n{said}")
        # Later output is not needed, but has to be read.
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        url = said.rpartition("running on ")[2].split()[0]
        try:
            yield Server(url, process.pid, time.perf_counter() - before)
        finally:
            process.terminate()
            reader.join()
