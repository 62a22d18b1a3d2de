"""Proof that the generated tests bite: ``make mutants``.

Puts each fault of ``tests/mutants/`` into a copy of a fresh project, and runs the project's own
tests: those that are about it first, then all. A fault that none of them notices has survived.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from tests import baking
from tests.mutants import MUTANTS, sample
from tests.mutants.mutant import Mutant
from tests.project import Project
from tests.sharing import Shared

AT_ONCE = 2

# A fault may let a test wait for ever.
BOUNDS = ("-o", "faulthandler_timeout=300", "-o", "faulthandler_exit_on_timeout=true")
FAILED = re.compile(r"^FAILED (?P<test>[^\s\[]+)", re.MULTILINE)


class Stage:
    """A project that is never changed, and copies of it that are."""

    def __init__(self, project: Project, environment: Path) -> None:
        self._project = project
        self._environment = environment

    def first_failure(self) -> str | None:
        """Return the first of the project's tests that fails without any fault."""
        with self._copy() as copy:
            return _first_failure(copy)

    def killer(self, mutant: Mutant) -> str | None:
        """Return the test that notices a fault; None when it survives."""
        with self._copy() as copy:
            text = mutant.put_into(copy.read(mutant.file))
            (copy.path / mutant.file).write_text(text, encoding="utf-8", newline="\n")
            return _first_failure(copy, *mutant.tests) or _first_failure(copy)

    @contextmanager
    def _copy(self) -> Iterator[Project]:
        # A copy of its own, so that no compiled file of another fault is taken for this one's.
        with _folder() as folder:
            path = folder / "project"
            shutil.copytree(self._project.path, path)
            copy = Project(path, self._project.answers)
            copy.use(self._environment)
            yield copy


def _first_failure(project: Project, *tests: str) -> str | None:
    """Run tests until one fails, and return which; None when they pass."""
    done = project.run(
        ".venv/bin/python", "-m", "pytest", "-x", "-q", *BOUNDS, *tests,
        variables={"REQUIRE_SERVICES": "1"}, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    failed = FAILED.search(done.stdout)
    # Tests that could not be begun or ended prove nothing.
    assert failed, f"no test has failed, and yet they did not pass:\n{done.stdout}"
    return failed["test"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Say of each mutant which test kills it; 1 when one survives."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--sample", type=int, metavar="N", help="those N whose turn it is today")
    count = parser.parse_args(arguments).sample
    mutants = sample(date.today().toordinal(), count) if count else MUTANTS
    survivors = []
    with _folder() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        stages = _stages(folder, mutants)
        for failed in pool.map(Stage.first_failure, stages.values()):
            assert not failed, f"{failed} fails without any fault"
        killers = pool.map(lambda mutant: stages[mutant.stack].killer(mutant), mutants)
        for mutant, test in zip(mutants, killers, strict=True):
            print(f"{mutant.name:<56} | {mutant.backend:<13} | {test or 'SURVIVED'}", flush=True)
            if test is None:
                survivors.append(mutant.name)
    killed = len(mutants) - len(survivors)
    print(f"{len(mutants)} mutants: {killed} killed, {len(survivors)} survived")
    for name in survivors:
        print(f"survived: {name}", file=sys.stderr)
    return 1 if survivors else 0


def _stages(folder: Path, mutants: Sequence[Mutant]) -> dict[str, Stage]:
    """Bake every project that is needed, one after the other: baking changes the working folder."""
    config = baking.configure(folder)
    environments = baking.Environments(Shared(folder))
    stages: dict[str, Stage] = {}
    for mutant in mutants:
        if mutant.stack not in stages:
            (folder / mutant.stack).mkdir()
            project = baking.bake(folder / mutant.stack, config, mutant.answers)
            stages[mutant.stack] = Stage(project, environments.of(project))
    return stages


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        # PostgreSQL, which does not run as root, has to reach what is inside.
        Path(name).chmod(0o755)
        yield Path(name)


if __name__ == "__main__":
    raise SystemExit(main())
