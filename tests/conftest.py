"""Fixtures: bake a project, give it an environment."""

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests import baking, ledger
from tests.deploying import Certificate
from tests.project import Project

Bake = Callable[..., Project]
Tell = Callable[[str, Project], None]

# What may be done with a combination of answers, in the order of the last line.
DEEDS = ("baked", "linted and typed", "tested", "served")


@pytest.fixture
def tell(record_property: Callable[[str, str], None]) -> Tell:
    """Note what was done with a combination of answers; the end of the run says how many."""

    def note(deed: str, project: Project) -> None:
        record_property(deed, "-".join(project.answers.values()))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many combinations were baked, linted and typed, tested, and served."""
    done: dict[str, set[str]] = {deed: set() for deed in DEEDS}
    for report in terminalreporter.stats.get("passed", ()):
        for deed, combination in report.user_properties:
            if deed in done:
                done[deed].add(combination)
    counts = ", ".join(f"{len(combinations)} {deed}" for deed, combinations in done.items())
    terminalreporter.write_line(f"combinations of answers: {counts}")
    if ledger.is_soak():
        ledger.write(ledger.entries(terminalreporter.stats.get("passed", ())))


@pytest.fixture(scope="session")
def cookiecutter_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep cookiecutter's replays and clones out of the home folder."""
    return baking.configure(tmp_path_factory.mktemp("cookiecutter"))


@pytest.fixture(scope="session")
def bake_once(tmp_path_factory: pytest.TempPathFactory, cookiecutter_config: Path) -> Bake:
    """Bake a project; the same answers give the same one, which no test may change."""
    baked: dict[tuple[tuple[str, str], ...], Project] = {}

    def bake(**answers: str) -> Project:
        key = tuple(sorted(answers.items()))
        if key not in baked:
            folder = tmp_path_factory.mktemp("shared")
            baked[key] = baking.bake(folder, cookiecutter_config, answers)
        return baked[key]

    return bake


@pytest.fixture
def bake(cookiecutter_config: Path) -> Iterator[Bake]:
    """Bake a project of the test's own."""
    numbers = count()
    with tempfile.TemporaryDirectory() as root:
        # PostgreSQL, which does not run as root, has to reach its data in the project.
        Path(root).chmod(0o755)

        def bake(**answers: str) -> Project:
            folder = Path(root) / str(next(numbers))
            folder.mkdir()
            return baking.bake(folder, cookiecutter_config, answers)

        yield bake


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Project], Path]:
    """Make one environment for each set of dependencies."""
    return baking.Environments(tmp_path_factory.mktemp("environments")).of


@pytest.fixture
def ready(bake: Bake, environment_of: Callable[[Project], Path]) -> Bake:
    """Bake a project of the test's own, with an environment it can run in."""

    def bake_ready(**answers: str) -> Project:
        project = bake(**answers)
        project.use(environment_of(project))
        return project

    return bake_ready


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Issue a certificate for the site of the deployments."""
    return Certificate.issue(tmp_path_factory.mktemp("certificate"))
