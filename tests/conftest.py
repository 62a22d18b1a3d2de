"""Fixtures: bake a project, give it an environment, open a browser."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from playwright.sync_api import Browser, sync_playwright

from tests.answers import DEFAULTS
from tests.project import REPOSITORY, Project

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

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
            done[deed].add(combination)
    counts = ", ".join(f"{len(combinations)} {deed}" for deed, combinations in done.items())
    terminalreporter.write_line(f"combinations of answers: {counts}")


@pytest.fixture(scope="session")
def cookiecutter_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep cookiecutter's replays and clones out of the home folder."""
    folder = tmp_path_factory.mktemp("cookiecutter")
    config = folder / "config.yaml"
    config.write_text(f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/clones\n")
    return config


@pytest.fixture(scope="session")
def bake_once(tmp_path_factory: pytest.TempPathFactory, cookiecutter_config: Path) -> Bake:
    """Bake a project; the same answers give the same one, which no test may change."""
    baked: dict[tuple[tuple[str, str], ...], Project] = {}

    def bake(**answers: str) -> Project:
        key = tuple(sorted(answers.items()))
        if key not in baked:
            baked[key] = _bake(tmp_path_factory.mktemp("shared"), cookiecutter_config, answers)
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
            return _bake(folder, cookiecutter_config, answers)

        yield bake


def _bake(folder: Path, config: Path, answers: dict[str, str]) -> Project:
    path = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        extra_context=answers,
        output_dir=str(folder),
        config_file=str(config),
    )
    return Project(Path(path), {**DEFAULTS, **answers})


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Project], Path]:
    """Make one environment for each set of dependencies."""
    made: dict[str, Path] = {}
    uv = str(Path(sys.executable).parent / "uv")
    variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}

    def environment(project: Project) -> Path:
        pins = project.read("requirements.txt") + project.read("requirements-dev.txt")
        if pins not in made:
            path = tmp_path_factory.mktemp("environment") / "venv"
            install = [uv, "pip", "install", "-q", "-p", str(path / "bin" / "python")]
            files = ["-r", "requirements.txt", "-r", "requirements-dev.txt"]
            for command in ([uv, "venv", "-q", "-p", sys.executable, str(path)], install + files):
                subprocess.run(command, cwd=project.path, check=True, env=variables)
            made[pins] = path
        return made[pins]

    return environment


@pytest.fixture
def ready(bake: Bake, environment_of: Callable[[Project], Path]) -> Bake:
    """Bake a project of the test's own, with an environment it can run in."""

    def bake_ready(**answers: str) -> Project:
        project = bake(**answers)
        project.use(environment_of(project))
        return project

    return bake_ready


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    if not CHROMIUM.exists():
        reason = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_OPTIONS, headless=True
        )
        yield browser
        browser.close()
