"""Whatever the tests wait for, the wait ends, and it is said what hangs."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import processes, terminal
from tests.processes import Hanging
from tests.sharing import Shared

# As long as a guard of these tests lets things hang.
MOMENT = 0.5

# A shell that starts another process, which keeps the output open, and waits for it.
HANGS = ("sh", "-c", "echo begun; sleep 1000 & echo $!; wait")


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    ) as started:
        yield started


def is_gone(pid: int) -> bool:
    """Whether a process has ended, once its new parent has noticed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_command_that_ends_gives_its_output_and_status() -> None:
    done = processes.run(["sh", "-c", "cat; echo error >&2; exit 3"], input="typed\n")
    assert (done.stdout, done.returncode) == ("typed\nerror\n", 3)


def test_one_that_fails_is_shown_with_what_it_said() -> None:
    with pytest.raises(AssertionError, match=r"(?s)sh -c .* failed:\nwhy"):
        processes.run(["sh", "-c", "echo why; exit 1"], check=True)


def test_a_command_that_hangs_is_killed_with_all_that_it_started() -> None:
    with pytest.raises(
        Hanging, match=r"(?s)sleep 1000.* has not ended after 0.5 s:\nbegun"
    ) as late:
        processes.run(HANGS, seconds=MOMENT)
    assert is_gone(int(str(late.value).split()[-1]))


def test_so_it_is_when_somebody_interrupts_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def interrupt(self: subprocess.Popen[str], *_: object, **__: object) -> None:
        started.append(self.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        processes.run(HANGS)
    assert is_gone(started[0])


def test_a_process_that_does_not_end_is_killed() -> None:
    with process(*HANGS) as started, pytest.raises(Hanging, match="sleep 1000"):
        processes.wait(started, MOMENT)
    assert started.returncode == -signal.SIGKILL


def test_a_block_does_not_read_for_ever() -> None:
    def read() -> str:
        with process("sleep", "1000") as started, processes.guarding(started, MOMENT):
            assert started.stdout is not None
            return started.stdout.readline()

    with pytest.raises(Hanging, match=r"sleep 1000 has not ended after 0\.5 s"):
        read()


def test_a_block_that_is_done_in_time_is_left_alone() -> None:
    with process("cat") as started:
        with processes.guarding(started, MOMENT):
            assert started.stdin is not None
            started.stdin.close()
        time.sleep(MOMENT * 2)
        assert started.wait() == 0


def hanging_thread() -> None:
    processes.join(processes.thread(threading.Event().wait), MOMENT)


def hanging_event() -> None:
    processes.await_event(threading.Event(), "the start", lambda: "so far", MOMENT)


@pytest.mark.parametrize("hang", [hanging_thread, hanging_event])
def test_neither_a_thread_nor_an_event_is_awaited_for_ever(hang: Callable[[], None]) -> None:
    with pytest.raises(Hanging, match=r"wait|the start has not happened after 0.5 s\nso far"):
        hang()


def test_a_program_that_waits_for_more_to_be_typed_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Hanging, match="cat"):
        terminal.use(("cat",), tmp_path, os.environ, [("", "typed\n")], seconds=MOMENT)


def test_control_c_is_heard_even_when_the_tests_were_started_in_the_background(
    tmp_path: Path,
) -> None:
    command = ("sh", "-c", "printf 'Ready? '; exec cat")
    # As a shell starts what ends in "&".
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status, _ = terminal.use(command, tmp_path, os.environ, [("Ready? ", "\x03")], seconds=60)
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == -signal.SIGINT


def test_what_workers_share_is_made_once(tmp_path: Path) -> None:
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("done")

    asking = [processes.thread(lambda: Shared(tmp_path).once("thing", make)) for _ in range(8)]
    for each in asking:
        processes.join(each)
    assert made == [tmp_path / "thing"]
    assert Shared(tmp_path).once("thing", make).read_text() == "done"


def test_what_could_not_be_made_is_made_anew(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.mkdir()
        (path / "half").touch()
        raise RuntimeError

    def make(path: Path) -> None:
        path.mkdir()

    with pytest.raises(RuntimeError):
        Shared(tmp_path).once("thing", fail)
    assert list(Shared(tmp_path).once("thing", make).iterdir()) == []
