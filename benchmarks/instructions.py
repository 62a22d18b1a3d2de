"""Instructions of a request, counted by valgrind's callgrind: they do not depend on other load.

Only the ASGI application is counted: it runs in process, without a server.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.machine import LOAD_CORE, SERVER_CORE
from benchmarks.targets import Own, Reading, Target
from benchmarks.workbench import ACCOUNT, PROBES, App, workbench

REQUESTS = 50
# Under valgrind an app takes about half a minute.
TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Instructions:
    """Instructions of one request, to the app and to the bare route that answers the same."""

    target: Target
    reading: Reading
    own: int
    bare: int

    @property
    def beyond(self) -> int:
        """Instructions that the bare route does not need."""
        return self.own - self.bare


def measure(targets: Sequence[Target], requests: int = REQUESTS) -> list[Instructions]:
    """Count them for each reading of each app."""
    with workbench() as bench:
        return [
            each for target in targets for each in _measure(bench.app(target), target, requests)
        ]


def _measure(app: App, target: Target, requests: int) -> list[Instructions]:
    asked = {
        "name": app.name,
        "sign_in": _sign_in(target),
        "readings": [(reading.path, reading.forged) for reading in target.readings],
        "requests": requests,
    }
    counts = iter(_count(app, json.dumps(asked)))
    return [
        Instructions(target, reading, next(counts) // requests, next(counts) // requests)
        for reading in target.readings
    ]


def _sign_in(target: Target) -> list[tuple[str, str, str]]:
    """Return the path, the content type and the body of each request that signing in takes."""
    if isinstance(target, Own):
        paths = ("/api/register", target.login)
        return [(path, "application/json", json.dumps(ACCOUNT)) for path in paths]
    return [(target.login, "application/x-www-form-urlencoded", urlencode(ACCOUNT))]


def _count(app: App, asked: str) -> list[int]:
    """Return the instructions that the probe takes between each getpgrp and the next getppid."""
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [
                *("taskset", "-c", f"{LOAD_CORE},{SERVER_CORE}"),
                *("valgrind", "--tool=callgrind", "--instr-atstart=no"),
                *("--zero-before=getpgrp", "--dump-before=getppid"),
                f"--callgrind-out-file={out}/dump",
                *(app.environment / "bin" / "python", PROBES / "count.py", asked),
            ],
            cwd=app.folder,
            env={**app.variables, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(done.stdout)
        number = len(list(Path(out).glob("dump.*")))
        return [total(Path(out, f"dump.{each + 1}").read_text("utf-8")) for each in range(number)]


def total(dump: str) -> int:
    """Return the number of instructions in a dump of callgrind."""
    [summary] = re.findall(r"^summary: (\d+)", dump, re.M)
    return int(summary)
