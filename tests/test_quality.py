"""A generated project passes its own checks and tests, unchanged."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.answers import CHOICES, HOSTILE, PRODUCT, name, type_answers
from tests.conftest import Bake, Tell
from tests.project import Project

SUITES = [
    {"session_backend": backend, "database": database, "frontend": frontend}
    for backend in CHOICES["session_backend"]
    for database in CHOICES["database"]
    for frontend in CHOICES["frontend"]
]


@pytest.mark.slow
@pytest.mark.parametrize("answers", PRODUCT, ids=name)
def test_every_combination_is_formatted_linted_and_typed(
    bake_once: Bake,
    environment_of: Callable[[Project], Path],
    cache: Path,
    tell: Tell,
    answers: dict[str, str],
) -> None:
    project = bake_once(**answers)
    binaries = environment_of(project) / "bin"
    for command in (
        ("ruff", "format", "--check", "--no-cache", "."),
        ("ruff", "check", "--no-cache", "."),
        # What is checked of the libraries holds for all projects.
        ("mypy", "--cache-dir", str(cache)),
    ):
        project.run(str(binaries / command[0]), *command[1:])
    tell("linted and typed", project)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SUITES)), ids=lambda number: name(SUITES[number]))
def test_every_stack_passes_its_own_checks_and_tests(ready: Bake, tell: Tell, number: int) -> None:
    samesite = CHOICES["samesite"][number % 3]
    project = ready(**SUITES[number], samesite=samesite)
    before = {file: project.read(file) for file in project.files if not file.startswith(".venv")}
    project.run("make", "check")
    # Tracing takes time. Every fifth is each backend once, and each time another of the rest.
    target = "coverage" if number % 5 == 0 else "test"
    done = project.run("make", target, variables={"REQUIRE_SERVICES": "1"})
    assert not re.search(r"\d+ skipped", done.stdout)
    assert {file: project.read(file) for file in before} == before
    tell("tested", project)


@pytest.mark.slow
def test_so_does_one_with_a_hostile_name(
    tmp_path_factory: pytest.TempPathFactory, environment_of: Callable[[Project], Path]
) -> None:
    folder = tmp_path_factory.mktemp("hostile") / "out"
    done = type_answers(folder, HOSTILE, "hostile", HOSTILE, HOSTILE)
    assert done.returncode == 0
    project = Project(folder / "hostile", {})
    project.use(environment_of(project))
    project.run("make", "check")
    project.run("make", "test")


@pytest.mark.slow
def test_from_a_bare_checkout_with_nothing_but_python_and_make(bake: Bake) -> None:
    project = bake()
    (project.path / ".env").unlink()
    done = project.run("make", "test")
    assert " passed" in done.stdout
    project.run("make", "check")
    project.run("make", ".env")
    assert (project.path / ".env").stat().st_mode & 0o777 == 0o600
    project.python("-c", "import app.main")


@pytest.mark.slow
def test_the_tests_do_not_touch_the_database_of_the_developer(ready: Bake) -> None:
    project = ready()
    project.run(".venv/bin/alembic", "upgrade", "head")
    before = (project.path / "app.db").read_bytes()
    variables = {"SESSION_LIFETIME": "1", "LOGIN_MAX_FAILURES": "1", "ENVIRONMENT": "production"}
    project.run("make", "test", variables=variables)
    assert (project.path / "app.db").read_bytes() == before


@pytest.mark.slow
def test_the_first_commit_passes_its_own_hooks(ready: Bake) -> None:
    project = ready(ci="github")
    project.run("git", "init", "-q")
    project.run("git", "add", ".")
    home = {"PRE_COMMIT_HOME": str(project.path.parent / "pre-commit")}
    pre_commit = str(Path(sys.executable).parent / "pre-commit")
    project.run(pre_commit, "install", variables=home)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = project.run("git", *identity, "commit", "-m", "First", variables=home)
    assert "format, lint and types" in done.stdout
    assert "Passed" in done.stdout
    assert project.run("git", "status", "--porcelain").stdout == ""
