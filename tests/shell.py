"""Somebody who types what a document says, line by line."""

import re
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests import processes, terminal
from tests.project import REPOSITORY, Server, clean_environment, free_port
from tools.publish import names_of

PUBLISHED = f"gh:{names_of(REPOSITORY)}"
# What goes on until it is ended.
SERVES = re.compile(r"make (run|demo)\b|uvicorn app\.main:app")


class Shell:
    """Types commands in a folder. template: what stands for the published one."""

    def __init__(
        self,
        folder: Path,
        *,
        variables: Mapping[str, str] | None = None,
        template: Path | None = None,
    ) -> None:
        self.folder = folder
        self.served: list[str] = []
        """Commands that have served the app."""
        self._variables = {**clean_environment(), **(variables or {})}
        self._template = template

    def within(self, folder: Path) -> Self:
        """Return somebody who types in another folder."""
        return type(self)(folder, variables=self._variables, template=self._template)

    def type(self, command: str, *, answers: str = "") -> None:
        """Type a command, and what it asks for. Fails when the command does.

        One that serves is asked whether the app is there, and ended.
        """
        program, *words = shlex.split(command)
        if program == "cd":
            [name] = words
            self.folder = self.folder / name
            assert self.folder.is_dir(), command
            return
        text = command.replace(PUBLISHED, shlex.quote(str(self._template)))
        if SERVES.search(command):
            self._serve(text)
            self.served.append(command)
            return
        processes.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self._variables,
            input=answers,
            check=True,
            # Without a terminal that a password could be asked for at.
            start_new_session=True,
        )

    def answer(self, command: str, turns: Sequence[tuple[str, str]]) -> None:
        """Type a command on a terminal, and what it asks for. Fails when the command does."""
        words = ["bash", "-euo", "pipefail", "-c", command]
        status, seen = terminal.use(words, self.folder, self._variables, turns)
        assert status == 0, f"{command} failed:\n{seen}"

    def _serve(self, command: str) -> None:
        port = str(free_port())
        workers = re.search(r"--workers (\d+)", command)
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"PORT=\d+", f"PORT={port}", command)],
            cwd=self.folder,
            env={**self._variables, "PORT": port, "UVICORN_PORT": port, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        server = Server(process, int(workers[1]) if workers else 1)
        try:
            server.wait_until_it_serves()
            assert server.url.endswith(f":{port}")
            assert server.send("GET", "/health/ready").status_code == 200
        finally:
            server.end(signal.SIGTERM)
