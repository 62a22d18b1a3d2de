"""A generated project passes its own checks and tests, unchanged."""

from collections.abc import Callable

import pytest

from tests.conftest import Bake
from tests.project import Project
from tests.test_answers import HOSTILE, type_answers


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "samesite"),
    [("sqlite", "lax"), ("postgresql", "strict"), ("sqlite", "none"), ("postgresql", "lax")],
)
def test_format_lint_types_and_tests(ready: Bake, database: str, samesite: str) -> None:
    project = ready(database=database, samesite=samesite)
    before = {file: project.read(file) for file in project.files if not file.startswith(".venv")}
    project.run("make", "check")
    project.run("make", "test", variables={"REQUIRE_SERVICES": "1"})
    assert {file: project.read(file) for file in before} == before


@pytest.mark.slow
def test_so_does_one_with_a_hostile_name(
    tmp_path_factory: pytest.TempPathFactory, environment_of: Callable[[Project], object]
) -> None:
    folder = tmp_path_factory.mktemp("hostile") / "out"
    done = type_answers(folder, HOSTILE, "hostile", HOSTILE, HOSTILE)
    assert done.returncode == 0
    project = Project(folder / "hostile", {})
    project.use(environment_of(project))  # type: ignore[arg-type]
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
