"""What the owner of a project does to it: edits of the kinds that the README invites to."""

import re
from pathlib import Path

from tests.project import Project

# Files that are the owner's own.
OWN = {
    "app/api/greetings.py": '''"""A route of the owner's."""

from fastapi import APIRouter

from app.api.schemas import ERRORS
from app.web.dependencies import CurrentSettings, CurrentUser

router = APIRouter(prefix="/api/greetings", responses=ERRORS)


@router.get("")
async def greet(user: CurrentUser, settings: CurrentSettings) -> str:
    """Greet the user."""
    return f"{settings.greeting}, {user.name}!"
''',
    "migrations/versions/nickname.py": '''"""Nicknames."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "nickname"
down_revision: str | None = "{head}"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("nickname", sa.String(50), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("users") as table:
        table.drop_column("nickname")
''',
    "tests/test_greetings.py": '''"""The owner's route."""

from tests.client import Client


async def test_users_are_greeted(client: Client) -> None:
    await client.signed_in()
    assert "Good morning, " in (await client.get("/api/greetings")).text
''',
}
PAGES = {
    "app/pages/about.py": '''"""A page of the owner's."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.templating import page
from app.web.dependencies import public

router = APIRouter(include_in_schema=False)


@router.get("/about")
@public
async def show_about(request: Request) -> Response:
    """Show what this is about."""
    return page(request, "about.html")
''',
    "app/templates/about.html": """{% extends "base.html" %}
{% block title %}About{% endblock %}
{% block main %}
<h1>Made by hand</h1>
{% endblock %}
""",
}
DELETED = ("app/api/examples.py", "tests/test_examples.py")
# In files that came with the project: where, what is there, and what is there now.
EDITS = [
    ("app/main.py", r"from app.api import (.*)examples", r"from app.api import \1greetings"),
    ("app/main.py", r"include_router\(examples.router\)", "include_router(greetings.router)"),
    (
        "app/models.py",
        r"\n    role: Mapped",
        "\n    nickname: Mapped[str | None] = mapped_column(String(50))\n    role: Mapped",
    ),
    (
        "app/config.py",
        r"\n    log_level: ",
        '\n    greeting: str = "Good morning"\n    log_level: ',
    ),
    ("README.md", r"\A# .*\n", "# Greetings\n\nAn app that greets.\n"),
]
PAGE_EDITS = [
    ("app/main.py", "from app.pages import (.*)account", r"from app.pages import \1about, account"),
    (
        "app/main.py",
        r"( +app.include_router\()account.router\)\n",
        r"\1about.router)\n\g<0>",
    ),
]


def take_over(project: Project) -> dict[str, list[str]]:
    """Make a project its owner's; return the lines that they have written, by file."""
    pages = project.answers["frontend"] == "html"
    migrations = (project.path / "migrations" / "versions").glob("*.py")
    head = max(path.name.partition("_")[0] for path in migrations)
    written = {}
    for name, text in {**OWN, **(PAGES if pages else {})}.items():
        _write(project.path / name, text.replace("{head}", head))
        written[name] = project.read(name).splitlines()
    for name, pattern, replacement in [*EDITS, *(PAGE_EDITS if pages else [])]:
        before = project.read(name)
        after, count = re.subn(pattern, replacement, before, count=1)
        assert count == 1, (name, pattern)
        _write(project.path / name, after)
        new = [line for line in after.splitlines() if line not in before.splitlines()]
        # A line may be edited more than once.
        kept = [line for line in written.get(name, []) if line in after.splitlines()]
        written[name] = kept + [line for line in new if line not in kept]
    for name in DELETED:
        (project.path / name).unlink()
    with (project.path / ".env").open("a", encoding="utf-8") as file:
        file.write("GREETING=Good morning\n")
    return written


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
