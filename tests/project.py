"""A baked project, and what a test does with it, in words."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
        """Every file, by its path inside the project."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {path.relative_to(self.path).as_posix() for path in found}

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
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**clean_environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{command} failed:\n{done.stdout}"
        return done

    def python(self, *arguments: str, **variables: str) -> str:
        """Run the project's Python; return what it printed."""
        return self.run(".venv/bin/python", *arguments, variables=variables).stdout

    @contextmanager
    def serving(
        self, *, workers: int = 1, beside: tuple[str, ...] = (), **variables: str
    ) -> Iterator["Server"]:
        """Serve the app with uvicorn on a free port, for as long as the block lasts.

        beside: a command that runs another one, and is given uvicorn's.
        """
        log_config = self.path / "log.json"
        log_config.write_text(json.dumps(LOG_CONFIG), encoding="utf-8")
        uvicorn = [".venv/bin/uvicorn", "app.main:app", "--port", "0", "--workers", str(workers)]
        process = subprocess.Popen(
            [*beside, *uvicorn, "--log-config", str(log_config)],
            cwd=self.path,
            env={**clean_environment(), "PYTHONUNBUFFERED": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A process group of its own, which can be ended whole.
            start_new_session=True,
        )
        try:
            yield Server(process, workers)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.communicate()


class Server:
    """A running server. Its output is read up to the point where it serves."""

    def __init__(self, process: subprocess.Popen[str], workers: int) -> None:
        self._process = process
        output = ""
        while output.count("Application startup complete") < workers or "running on" not in output:
            assert process.stdout is not None
            line = process.stdout.readline()
            output += line
            assert line, f"the server did not start:\n{output}"
        [port] = set(re.findall(r"running on http://127\.0\.0\.1:(\d+)", output))
        self.url = f"http://localhost:{port}"

    def kill(self) -> str:
        """Kill every process at once, as a power cut would; return what they had printed."""
        os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.communicate()[0]


def clean_environment() -> dict[str, str]:
    """Return the environment without what belongs to the tests' own."""
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "PORT", "PYTHON"}
    return {name: value for name, value in os.environ.items() if name not in dropped}
