"""A baked project, and what a test does with it, in words."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests import processes
from tests.waiting import PATIENCE_SECONDS

REPOSITORY = Path(__file__).parent.parent

# Each access line names the process, so that a test sees which worker has answered.
LOG_CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(process)d %(name)s %(message)s"}},
    "handlers": {
        "out": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "stream": "ext://sys.stdout",
        }
    },
    "loggers": {"uvicorn": {"handlers": ["out"], "level": "INFO"}},
}


@dataclass(frozen=True)
class Project:
    """A project that cookiecutter has made."""

    path: Path
    answers: Mapping[str, str]

    @property
    def files(self) -> set[str]:
        """Every file, by its path inside the project, but what Python has compiled."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        names = (path.relative_to(self.path) for path in found)
        return {name.as_posix() for name in names if "__pycache__" not in name.parts}

    def read(self, name: str) -> str:
        """Return the text of a file."""
        return (self.path / name).read_text(encoding="utf-8")

    @property
    def texts(self) -> dict[str, str]:
        """Return the text of every file that git would track."""
        return {name: self.read(name) for name in self.files - {".env"}}

    def use(self, environment: Path) -> None:
        """Let the project use an environment that holds just what it asks for."""
        (self.path / ".venv").symlink_to(environment)
        (self.path / ".venv" / ".ready").touch()

    def run(
        self, *command: str, variables: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; output and errors come together."""
        environment = {**clean_environment(), **(variables or {})}
        return processes.run(command, cwd=self.path, env=environment, check=check)

    def python(self, *arguments: str, **variables: str) -> str:
        """Run the project's Python; return what it printed."""
        return self.run(".venv/bin/python", *arguments, variables=variables).stdout

    @contextmanager
    def serving(
        self,
        *,
        workers: int = 1,
        port: int = 0,
        variables: Mapping[str, str] | None = None,
        certificate: Path | None = None,
    ) -> Iterator["Server"]:
        """Serve the app with uvicorn, for as long as the block lasts.

        port: 0 for a free one. certificate: a PEM file with a key and its chain, for https.
        """
        log_config = self.path / "log.json"
        log_config.write_text(json.dumps(LOG_CONFIG), encoding="utf-8")
        uvicorn = [".venv/bin/uvicorn", "app.main:app", "--port", str(port)]
        uvicorn += ["--workers", str(workers)]
        if certificate:
            uvicorn += ["--ssl-keyfile", str(certificate), "--ssl-certfile", str(certificate)]
        process = subprocess.Popen(
            [*uvicorn, "--log-config", str(log_config)],
            cwd=self.path,
            env={**clean_environment(), "PYTHONUNBUFFERED": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A process group of its own, which can be ended whole.
            start_new_session=True,
        )
        server = Server(process, workers)
        try:
            server.wait_until_it_serves()
            yield server
        finally:
            server.end(signal.SIGTERM)

    @contextmanager
    def stores(self) -> Iterator[dict[str, str]]:
        """Run what the project keeps its data in, migrated; yield the settings that lead there."""
        variables: dict[str, str] = {}
        with ExitStack() as stack:
            if self.answers["database"] == "postgresql":
                url = f"postgresql+asyncpg://postgres@localhost:{free_port()}/postgres"
                variables["DATABASE_URL"] = url
                stack.enter_context(self._beside("tests.postgresql", variables))
            if self.answers["session_backend"] == "redis":
                variables["REDIS_URL"] = f"redis://localhost:{free_port()}/0"
                stack.enter_context(self._beside("tests.redis", variables))
            self.run(".venv/bin/alembic", "upgrade", "head", variables=variables)
            yield variables

    @contextmanager
    def _beside(self, server: str, variables: Mapping[str, str]) -> Iterator[None]:
        """Run a server in the project's own way: beside a command, one that ends with its input."""
        with subprocess.Popen(
            [".venv/bin/python", "-m", server, "cat"],
            cwd=self.path,
            env={**clean_environment(), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                with processes.guarding(process):
                    process.stdin.write("it runs\n")
                    process.stdin.flush()
                    assert "it runs\n" in iter(process.stdout.readline, "")
                yield
            finally:
                process.stdin.close()
                processes.wait(process)


class Server:
    """A running server. Its output is read all the time, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str], workers: int) -> None:
        self._process = process
        self._workers = workers
        self._serves_or_ended = threading.Event()
        self._lines: list[str] = []
        self._reader = processes.thread(self._read)

    @property
    def output(self) -> str:
        """What it has said so far."""
        return "".join(self._lines)

    @property
    def url(self) -> str:
        """Where it serves."""
        [(scheme, port)] = set(re.findall(r"running on (https?)://127\.0\.0\.1:(\d+)", self.output))
        return f"{scheme}://localhost:{port}"

    def wait_until_it_serves(self) -> None:
        """Return once every worker has started; fail with the output when it ends instead."""
        processes.await_event(self._serves_or_ended, "the start", lambda: self.output)
        assert self._process.poll() is None, f"the server did not start:\n{self.output}"

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send it a request, with options of httpx2."""
        return httpx2.request(method, self.url + path, timeout=PATIENCE_SECONDS, **options)

    def end(self, how: signal.Signals) -> None:
        """Signal every process at once, and wait for the end. SIGKILL is like a power cut."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, how)
        processes.wait(self._process)
        processes.join(self._reader)

    def _serves(self) -> bool:
        said = self.output
        started = said.count("Application startup complete")
        return started >= self._workers and "running on" in said

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.append(line)
                if not self._serves_or_ended.is_set() and self._serves():
                    self._serves_or_ended.set()
        self._process.wait()
        self._serves_or_ended.set()


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment() -> dict[str, str]:
    """Return the environment without what belongs to the tests' own."""
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "PORT", "PYTHON"}
    # Set in many containers: each start of each project would compile all libraries again.
    dropped.add("PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in dropped}
