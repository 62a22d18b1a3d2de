"""A terminal, and a person who types when asked."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
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


def use(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    turns: Iterable[tuple[str, str]] = (),
) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit status, and what is seen.

    turns: what has to be seen first, and what is typed then.
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
    seen, read_until = "", 0
    with processes.guarding(process):
        for awaited, typed in turns:
            while awaited not in seen[read_until:]:
                more = _read(ours)
                assert more, f"it has ended without {awaited!r}:\n{seen}"
                seen += more
            read_until = seen.index(awaited, read_until) + len(awaited)
            os.write(ours, typed.encode())
        while more := _read(ours):
            seen += more
    os.close(ours)
    return processes.wait(process), seen


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65_536).decode()
    except OSError:
        # How Linux says that the other side has gone.
        return ""
