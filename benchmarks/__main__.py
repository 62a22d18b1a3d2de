"""Measure everything and write the results down, or measure single parts and print them.

What a session costs, for one app of the template or for a project that is already baked:

python -m benchmarks instructions --only memory
python -m benchmarks --project FOLDER --environment FOLDER/.venv
"""

import argparse
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    growth,
    instructions,
    logins,
    machine,
    memory,
    pages,
    rows,
    shares,
    startup,
    storm,
    sweep,
)
from benchmarks.report import Results
from benchmarks.targets import OWN, PEERS, POSTGRESQL, Target, baked
from benchmarks.workbench import workbench
from tests.project import REPOSITORY

ROUNDS = 4

Part = Callable[[Sequence[Any], int], Any]
"""Measures the given targets, in so many rounds."""

PARTS: Mapping[str, tuple[Sequence[Target], Part]] = {
    "shares": ((*OWN, *PEERS), shares.measure),
    "instructions": ((*OWN, *PEERS), lambda targets, _: instructions.measure(targets)),
    "growth": (growth.KEPT_AT_THE_SERVER, growth.measure),
    "rows": (rows.FILLED, rows.measure),
    "sweep": (sweep.SWEPT, lambda targets, _: sweep.measure(targets)),
    "logins": (logins.SIGNING_IN, lambda targets, _: logins.measure(targets)),
    "storm": (storm.STORMED, lambda targets, _: storm.measure(targets)),
    "startup": (startup.STARTED, startup.measure),
    "pages": (pages.WITH_PAGES, pages.measure),
    "memory": (OWN, lambda targets, _: memory.measure(targets)),
}


def describe() -> list[str]:
    """Describe the machine and the versions that are measured."""
    with workbench() as bench:
        project = bench.project(POSTGRESQL)
        pins = dict(re.findall(r"^([\w-]+)==([\d.]+)", project.read("requirements.txt"), re.M))
        find = "from tests.postgresql import find_binaries; print(find_binaries() / 'postgres')"
        postgresql = machine.version_of(project.python("-c", find).strip(), "--version")
    libraries = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "sqlalchemy")
    redis = machine.version_of("redis-server", "--version")
    return [
        f"{machine.processor()}, {machine.CORES} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, Redis {redis}, PostgreSQL {postgresql}",
        ", ".join(f"{name} {pins[name]}" for name in libraries),
        f"load of the machine before: {machine.load_average()}",
    ]


def main() -> int:
    """Measure what was asked for and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    # Without the empty list, argparse refuses to be given no part at all.
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="measure this app alone, named as in the tables; may be repeated",
    )
    parser.add_argument(
        "--project",
        type=Path,
        metavar="FOLDER",
        help="count the instructions of a project that is already baked",
    )
    parser.add_argument(
        "--environment",
        type=Path,
        metavar="FOLDER",
        help="virtual environment to run it in; by default its .venv, or a new one",
    )
    asked = parser.parse_args()
    try:
        machine.check()
    except machine.Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    if asked.project:
        counted = instructions.measure([baked(asked.project, asked.environment)])
        print(Results(instructions=counted))
        return 0
    writes = not asked.parts and not asked.only
    parts: dict[str, Any] = {"machine": describe()} if writes else {}
    for name in asked.parts or PARTS:
        targets, measure = PARTS[name]
        chosen = [each for each in targets if not asked.only or each.name in asked.only]
        parts[name] = measure(chosen, asked.rounds)
        print(Results(**{name: parts[name]}), flush=True)
    if writes:
        Results(**parts).write(REPOSITORY)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
