"""Where apps are made, and served as in production."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.machine import LOAD_CORE, SERVER_CORE
from benchmarks.targets import POSTGRESQL, REDIS, Own, Target
from tests import baking
from tests.project import REPOSITORY, Project, clean_environment

PEERS = Path(__file__).parent / "peers"
PROBES = Path(__file__).parent / "probes"
# They are kept from run to run.
ENVIRONMENTS = REPOSITORY / ".bench"

ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}
# What a proxy of the same machine sends on; load.lua says the same.
HEADERS = {
    "host": "localhost",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "localhost",
    "ALLOW_REGISTRATION": "true",
    "FORWARDED_ALLOW_IPS": "127.0.0.1",
}
UVICORN = ("--port", "0", "--loop", "uvloop", "--http", "httptools", "--no-access-log")


@dataclass(frozen=True)
class Server:
    """A server that runs. started_in: seconds from its start until it listened."""

    url: str
    process: int
    started_in: float

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """Send what is not measured. Raises HTTPStatusError when it is refused."""
        return httpx2.post(self.url + path, headers=HEADERS, **options).raise_for_status()

    def sign_in(self, target: Target) -> str:
        """Sign in; return the cookie."""
        options: dict[str, Any]
        options = {"json": ACCOUNT} if isinstance(target, Own) else {"data": ACCOUNT}
        cookies = self.post(target.login, **options).cookies
        return "; ".join(f"{name}={value}" for name, value in cookies.items())

    def body(self, path: str, cookie: str) -> Any:
        """Return what a path answers to somebody. Raises HTTPStatusError when it is refused."""
        answer = httpx2.get(self.url + path, headers={**HEADERS, "cookie": cookie})
        return answer.raise_for_status().json()


class Workbench:
    """Makes and serves apps in a temporary folder, all of which end with it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._config = baking.configure(folder)
        self._projects: dict[str, Project] = {}
        self._stores: dict[str, dict[str, str]] = {}
        self._bare: dict[tuple[Path, str], Server] = {}

    def project(self, target: Own, copy: str = "") -> Project:
        """Bake an app, with an environment that it can run in. copy: what tells two apart."""
        slug = target.answers["project_slug"] + copy
        if slug not in self._projects:
            answers = {**target.answers, "project_slug": slug}
            project = baking.bake(self.folder, self._config, answers)
            pins = [project.path / name for name in ("requirements.txt", "requirements-dev.txt")]
            project.use(environment(*pins))
            self._projects[slug] = project
        return self._projects[slug]

    def stores(self, target: Own, copy: str = "") -> dict[str, str]:
        """Run what an app keeps its data in; return the settings that lead there."""
        project = self.project(target, copy)
        slug = project.path.name
        if slug not in self._stores:
            self._stores[slug] = self._stack.enter_context(project.stores())
        return self._stores[slug]

    def serve(
        self,
        target: Target,
        copy: str = "",
        *,
        app: str = "app.main:app",
        pinned: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Server:
        """Serve an app, with an account where it keeps some.

        app: another application in the place of a generated one. pinned: on a core of its own.
        """
        if isinstance(target, Own):
            folder = self.project(target, copy).path
            settings = {**PRODUCTION, **self.stores(target, copy), **(variables or {})}
        else:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            app = f"with_{target.library}:app"
            settings = {"BACKEND": target.backend, **self._stores_of_peer(target.backend, folder)}
        server = self._stack.enter_context(
            serving(self.environment(target), app, folder, settings, pinned=pinned)
        )
        if isinstance(target, Own):
            server.post("/api/register", json=ACCOUNT)
        return server

    def bare(self, target: Target, bodies: Mapping[str, Any]) -> Server:
        """Serve the bare app in the environment of another, answering what that one does."""
        text = json.dumps(bodies)
        place = self.environment(target)
        if (place, text) not in self._bare:
            served = serving(place, "bare:app", self.folder, {"BODIES": text})
            self._bare[place, text] = self._stack.enter_context(served)
        return self._bare[place, text]

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
    """Make a workbench. From then on this process, and what it starts, leave a core to servers."""
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        # PostgreSQL, which does not run as root, has to reach its data in a project.
        Path(root).chmod(0o755)
        before = os.sched_getaffinity(0)
        stack.callback(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {LOAD_CORE})
        yield Workbench(Path(root), stack)


def environment(*pins: Path) -> Path:
    """Return an environment that holds what files pin; make it when it is the first of its kind."""
    texts = "".join(file.read_text("utf-8") for file in pins)
    version = ".".join(map(str, sys.version_info[:3]))
    path = ENVIRONMENTS / hashlib.sha256((version + texts).encode()).hexdigest()[:16]
    if not (path / "ready").exists():
        variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        install = [baking.UV, "pip", "install", "-q", "-p", str(path / "bin" / "python")]
        files = [word for file in pins for word in ("-r", str(file))]
        create = [baking.UV, "venv", "-q", "--clear", "-p", sys.executable, str(path)]
        for command in (create, install + files):
            subprocess.run(command, check=True, env=variables)
        (path / "ready").touch()
    return path


@contextmanager
def serving(
    environment: Path,
    app: str,
    folder: Path,
    variables: Mapping[str, str],
    *,
    pinned: bool = True,
) -> Iterator[Server]:
    """Serve an app by one worker on a free port, for as long as the block lasts.

    Raises RuntimeError with what it said when it ends instead.
    """
    core = str(SERVER_CORE) if pinned else f"{SERVER_CORE},{LOAD_CORE}"
    paths: Sequence[Path] = (folder, PEERS, PROBES)
    before = time.perf_counter()
    started = subprocess.Popen(
        ["taskset", "-c", core, environment / "bin" / "uvicorn", app, *UVICORN],
        cwd=folder,
        env={
            **clean_environment(),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONUNBUFFERED": "1",
            **variables,
        },
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
            raise RuntimeError(f"{app} did not start:\n{said}")
        # What is logged from then on is of no interest, but has to be read.
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        url = said.rpartition("running on ")[2].split()[0]
        try:
            yield Server(url, process.pid, time.perf_counter() - before)
        finally:
            process.terminate()
            reader.join()
