"""The terminal, or the pipe in its place. No colours: there is nothing to tell apart by them."""

import getpass
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.accounts.errors import AccountError


class NoPassword(AccountError):
    """None was typed, or it is no text."""


def say(text: str) -> None:
    """Print what a command has to say, whichever characters the other side knows.

    When it has gone, as ``head`` goes, there is nobody to tell.
    """
    encoding = sys.stdout.encoding
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except BrokenPipeError:
        # What is still to be written is written at the end of the process: nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Print what is wrong, and what to do next."""
    print(text, file=sys.stderr)


def columns() -> int | None:
    """Return how wide the terminal is; None when the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def read_password() -> str:
    """Return the first line of the input. Raises NoPassword when it is no text."""
    try:
        password = sys.stdin.readline().rstrip("\r\n")
        # Some terminals let through what was no UTF-8.
        password.encode()
    except UnicodeError:
        raise NoPassword("The password cannot be read.") from None
    return password


def ask_password(min_length: int) -> str:
    """Ask for a password twice, until it is the same, without showing it.

    Raises NoPassword when there is no terminal, or its input has ended.
    """
    if not sys.stdin.isatty():
        raise NoPassword("There is no terminal to ask for the password on.")
    complain(f"A password needs at least {min_length} characters; several random words will do.")
    try:
        while (password := getpass.getpass("Password: ")) != getpass.getpass("Once more: "):
            complain("These two differ. Try again, or stop with Ctrl-C.")
        password.encode()
    except (EOFError, UnicodeError):
        raise NoPassword("The password cannot be read.") from None
    return password


@contextmanager
def running_count(label: str) -> Iterator[Callable[[int], None]]:
    """Let a block show how far it is, on standard error; nothing when that is no terminal."""
    shown = ""

    def show(count: int) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            shown = f"{label}: {count}"
            print(f"\r{shown}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if shown:
            print(f"\r{' ' * len(shown)}\r", end="", file=sys.stderr, flush=True)
