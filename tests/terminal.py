"""A terminal, and a person who types when asked."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tests import processes

# Makes the input the controlling terminal, whose Ctrl-C is a signal, and becomes the command. Tests
# that were started in the background may ignore this signal, and so would whatever they start.
TAKE_CONTROL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""

# A prompt is written just before it is read from. Python's input() never notices a Ctrl-C that
# comes in between; no person is as quick.
BEFORE_TYPING_SECONDS = 0.1


def use(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    turns: Iterable[tuple[str, str]] = (),
    seconds: float = processes.PATIENCE_SECONDS,
    *,
    before_typing: float = BEFORE_TYPING_SECONDS,
    notice: Callable[[str], None] = lambda _: None,
) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit status, and what is seen.

    turns: what has to be seen first, and what is typed then. seconds: after which it is taken for
    hanging, and killed. before_typing: seconds that somebody takes. notice: is told of each piece
    of what is seen, when it is.
    """
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_CONTROL, *command],
        cwd=folder,
        env=variables,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        with processes.guarding(process, seconds):
            seen = _take_turns(ours, turns, before_typing, notice)
    finally:
        # Without its terminal it ends at the latest.
        os.close(ours)
        status = processes.wait(process)
    return status, seen


def _take_turns(
    terminal: int,
    turns: Iterable[tuple[str, str]],
    before_typing: float,
    notice: Callable[[str], None],
) -> str:
    seen, read_until = "", 0
    for awaited, typed in turns:
        while awaited not in seen[read_until:]:
            more = _read(terminal)
            assert more, f"it has ended without {awaited!r}:\n{seen}"
            notice(more)
            seen += more
        read_until = seen.index(awaited, read_until) + len(awaited)
        time.sleep(before_typing)
        os.write(terminal, typed.encode())
    while more := _read(terminal):
        notice(more)
        seen += more
    return seen


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65_536).decode()
    except OSError:
        # How Linux says that the other side has gone.
        return ""
