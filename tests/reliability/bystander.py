"""Somebody who goes on using the app while others abuse it, and what that costs the server."""

import os
import threading
import time
from pathlib import Path

import httpx2

from tests import processes

MIB = 1024 * 1024


class Bystander:
    """Asks for the same, again and again, for as long as the block lasts.

    client: finds the app, and sends a live session along. method, path, json: what is asked for:
    who is signed in, when nothing else is said.
    """

    def __init__(
        self,
        client: httpx2.Client,
        method: str = "GET",
        path: str = "/api/me",
        json: object = None,
    ) -> None:
        self._client = client
        self._request = client.build_request(method, path, json=json)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.took: list[float] = []
        """Seconds that each answer took."""
        self.wrong: list[str] = []
        """What came in the place of the right answer."""

    def __enter__(self) -> "Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        processes.join(self._thread)

    @property
    def seen(self) -> str:
        """How long answers took, in a few words."""
        took = sorted(self.took)
        middle, slow = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
        return f"{len(took):,} answers meanwhile, half within {middle:.0f} ms, 99 % {slow:.0f} ms"

    def _ask(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                answer = self._client.send(self._request)
            except httpx2.HTTPError as error:
                self.wrong.append(repr(error))
            else:
                self.took.append(time.monotonic() - begun)
                if not answer.is_success:
                    self.wrong.append(str(answer.status_code))
            # A person is no flood.
            if self._over.wait(0.02):
                return


class Usage:
    """What the processes of a server hold.

    pid: its first process, which leads the session that all others of it are in.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        for each in self._processes():
            # From now on the highest figure counts anew (proc(5), clear_refs).
            Path(f"/proc/{each}/clear_refs").write_text("5")
        self._memory = self._peak()
        self.sockets_before = self.sockets

    @property
    def more_memory(self) -> int:
        """By how many bytes the memory in use was larger, at its highest, than at first."""
        return self._peak() - self._memory

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return sum(
            1
            for each in self._processes()
            for descriptor in Path(f"/proc/{each}/fd").iterdir()
            if _leads_to(descriptor).startswith("socket:")
        )

    def _processes(self) -> list[int]:
        every = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [each for each in every if _session_of(each) == self._pid]

    def _peak(self) -> int:
        return sum(_peak_of(each) for each in self._processes())


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _peak_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _leads_to(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""
