"""A developer builds an ordinary product on a project for a day, and nothing gets in the way.

The files are in ``tests/journey``, written as the documentation of FastAPI, SQLAlchemy and pytest
teaches. The project's own checks and tests pass with them, and again without the examples.
"""

import itertools
import re
import shutil
from pathlib import Path

import pytest

from tests.answers import CHOICES, name
from tests.conftest import Bake, LeaveOut
from tests.journey import edits
from tests.ledger import is_soak
from tests.project import Project

JOURNEY = Path(edits.__file__).parent

QUESTIONS = ("session_backend", "database", "frontend", "identity")
# Each database, frontend and identity.
STACKS: list[tuple[str, ...]] = [
    ("database", "sqlite", "html", "email"),
    ("signed-cookie", "postgresql", "api", "username"),
]


def stack(backend: int, database: int) -> tuple[str, ...]:
    """Return these answers, with the others in turns, so that every pair is among them."""
    numbers = (backend, database, (backend + database) % 2, (backend // 2 + database) % 2)
    return tuple(CHOICES[key][number] for key, number in zip(QUESTIONS, numbers, strict=True))


if is_soak():
    STACKS = [stack(*numbers) for numbers in itertools.product(range(4), range(2))]
PROJECTS = [dict(zip(QUESTIONS, stack, strict=True)) for stack in STACKS]
# What looks at the routes, the tables, the settings and the commands of whatever is there, and the
# product's own tests; with SOAK=1 all tests are run.
AFFECTED = [
    "attacks/test_every_route.py",
    "test_cli.py",
    "test_config.py",
    "test_database.py",
    "test_dependencies.py",
    "test_notebook.py",
    "test_notes.py",
    "test_openapi.py",
    "test_security_page.py",
]
# What asks for the first page after signing in.
OF_PAGES = [
    "test_admin_page.py",
    "test_error_pages.py",
    "test_mail_pages.py",
    "test_pages.py",
    "test_session_list_page.py",
    "test_sign_in_page.py",
    "test_strict_links.py",
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PROJECTS)), ids=lambda number: name(PROJECTS[number]))
def test_a_product_is_built_without_a_surprise(
    ready: Bake, leave_out: LeaveOut, number: int
) -> None:
    project = ready(**PROJECTS[number])
    with project.stores() as variables:
        build(project)
        alembic = (".venv/bin/alembic", "revision", "--autogenerate", "-m", "Add notes")
        project.run(*alembic, variables=variables)
        project.run(".venv/bin/alembic", "upgrade", "head", variables=variables)
        counted = project.run(".venv/bin/python", "-m", "app", "count-notes", variables=variables)
        assert counted.stdout == "0\n"
    project.run("make", "format", "check")
    run_tests(project, [] if is_soak() else AFFECTED)
    delete_the_examples(project)
    if project.answers["frontend"] == "html":
        replace_the_dashboard(project)
    project.run("make", "check")
    run_tests(project, [*AFFECTED, *OF_PAGES])
    leave_out("the journey with each stack, and all tests after it: SOAK=1")


def build(project: Project) -> None:
    """Put the files of the journey into a project, and change those that were there."""
    shutil.copytree(JOURNEY / "every", project.path, dirs_exist_ok=True)
    if project.answers["frontend"] == "html":
        shutil.copytree(JOURNEY / "html", project.path, dirs_exist_ok=True)
    for edit in edits.of(project.answers):
        text = project.read(edit.file)
        assert text.count(edit.old) == 1, edit
        (project.path / edit.file).write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def delete_the_examples(project: Project) -> None:
    """Delete what ``app/api/examples.py`` says, and nothing else."""
    for file in ("app/api/examples.py", "tests/test_examples.py"):
        (project.path / file).unlink()
    main = project.read("app/main.py").replace("import examples, ", "import ")
    main = main.replace("    app.include_router(examples.router)\n", "")
    assert "examples" not in main
    (project.path / "app/main.py").write_text(main, encoding="utf-8")


def replace_the_dashboard(project: Project) -> None:
    """Write another first page, and delete what README.md says."""
    dashboard = project.path / "app/templates/dashboard.html"
    title = "{% block title %}Start{% endblock %}"
    text = "{% block main %}<h1>Welcome</h1>{% endblock %}"
    dashboard.write_text(f'{{% extends "base.html" %}}\n{title}\n{text}\n', encoding="utf-8")
    (project.path / "tests/test_dashboard_page.py").unlink()


def run_tests(project: Project, files: list[str]) -> None:
    """Run some of the project's tests, or all; none may be skipped."""
    paths = [f"tests/{each}" for each in files if (project.path / "tests" / each).exists()]
    python = (".venv/bin/python", "-m", "pytest", "-q", *paths)
    done = project.run(*python, variables={"REQUIRE_SERVICES": "1"})
    assert re.search(r"\d+ passed", done.stdout)
    assert not re.search(r"\d+ (skipped|warnings?)", done.stdout)
