"""Runs commands of ``python -m app``: for a script, and where a person watches."""

import io
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from app import security_log
from app.__main__ import main
from tests.browser import PASSWORD

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    for name, value in settings.items():
        if value is not None:
            monkeypatch.setenv(name.upper(), value)
    token = security_log.address.set(None)

    def run_command(
        *arguments: str, typed: str = "", on_terminal: bool = False
    ) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO(typed))
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                patch.setattr(stream, "isatty", lambda: on_terminal)
            status = main(arguments)
        return status, *capsys.readouterr()

    yield run_command
    security_log.address.reset(token)


@pytest.fixture
def terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands where a person watches."""
    monkeypatch.setenv("COLUMNS", "80")
    return partial(run, on_terminal=True)


def create(run: Run, name: str, *options: str) -> None:
    assert run("create-user", name, "--password-stdin", *options, typed=PASSWORD)[0] == 0
