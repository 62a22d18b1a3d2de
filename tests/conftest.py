"""Fixtures: bake a project, give it an environment."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests import baking, ledger
from tests.answers import PLAIN, PRODUCT
from tests.deploying import Certificate
from tests.project import Project
from tests.sharing import Shared

# For projects, and not for this one.
collect_ignore = ["journey"]

Bake = Callable[..., Project]
Tell = Callable[[str, Project], None]
Figure = Callable[[str, str], None]
LeaveOut = Callable[[str], None]

# What may be done with a combination of answers, in the order of the last line.
STAGES = ("baked", "linted and typed", "tested", "served")
FIGURE = "figure"
LEFT_OUT = "left out"


@pytest.fixture
def tell(record_property: Callable[[str, str], None]) -> Tell:
    """Note what was done with a combination of answers; the end of the run says how many."""

    def note(stage: str, project: Project) -> None:
        record_property(stage, "-".join(project.answers.values()))

    return note


@pytest.fixture
def figure(record_property: Callable[[str, str], None]) -> Figure:
    """Note a figure, passed or not; the end of the run shows it. what: is measured; said: of it."""

    def note(what: str, said: str) -> None:
        record_property(FIGURE, f"{what}: {said}")

    return note


@pytest.fixture
def leave_out(record_property: Callable[[str, str], None]) -> LeaveOut:
    """Note what a test does not try, and how to have it tried; the end of the run says so."""
    return lambda said: record_property(LEFT_OUT, said)


def _said(name: str, reports: Iterable[pytest.TestReport]) -> set[str]:
    """Return what tests have noted under a name."""
    noted = (each for report in reports for each in report.user_properties)
    return {str(said) for about, said in noted if about == name}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures, how many combinations were baked, checked and tested, and what was not."""
    passed = terminalreporter.stats.get("passed", [])
    done: dict[str, set[str]] = {stage: set() for stage in STAGES}
    for report in passed:
        for stage, combination in report.user_properties:
            if stage in done:
                done[stage].add(combination)
    for said in sorted(_said(FIGURE, [*passed, *terminalreporter.stats.get("failed", [])])):
        terminalreporter.write_line(said)
    counts = ", ".join(f"{len(combinations)} {stage}" for stage, combinations in done.items())
    terminalreporter.write_line(f"of {len(PRODUCT)} combinations of answers: {counts}")
    for said in sorted(_said(LEFT_OUT, passed)):
        terminalreporter.write_line(f"left out: {said}")
    if ledger.is_soak():
        ledger.write(ledger.entries(passed))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Share what is made once in a run with the other workers."""
    folder = tmp_path_factory.getbasetemp()
    # That of a worker is inside the one of the run.
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    (folder / "shared").mkdir(exist_ok=True)
    return Shared(folder / "shared")


@pytest.fixture(scope="session")
def cookiecutter_config(shared: Shared) -> Path:
    """Prepare the template to be baked; keep cookiecutter's replays out of the home folder."""

    def configure(folder: Path) -> None:
        baking.configure(folder)

    return shared.once("cookiecutter", configure) / "config.yaml"


@pytest.fixture(scope="session")
def bake_once(shared: Shared, cookiecutter_config: Path) -> Bake:
    """Bake a project; the same answers give the same one, which no test may change.

    The other answers are those of PLAIN.
    """

    def bake(**answers: str) -> Project:
        every = {**PLAIN, **answers}

        def bake_into(folder: Path) -> None:
            folder.mkdir()
            baking.bake(folder, cookiecutter_config, every)

        said = json.dumps(every, sort_keys=True)
        folder = shared.once(hashlib.sha256(said.encode()).hexdigest()[:16], bake_into)
        [path] = folder.iterdir()
        return Project(path, every)

    return bake


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """Make a folder for projects of the test's own."""
    with tempfile.TemporaryDirectory() as root:
        # PostgreSQL, which does not run as root, has to reach its data in the project.
        Path(root).chmod(0o755)
        yield Path(root)


@pytest.fixture
def bake(own_folder: Path, cookiecutter_config: Path) -> Bake:
    """Bake a project of the test's own."""
    numbers = count()

    def bake(**answers: str) -> Project:
        folder = own_folder / str(next(numbers))
        folder.mkdir()
        return baking.bake(folder, cookiecutter_config, answers)

    return bake


@pytest.fixture(scope="session")
def environment_of(shared: Shared) -> Callable[[Project], Path]:
    """Make one environment for each set of dependencies."""
    return baking.Environments(shared).of


@pytest.fixture
def ready(own_folder: Path, bake_once: Bake, environment_of: Callable[[Project], Path]) -> Bake:
    """Copy a project for the test's own use, with an environment it can run in."""
    numbers = count()

    def copy(**answers: str) -> Project:
        baked = bake_once(**answers)
        path = own_folder / f"ready-{next(numbers)}" / baked.path.name
        shutil.copytree(baked.path, path)
        project = Project(path, baked.answers)
        project.use(environment_of(project))
        return project

    return copy


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Issue a certificate for the site of the deployments."""
    return Certificate.issue(tmp_path_factory.mktemp("certificate"))
