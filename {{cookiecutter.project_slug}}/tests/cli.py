"""Runs commands of ``python -m app``: in a pipe, and on a terminal."""

import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from app import security_log
from app.cli import main
from tests.client import PASSWORD

Run = Callable[..., tuple[int, str, str]]
"""Returns the exit status, what went to standard output, and what went to standard error."""


@pytest.fixture
def run(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    for name, value in settings.items():
        monkeypatch.setenv(name.upper(), value)
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS"):
        # Both make rich take any output for a terminal.
        monkeypatch.delenv(name, raising=False)
    token = security_log.client_ip.set(None)

    def run_command(
        *arguments: str, typed: str = "", on_terminal: bool = False
    ) -> tuple[int, str, str]:
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as exited:
            patch.setattr("sys.stdin", io.StringIO(typed))
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                patch.setattr(stream, "isatty", lambda: on_terminal)
            main(arguments)
        # Colours, bold and the padding of tables are not what tests look at.
        style = re.compile(r"\x1b\[[0-9;]*m| +$", re.MULTILINE)
        out, error = (style.sub("", text) for text in capsys.readouterr())
        assert isinstance(exited.value.code, int)
        return exited.value.code, out, error

    yield run_command
    security_log.client_ip.reset(token)
    security_log.LOGGER.setLevel(logging.INFO)


@pytest.fixture
def terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands on a terminal of 80 columns; colours and bold are taken away."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    return partial(run, on_terminal=True)


def create(run: Run, name: str, *options: str) -> None:
    assert run("create-user", name, "--password-stdin", *options, typed=PASSWORD)[0] == 0
