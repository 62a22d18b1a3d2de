"""Hosts of the app: each a uvicorn with the options of the generated service, on its own port."""

import os
import random
import re
import shlex
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.workbench import HEADERS, PRODUCTION
from tests import baking, processes
from tests.answers import PLAIN
from tests.deploying import changed, service
from tests.project import Project, clean_environment
from tests.waiting import wait_until

PROBES = Path(__file__).parent / "probes"

# What is tried is not how many may guess: here everybody comes from one address.
SETTINGS = {**PRODUCTION, "LOGIN_MAX_FAILURES": "1000000"}
PASSWORD = "correct horse battery staple"


class Host:
    """A uvicorn and its workers. What it says goes into a file."""

    def __init__(
        self,
        project: Project,
        variables: Mapping[str, str],
        *,
        workers: int = 1,
    ) -> None:
        self.port = port_to_keep()
        self.url = f"http://127.0.0.1:{self.port}"
        path = f"{project.path}{os.pathsep}{PROBES}"
        self.environment = {**SETTINGS, "PYTHONPATH": path, **variables}
        self.project = project
        self._log = project.path / f"host-{self.port}.log"
        self._workers = workers
        self._started: subprocess.Popen[bytes] | None = None
        [command] = service(project)["ExecStart"]
        options = {"--port": str(self.port), "--workers": str(workers)}
        self._command = [
            ".venv/bin/uvicorn",
            "host:app",
            "--no-access-log",
            *changed(shlex.split(command)[2:], options),
        ]

    @property
    def _process(self) -> "subprocess.Popen[bytes]":
        assert self._started, "it was not started yet"
        return self._started

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended since."""
        return self._started is not None and self._started.poll() is None

    @property
    def output(self) -> str:
        """What it has said since it was started last."""
        return self._log.read_text("utf-8")

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that answer: those that uvicorn has started, or itself."""
        if self._workers == 1:
            return [self._process.pid]
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [pid for pid in map(int, children.read_text().split()) if _answers(pid)]

    def start(self) -> None:
        """Start it unless it runs."""
        if self.runs:
            return
        with self._log.open("w") as log:
            self._started = subprocess.Popen(
                self._command,
                cwd=self.project.path,
                env={**clean_environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return once all workers answer."""
        self.wait_for_workers(self._workers)
        # One worker alone says it once it listens; of several, the first process did before.
        self.wait_until_it_says("Uvicorn running on", 1)

    def wait_for_workers(self, started: int) -> None:
        """Return once so many workers have started, those included that were killed since."""
        self.wait_until_it_says("Application startup complete", started)

    def wait_until_it_says(self, words: str, times: int) -> None:
        """Return once it has said these words so often. Fails when it ends before, or is late."""

        def has_said() -> bool:
            said = self.output
            if said.count(words) >= times:
                return True
            assert self.runs, said
            return False

        wait_until(has_said, tell=lambda: self.output)

    def kill(self, worker: int) -> None:
        """Kill one worker, as if it had run out of memory."""
        os.kill(worker, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask all processes to end, as systemd does."""
        os.killpg(self._process.pid, signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the end; the exit status."""
        return processes.wait(self._process)

    def restart(self) -> None:
        """Stop it, start it, and wait until all workers answer."""
        self.end()
        self.start()
        self.wait_until_ready()

    def end(self) -> None:
        """End it if it runs."""
        if self.runs:
            self.terminate()
            self.wait()


def port_to_keep() -> int:
    """Return a free port that nobody is given while it is not listened on.

    Systems give those from 32768 on to whoever connects to somewhere.
    """
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def baked(
    config: Path, environment_of: Callable[[Project], Path], **answers: str
) -> Iterator[Project]:
    """Bake a project that several tests share, with an environment it can run in.

    The other answers are those of PLAIN.
    """
    with tempfile.TemporaryDirectory() as root:
        # PostgreSQL, which does not run as root, has to reach its data in the project.
        Path(root).chmod(0o755)
        project = baking.bake(Path(root), config, {**PLAIN, **answers})
        project.use(environment_of(project))
        yield project


@contextmanager
def running(*hosts: Host) -> Iterator[None]:
    """Run hosts for as long as the block lasts."""
    try:
        for host in hosts:
            host.start()
        for host in hosts:
            host.wait_until_ready()
        yield
    finally:
        for host in hosts:
            host.end()


def probe(host: Host, script: str, *arguments: str) -> str:
    """Run a script of ours as if on that host; return what it printed."""
    return host.project.python(str(PROBES / script), *arguments, **host.environment)


def visitor(number: int) -> dict[str, str]:
    """Return what a proxy sends on of somebody with an address of their own."""
    return {**HEADERS, "x-forwarded-for": f"203.0.113.{number % 250 + 1}"}


def _answers(pid: int) -> bool:
    """Whether a child of uvicorn is a worker: the other one looks after what they share."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return False
    return bool(re.search(r"spawn_main", command))
