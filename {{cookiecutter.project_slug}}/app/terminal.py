"""The terminal of an operator, or the pipe in its place."""

import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.users.errors import PasswordRejected

REFUSED = 1


def read_password(from_stdin: bool, min_length: int) -> str:
    """Return a password from standard input, or ask for it twice. Raises PasswordRejected."""
    try:
        if from_stdin:
            password = sys.stdin.readline().rstrip("\r\n").removeprefix("\ufeff")
        else:
            require_terminal("--password-stdin")
            hint = f"Password (at least {min_length} characters)"
            again = "Repeat password"
            password = typer.prompt(hint, hide_input=True, confirmation_prompt=again, err=True)
        password.encode()
    except UnicodeError:
        raise PasswordRejected("The password is not valid UTF-8.") from None
    return password


def require_terminal(otherwise: str) -> None:
    """Exit unless somebody can be asked; name the option to use instead."""
    if not sys.stdin.isatty():
        fail(REFUSED, f"Not running in a terminal; use {otherwise}.")


def show(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table that fits the terminal, or for programs a line for each row."""
    if not sys.stdout.isatty():
        for row in rows:
            say(*map(str, row))
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        cells = (printable(str(cell)) for cell in row)
        # Text, because rich would take [...] in a string for markup.
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in cells))
    Console().print(table)


def say(*cells: str) -> None:
    """Print a sentence, or cells separated by tabs."""
    try:
        typer.echo("\t".join(map(printable, cells)))
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does. Python's last flush must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(status: int, text: str) -> NoReturn:
    """Say on standard error what is wrong and how to fix it, and exit."""
    typer.echo(text, err=True)
    sys.exit(status)


def when(seconds: float) -> str:
    """Format a Unix time: relative on a terminal, ISO 8601 in a pipe."""
    if not sys.stdout.isatty():
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    distance = seconds - time.time()
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    size, unit = next((each for each in units if each[0] <= abs(distance)), units[-1])
    count = int(abs(distance) // size)
    return f"in {count} {unit}" if distance > 0 else f"{count} {unit} ago"


def printable(text: str) -> str:
    """Replace control characters, so that no text can control the terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
