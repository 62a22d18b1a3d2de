"""Processes and threads that tests wait for. No wait is endless: what hangs is ended, and named."""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# A guard and no measure: what takes longer hangs, on the slowest machine as well. Below the limit
# that pyproject.toml sets for a whole test, which can only name the test. A soak takes its time.
PATIENCE_SECONDS = 7_200 if os.environ.get("SOAK") == "1" else 600


class Hanging(Exception):
    """Something has not ended, or not begun, in the time that anything may take."""


def run(
    command: Sequence[str | Path],
    *,
    seconds: float = PATIENCE_SECONDS,
    check: bool = False,
    stderr: int = subprocess.STDOUT,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output is text, with what it says of errors in it.

    It has a process group of its own, which is killed whole when it takes too long. check: fail
    with the output when the command does. options: as for ``subprocess.run``.
    """
    text = options.pop("input", None)
    options.setdefault("stdin", subprocess.DEVNULL if text is None else subprocess.PIPE)
    if not options.get("start_new_session"):
        options["process_group"] = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, **options
    ) as process:
        try:
            output, errors = process.communicate(text, timeout=seconds)
        except subprocess.TimeoutExpired:
            kill(process)
            raise Hanging(_late(process, seconds) + _rest(process)) from None
        except BaseException:
            kill(process)
            raise
    assert process.returncode == 0 or not check, f"{_name(process)} failed:\n{output}{errors or ''}"
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def wait(process: "subprocess.Popen[Any]", seconds: float = PATIENCE_SECONDS) -> int:
    """Wait for the end of a process; return its exit status. Kills one that is late."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        raise Hanging(_late(process, seconds)) from None


@contextmanager
def guarding(process: "subprocess.Popen[Any]", seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Kill a process that has a block waiting for too long, such as for a line of its output."""
    late = threading.Event()

    def end() -> None:
        late.set()
        kill(process)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException as error:
        if late.is_set():
            raise Hanging(_late(process, seconds)) from error
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise Hanging(_late(process, seconds))


def thread(work: Callable[[], object]) -> threading.Thread:
    """Start a thread that does not keep the tests from ending."""
    started = threading.Thread(target=work, daemon=True)
    started.start()
    return started


def join(working: threading.Thread, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for the end of a thread."""
    working.join(seconds)
    if working.is_alive():
        raise Hanging(f"{working} has not ended after {seconds:g} s")


def await_event(
    event: threading.Event,
    what: str,
    tell: Callable[[], str] = str,
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Wait until something has happened. what, tell: what to say of it, and what else is known."""
    if not event.wait(seconds):
        raise Hanging(f"{what} has not happened after {seconds:g} s\n{tell()}")


def kill(process: "subprocess.Popen[Any]") -> None:
    """Kill a process, and its group when it is not that of the tests."""
    with suppress(ProcessLookupError):
        group = os.getpgid(process.pid)
        if group == os.getpgrp():
            process.kill()
        else:
            os.killpg(group, signal.SIGKILL)


def _rest(process: "subprocess.Popen[str]") -> str:
    """Return what a killed process has said, unless one that it has started keeps its output."""
    try:
        output, errors = process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        return ""
    return f":\n{output}{errors or ''}"


def _late(process: "subprocess.Popen[Any]", seconds: float) -> str:
    return f"{_name(process)} has not ended after {seconds:g} s"


def _name(process: "subprocess.Popen[Any]") -> str:
    words = process.args
    return shlex.join(map(str, words)) if isinstance(words, list | tuple) else str(words)
