"""Requests sent by wrk, as fast as they are answered."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "load.lua"

# Enough to keep the server busy, and fewer than its connection pools hold.
CONNECTIONS = 8


@dataclass(frozen=True)
class Burst:
    """The outcome of a burst of requests. Times are in milliseconds."""

    requests: int
    seconds: float
    p99: float
    longest: float
    refused: int
    """Answers with a status of 400 and above."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Load:
    """What is sent. cookies: sent in turns; an empty one means no cookie.

    bodies: sent in turns as well, each from an address of its own.
    """

    url: str
    cookies: Sequence[str] = ("",)
    method: str = "GET"
    bodies: Sequence[str] = ("",)
    connections: int = CONNECTIONS

    def start(self, seconds: int) -> subprocess.Popen[str]:
        """Start sending, for whole seconds, on the cores that this process may use."""
        options = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "60s"]
        command = ["wrk", *options, "-s", str(SCRIPT), self.url, "--"]
        return subprocess.Popen(
            [*command, self.method, str(len(self.bodies)), *self.bodies, *self.cookies],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, seconds: int) -> Burst:
        """Send for whole seconds, and return the outcome."""
        return finish(self.start(seconds))


def finish(sending: subprocess.Popen[str]) -> Burst:
    """Wait for the end of a burst. Raises RuntimeError when requests got no answer."""
    output, _ = sending.communicate()
    told = json.loads(output.splitlines()[-1])
    if told["lost"] or not told["requests"]:
        raise RuntimeError(f"requests without an answer: {told}")
    return Burst(
        requests=told["requests"],
        seconds=told["duration"] / 1e6,
        p99=told["p99"] / 1e3,
        longest=told["longest"] / 1e3,
        refused=told["refused"],
    )
