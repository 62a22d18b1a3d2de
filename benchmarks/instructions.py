"""Instructions of a request, which other load does not move: counted by valgrind's callgrind.

In process, without a server: what is counted is the application (ASGI).
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.targets import Own
from benchmarks.workbench import PEERS, PROBES, PRODUCTION, workbench
from tests.project import clean_environment

PATH = "/api/session"
REQUESTS = 100


@dataclass(frozen=True)
class Instructions:
    """Of one request, by the app and by the bare route that answers the same."""

    target: Own
    own: int
    bare: int


def measure(targets: Sequence[Own], requests: int = REQUESTS) -> list[Instructions]:
    """Count them for each."""
    counted = []
    with workbench() as bench:
        for target in targets:
            place, folder = bench.environment(target), bench.project(target).path
            server = bench.serve(target)
            body = server.body(PATH, server.sign_in(target))
            settings = {**PRODUCTION, **bench.stores(target)}
            own = _count(place, "app.main:app", folder, settings, requests)
            bodies = {"BODIES": json.dumps({PATH: body})}
            bare = _count(place, "bare:app", PEERS, bodies, requests)
            counted.append(Instructions(target, own, bare))
    return counted


def _count(
    environment: Path, app: str, folder: Path, variables: Mapping[str, str], requests: int
) -> int:
    """Return the instructions of a request: the difference of twice as many and as many."""
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--instr-atstart=no"),
                f"--callgrind-out-file={out}/dump",
                *(environment / "bin" / "python", PROBES / "count.py"),
                *(app, PATH, str(requests)),
            ],
            cwd=folder,
            env={
                **clean_environment(),
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": str(folder),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stdout)
        once, twice = (total(Path(out, f"dump.{number}").read_text("utf-8")) for number in (1, 2))
    return (twice - once) // requests


def total(dump: str) -> int:
    """Return how many instructions a dump of callgrind counts."""
    [summary] = re.findall(r"^summary: (\d+)", dump, re.M)
    return int(summary)
