"""``python -m benchmarks``: measures everything and writes it down, or prints single parts."""

import argparse
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import growth, instructions, logins, machine, shares, startup, sweep
from benchmarks.report import Results
from benchmarks.targets import OWN, PEERS, POSTGRESQL, Target
from benchmarks.workbench import workbench
from tests.project import REPOSITORY

ROUNDS = 4

Part = Callable[[Sequence[Any], int], Any]
"""Measures the targets that it is given, in so many rounds."""

PARTS: Mapping[str, tuple[Sequence[Target], Part]] = {
    "shares": ((*OWN, *PEERS), shares.measure),
    "instructions": (OWN, lambda targets, _: instructions.measure(targets)),
    "growth": (growth.KEPT_AT_THE_SERVER, growth.measure),
    "sweep": (sweep.SWEPT, lambda targets, _: sweep.measure(targets)),
    "logins": (logins.SIGNING_IN, lambda targets, _: logins.measure(targets)),
    "startup": (startup.STARTED, startup.measure),
}


def describe() -> list[str]:
    """Say which machine this is, and which versions are measured."""
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
    """Measure what was asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    # To name none is a choice as well.
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each has its turn")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="of an app, as in the table"
    )
    asked = parser.parse_args()
    try:
        machine.check()
    except machine.Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    parts: dict[str, Any] = {"machine": describe()}
    for name in asked.parts or PARTS:
        targets, measure = PARTS[name]
        chosen = [each for each in targets if not asked.only or each.name in asked.only]
        parts[name] = measure(chosen, asked.rounds)
        print(Results(**{name: parts[name]}), flush=True)
    if not asked.parts and not asked.only:
        Results(**parts).write(REPOSITORY)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
