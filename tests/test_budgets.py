"""The generated app stays small enough to be read: budgets, and how much of each is used."""

import itertools
import json
from pathlib import Path

import pytest

from tests.answers import CHOICES
from tests.conftest import Bake, Figure
from tests.sizes import app_sizes, code_lines

PROBES = Path(__file__).parent / "probes"

# Code lines: neither blank, nor comment, nor docstring. They may fall, and not rise.
DEFAULT_LINES, DEFAULT_FILES = 4_185, 66
API_LINES = 3_452
# A project with another backend, beside one with sessions in the database.
MORE_FOR_A_BACKEND = 0.15
# What people with addresses need more than people with names.
MORE_FOR_EMAIL = 766
# What codes from an authenticator app need.
MORE_FOR_TOTP = 487
# What passkeys need.
MORE_FOR_PASSKEYS = 628
# What accounts at providers need.
MORE_FOR_OIDC = 1_188
# All lines, since a reader scrolls over them.
FILE_LINES = 277
# What is entered between a cookie's arrival and the user that it stands for, in code lines.
WAY_FILES, WAY_LINES = 11, 1_030


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("# A comment.\n\n", 0),
        ('"""A module."""\n', 0),
        ("a = 1  # with a comment\n", 1),
        ("a = (\n    1\n)\n", 3),
        ('a = """\ntext\n\n"""\n', 4),
        ('def f():\n    """Do.\n\n    So.\n    """\n    return 1\n', 2),
        ('class C:\n    """A class."""\n\n    async def f(self):\n        """Do."""\n', 2),
        ('def f():\n    return 1\n    """No docstring."""\n', 3),
    ],
)
def test_code_lines_are_neither_blank_nor_comment_nor_docstring(text: str, count: int) -> None:
    assert code_lines(text) == count


def test_the_default_project_is_within_its_budget(bake_once: Bake, figure: Figure) -> None:
    sizes = app_sizes(bake_once().texts)
    lines = sum(sizes.values())
    figure("default project", f"{lines:,} of {DEFAULT_LINES:,} code lines")
    figure("default project", f"{len(sizes)} of {DEFAULT_FILES} files")
    longest = sorted(sizes.items(), key=lambda each: -each[1])[:10]
    assert lines <= DEFAULT_LINES, longest
    assert len(sizes) <= DEFAULT_FILES, sorted(sizes)


def test_an_api_without_pages_is_within_its_budget(bake_once: Bake, figure: Figure) -> None:
    lines = sum(app_sizes(bake_once(frontend="api").texts).values())
    figure("frontend=api", f"{lines:,} of {API_LINES:,} code lines")
    assert lines <= API_LINES


def test_addresses_and_mail_are_within_their_budget(bake_once: Bake, figure: Figure) -> None:
    plain, more = (
        sum(app_sizes(bake_once(identity=identity).texts).values())
        for identity in ("username", "email")
    )
    figure("identity=email", f"{more - plain:,} of {MORE_FOR_EMAIL:,} code lines more")
    assert more - plain <= MORE_FOR_EMAIL


def test_an_authenticator_app_is_within_its_budget(bake_once: Bake, figure: Figure) -> None:
    plain, more = (sum(app_sizes(bake_once(totp=totp).texts).values()) for totp in ("no", "yes"))
    figure("totp", f"{more - plain:,} of {MORE_FOR_TOTP:,} code lines more")
    assert more - plain <= MORE_FOR_TOTP


def test_passkeys_are_within_their_budget(bake_once: Bake, figure: Figure) -> None:
    plain, more = (
        sum(app_sizes(bake_once(passkeys=passkeys).texts).values()) for passkeys in ("no", "yes")
    )
    figure("passkeys", f"{more - plain:,} of {MORE_FOR_PASSKEYS:,} code lines more")
    assert more - plain <= MORE_FOR_PASSKEYS


def test_providers_are_within_their_budget(bake_once: Bake, figure: Figure) -> None:
    plain, more = (sum(app_sizes(bake_once(oidc=oidc).texts).values()) for oidc in ("no", "yes"))
    figure("oidc", f"{more - plain:,} of {MORE_FOR_OIDC:,} code lines more")
    assert more - plain <= MORE_FOR_OIDC


def test_no_backend_makes_it_much_larger(bake_once: Bake, figure: Figure) -> None:
    totals = {
        backend: sum(app_sizes(bake_once(session_backend=backend).texts).values())
        for backend in CHOICES["session_backend"]
    }
    most = int(totals["database"] * (1 + MORE_FOR_A_BACKEND))
    for backend, lines in totals.items():
        figure(f"session_backend={backend}", f"{lines:,} of {most:,} code lines")
    assert max(totals.values()) <= most


def test_no_file_of_an_app_is_long(bake_once: Bake, figure: Figure) -> None:
    lines: dict[str, int] = {}
    questions = ("session_backend", "frontend", "identity")
    for answers in itertools.product(*(CHOICES[key] for key in questions)):
        for file, text in bake_once(**dict(zip(questions, answers, strict=True))).texts.items():
            if file.startswith("app/") and file.endswith((".py", ".html", ".js")):
                lines[file] = max(lines.get(file, 0), text.count("\n"))
    longest = max(lines, key=lambda file: lines[file])
    figure("longest file", f"{lines[longest]} of {FILE_LINES} lines, {longest}")
    assert {file: count for file, count in lines.items() if count > FILE_LINES} == {}


@pytest.mark.slow
def test_a_cookie_is_a_short_way_from_its_user(ready: Bake, figure: Figure) -> None:
    project = ready()
    project.run(".venv/bin/alembic", "upgrade", "head")
    printed = project.python(str(PROBES / "entered.py"), PYTHONPATH=".")
    files: list[str] = json.loads(printed.splitlines()[-1])
    lines = sum(code_lines(project.read(file)) for file in files)
    figure("way of a cookie", f"{len(files)} of {WAY_FILES} files, {lines} of {WAY_LINES} lines")
    assert "app/sessions/token.py" in files
    assert len(files) <= WAY_FILES, files
    assert lines <= WAY_LINES, files
