"""What the hooks promise: a key for each project, in one place, and no surprises."""

import itertools
import json
import os
import re
import shutil
import stat
import sys
import time
from collections import Counter
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from tests import processes, terminal
from tests.answers import CHOICES, COOKIECUTTER, DEFAULTS, type_answers
from tests.baking import bake as bake_into
from tests.baking import copy_template
from tests.conftest import Bake
from tests.hooks import load
from tests.imports import imports
from tests.project import REPOSITORY, Project

TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"


def key_of(project: Project) -> str:
    [key] = re.findall(r"^SECRET_KEYS=(.*)$", project.read(".env"), re.MULTILINE)
    return str(key)


def test_two_projects_have_two_keys_readable_by_their_owner_only(bake: Bake) -> None:
    first, second = bake(), bake()
    assert key_of(first) != key_of(second)
    assert re.fullmatch(r"[\w-]{64}", key_of(first))
    assert stat.S_IMODE((first.path / ".env").stat().st_mode) == 0o600


@pytest.mark.slow
def test_the_key_is_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert type_answers(tmp_path / "out").returncode == 0
    key = key_of(Project(tmp_path / "out" / "my-fastapi-app", {}))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "home" / ".cookiecutter_replay" in [path.parent for path in files]
    holding = [path.name for path in files if key.encode() in path.read_bytes()]
    assert holding == [".env"]


def test_git_tracks_neither_the_key_nor_data(bake: Bake) -> None:
    project = bake()
    (project.path / "app.db").touch()
    project.run("git", "init", "-q")
    project.run("git", "add", ".")
    tracked = set(project.run("git", "ls-files").stdout.split())
    assert project.files - tracked >= {".env", "app.db"}
    assert {".env.example", ".gitignore", "app/main.py"} <= tracked


def bake_once_more(project: Project, config: Path, **answers: str) -> None:
    """Generate a project over itself, as ``cookiecutter -f`` does."""
    bake_into(project.path.parent, config, {**project.answers, **answers}, overwrite=True)


def test_a_key_that_is_there_stays(bake: Bake, cookiecutter_config: Path) -> None:
    project = bake()
    before = project.read(".env")
    files = project.files
    bake_once_more(project, cookiecutter_config)
    assert project.read(".env") == before
    assert project.files == files


# What an owner may call their own files, in the folder that the template uses for a moment too.
MINE = (
    "notes__redis.md",
    "docs/_choices/ci-gitlab/guide.md",
    "app/_choices/session_backend-redis/app/redis.py",
    ".venv/lib/_choices/x.py",
    "_choices/notes.md",
    "_choices/license/to-think-about.md",
    "_choices/colour-red/paint.py",
)


@pytest.mark.parametrize(
    "answers", [{}, {"session_backend": "redis", "frontend": "api", "ci": "none"}], ids=repr
)
def test_generating_once_more_leaves_alone_what_the_owner_has_made(
    bake: Bake, bake_once: Bake, cookiecutter_config: Path, answers: dict[str, str]
) -> None:
    project = bake()
    before = project.files
    for name in MINE:
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text("mine")
    bake_once_more(project, cookiecutter_config, **answers)
    assert [project.read(name) for name in MINE] == ["mine"] * len(MINE)
    # What the first choice has brought is the owner's by now; the second one is there in full.
    again = bake_once(**{**project.answers, **answers})
    assert project.files == before | again.files | set(MINE)
    assert {name: project.read(name) for name in again.texts} == again.texts


@pytest.fixture(scope="module")
def post_hook() -> dict[str, Any]:
    return load("post_gen_project", DEFAULTS)


SIGNED_API = {"session_backend": "signed-cookie", "database": "postgresql", "frontend": "api"}


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ("frontend-api", True),
        ("frontend-html", False),
        # A clause is split at its first hyphen.
        ("session_backend-signed-cookie", True),
        ("session_backend-signed", False),
        ("session_backend-cookie", False),
        # One of several answers.
        ("session_backend-redis,signed-cookie", True),
        ("session_backend-database,redis,memory", False),
        # Two clauses.
        ("frontend-api+session_backend-signed-cookie", True),
        ("frontend-api+session_backend-redis", False),
        ("frontend-html+session_backend-signed-cookie", False),
        ("frontend-html,api+session_backend-redis,signed-cookie+database-postgresql", True),
        # Two conditions.
        ("database-postgresql_or_session_backend-redis", True),
        ("session_backend-redis_or_database-postgresql", True),
        ("database-sqlite_or_session_backend-redis", False),
        ("database-sqlite_or_frontend-api+database-postgresql", True),
        ("database-sqlite_or_frontend-api+database-sqlite", False),
    ],
)
def test_a_condition_holds_when_its_clauses_do(
    post_hook: dict[str, Any], condition: str, is_met: bool
) -> None:
    assert post_hook["is_condition"](condition, SIGNED_API)
    assert post_hook["holds"](condition, SIGNED_API) is is_met


@pytest.mark.parametrize(
    "name",
    ["notes.md", "frontend", "frontend_html", "colour-red", "frontend-api+colour-red", "frontend+"],
)
def test_other_names_are_no_conditions(post_hook: dict[str, Any], name: str) -> None:
    assert not post_hook["is_condition"](name, SIGNED_API)


@pytest.mark.parametrize("kind", [PurePosixPath, PureWindowsPath])
def test_a_file_of_a_choice_has_its_place_on_every_system(
    post_hook: dict[str, Any], kind: type[PurePath]
) -> None:
    folder = kind("C:/x/_choices") / "ci-github"
    placed = post_hook["place"](folder / ".github" / "workflows" / "ci.yml", folder)
    assert placed == kind(".github/workflows/ci.yml")


CHOICE_FOLDERS = sorted(path.name for path in (TEMPLATE / "_choices").iterdir())


@pytest.mark.parametrize("condition", CHOICE_FOLDERS)
def test_each_condition_of_the_template_asks_for_answers_that_exist(condition: str) -> None:
    clauses = re.split(r"\+|_or_", condition)
    for key, wanted in (clause.split("-", 1) for clause in clauses):
        assert set(wanted.split(",")) <= set(CHOICES[key]), key


def test_whatever_is_answered_each_file_has_one_source(post_hook: dict[str, Any]) -> None:
    files = [path.relative_to(TEMPLATE) for path in TEMPLATE.rglob("*") if path.is_file()]
    common = [path for path in files if path.parts[0] != "_choices"]
    for values in itertools.product(*CHOICES.values()):
        answers = dict(zip(CHOICES, values, strict=True))
        chosen = [name for name in CHOICE_FOLDERS if post_hook["holds"](name, answers)]
        laid = [
            Path(*path.parts[2:])
            for path in files
            if path.parts[0] == "_choices" and path.parts[1] in chosen
        ]
        twice = [path for path, times in Counter([*common, *laid]).items() if times > 1]
        assert twice == [], answers


def lay_out(project: Path) -> dict[str, str]:
    """Write what cookiecutter has written when the hook begins; what is to come of it."""
    texts = {
        "app/main.py": "common",
        "app/old.py": "older",
        "_choices/frontend-api/app/api/routes.py": "api",
        "_choices/frontend-api/app/old.py": "newer",
        "_choices/frontend-html/app/pages/auth.py": "html",
    }
    for name, text in texts.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    return {"app/main.py": "common", "app/old.py": "newer", "app/api/routes.py": "api"}


def in_folder(project: Path) -> dict[str, str]:
    files = (path for path in project.rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): path.read_text() for path in files}


def test_what_is_read_only_is_laid_and_removed_like_everything_else(
    post_hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = lay_out(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    replace, unlink = Path.replace, os.unlink

    def is_read_only(path: Path) -> bool:
        return path.is_file() and not path.stat().st_mode & stat.S_IWRITE

    # As Windows does it.
    def replace_on_windows(source: Path, target: Path) -> Path:
        if is_read_only(target):
            raise PermissionError(13, "Access is denied", str(target))
        return replace(source, target)

    def unlink_on_windows(path: str, *, dir_fd: int | None = None) -> None:
        mode = os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode
        if not mode & stat.S_IWRITE:
            raise PermissionError(13, "Access is denied", path)
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(Path, "replace", replace_on_windows)
    monkeypatch.setattr(os, "unlink", unlink_on_windows)
    post_hook["lay_choices"](tmp_path, SIGNED_API)
    monkeypatch.undo()
    assert in_folder(tmp_path) == expected
    assert not (tmp_path / "_choices").exists()
    # Once more, there is nothing to do.
    post_hook["lay_choices"](tmp_path, SIGNED_API)
    assert in_folder(tmp_path) == expected


def test_a_hook_that_was_interrupted_goes_on_where_it_was(
    post_hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = lay_out(tmp_path)
    replace = Path.replace

    def replace_once(source: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", interrupt)
        return replace(source, target)

    def interrupt(source: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace_once)
    with pytest.raises(KeyboardInterrupt):
        post_hook["lay_choices"](tmp_path, SIGNED_API)
    monkeypatch.undo()
    post_hook["lay_choices"](tmp_path, SIGNED_API)
    assert in_folder(tmp_path) == expected


def outside_the_standard_library(text: str) -> set[str]:
    modules = {name.partition(".")[0] for name in imports(text, "hook")}
    return modules - set(sys.stdlib_module_names)


def test_the_hook_uses_the_standard_library_alone() -> None:
    text = (REPOSITORY / "hooks" / "post_gen_project.py").read_text("utf-8")
    assert outside_the_standard_library(text) == set()


@pytest.mark.parametrize(
    "line",
    [
        "import rich",
        "import os, rich",
        "import rich.table as table",
        "from rich import print",
        "from rich.table import Table",
        "def main():\n    import rich",
        "try:\n    from rich import print\nexcept ImportError:\n    pass",
        "if True: import json, rich",
        "module = importlib.import_module('rich')",
        "module = __import__('rich')",
    ],
)
def test_another_import_is_seen_at_any_depth(line: str) -> None:
    assert outside_the_standard_library(line) == {"rich"}


def test_the_post_hook_may_run_twice(bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    project = bake()
    before = project.texts | {".env": project.read(".env")}
    monkeypatch.chdir(project.path)
    answers = json.loads(project.read(".template.json"))["answers"]
    assert load("post_gen_project", answers)["main"]() == 0
    assert project.texts | {".env": project.read(".env")} == before


def test_it_takes_less_than_a_second(bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    project = bake()
    shutil.copytree(TEMPLATE / "_choices", project.path / "_choices")
    hook = load("post_gen_project", project.answers)
    monkeypatch.chdir(project.path)
    began = time.process_time()
    assert hook["main"]() == 0
    assert time.process_time() - began < 1
    assert not (project.path / "_choices").exists()


SUMMARIES = {
    (): """
Your app is in app.

  Sessions  stored in the database, next to the users
  Users     stored in SQLite, in a file in this folder
  Cookie    sent from other sites only when someone follows a link (SameSite=Lax)
  App       HTML pages that work without JavaScript, and a JSON API
  Sign-in   with an email address, which is verified
  CI        GitHub Actions runs the tests on every push
  License   MIT

The secret key is in .env and nowhere else. Git ignores .env: keep it that way.

Next:

  cd app
  git init     # then commit: make update merges newer versions into what you have
  make run     # then open http://localhost:8000 and register
  make test    # runs the project's own tests
""",
    (
        *("redis", "postgresql", "none", "api", "username", "yes", "no", "no", "gitlab"),
        "Proprietary",
    ): """
Your app is in app.

  Sessions  stored in Redis or Valkey
  Users     stored in PostgreSQL
  Cookie    sent from every other site (SameSite=None): list yours in TRUSTED_ORIGINS
  App       a JSON API
  Sign-in   with a user name
  Codes     from an authenticator app, as a second factor
  CI        GitLab CI runs the tests on every push
  License   proprietary, all rights reserved

The secret key is in .env and nowhere else. Git ignores .env: keep it that way.

Next:

  cd app
  git init     # then commit: make update merges newer versions into what you have
  make run     # then open http://localhost:8000/docs
  make test    # runs the project's own tests
""",
    ("signed-cookie", "sqlite", "strict", "html", "email", "no", "yes", "yes", "none"): """
Your app is in app.

  Sessions   stored in the cookie itself, signed
  Users      stored in SQLite, in a file in this folder
  Cookie     never sent from other sites (SameSite=Strict)
  App        HTML pages that work without JavaScript, and a JSON API
  Sign-in    with an email address, which is verified
  Passkeys   to sign in without a password
  Providers  to sign in with, named in OIDC_PROVIDERS
  CI         none: run make check and make test yourself
  License    MIT

The secret key is in .env and nowhere else. Git ignores .env: keep it that way.

Next:

  cd app
  git init     # then commit: make update merges newer versions into what you have
  make run     # then open http://localhost:8000 and register
  make test    # runs the project's own tests
""",
}


@pytest.mark.parametrize("answers", SUMMARIES, ids=lambda answers: "-".join(answers) or "defaults")
def test_what_was_made_is_told_in_words(
    bake: Bake, capfd: pytest.CaptureFixture[str], answers: tuple[str, ...]
) -> None:
    bake(project_slug="app", **dict(zip(CHOICES, answers, strict=False)))
    assert capfd.readouterr().out == SUMMARIES[answers]


def test_a_console_that_knows_ascii_alone_ends_no_project(
    bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    monkeypatch.setenv("PYTHONUTF8", "0")
    assert (bake(project_name="日本語 🔐", author="山田太郎").path / ".env").exists()


def generate_on_a_terminal(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run cookiecutter on a terminal; return its exit status, and what is seen."""
    dropped = {"NO_COLOR", "WT_SESSION"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    command = (str(COOKIECUTTER), "--no-input", "--output-dir", ".", str(REPOSITORY), *arguments)
    environment = {**kept, "TERM": "xterm", "HOME": str(folder), **variables}
    return terminal.use(command, folder, environment)


@pytest.mark.slow
def test_a_terminal_shows_the_summary_in_colours(tmp_path: Path) -> None:
    status, seen = generate_on_a_terminal(tmp_path)
    assert status == 0
    assert "\x1b[1mYour app is in my-fastapi-app.\x1b[0m" in seen
    assert "\x1b[36mmake run\x1b[0m" in seen


@pytest.mark.slow
@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_nobody_gets_colours_who_does_not_want_them(
    tmp_path: Path, variable: dict[str, str]
) -> None:
    status, seen = generate_on_a_terminal(tmp_path, **variable)
    assert status == 0
    assert "Your app is in my-fastapi-app." in seen
    assert "\x1b" not in seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "shown"),
    [({}, "\x1b[31m{}\x1b[0m\r\n"), ({"NO_COLOR": "1"}, "{}\r\n")],
    ids=["in red", "plain"],
)
def test_a_refusal_is_one_sentence_in_red_and_leaves_nothing(
    tmp_path: Path, variable: dict[str, str], shown: str
) -> None:
    status, seen = generate_on_a_terminal(tmp_path, "project_slug=con", **variable)
    assert status == 1
    sentence = "project_slug 'con' is a name that Windows keeps for itself: choose another."
    assert seen.endswith(shown.format(sentence))
    assert not (tmp_path / "con").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [{}, {"session_backend": "signed-cookie", "frontend": "api", "ci": "gitlab"}],
    ids=repr,
)
def test_cruft_creates_checks_and_updates_and_leaves_the_key_alone(
    tmp_path: Path, answers: dict[str, str]
) -> None:
    template = tmp_path / "template"
    home = {**os.environ, "HOME": str(tmp_path / "home")}

    def run(*command: str, cwd: Path) -> str:
        return processes.run(command, cwd=cwd, env=home, check=True).stdout

    def commit(folder: Path) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        run("git", "add", "-A", cwd=folder)
        run("git", *identity, "commit", "-qm", "change", cwd=folder)

    cruft = str(Path(sys.executable).parent / "cruft")
    copy_template(template)
    run("git", "init", "-q", cwd=template)
    commit(template)
    out = tmp_path / "out"
    out.mkdir()
    run(
        cruft,
        "create",
        "--no-input",
        "--extra-context",
        json.dumps(answers),
        str(template),
        cwd=out,
    )
    project = Project(out / "my-fastapi-app", {})
    key = key_of(project)
    assert "_choices" not in {path.name for path in project.path.iterdir()}
    assert key not in project.read(".cruft.json")
    assert json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]["ci"] == answers.get(
        "ci", "github"
    )
    run("git", "init", "-q", cwd=project.path)
    commit(project.path)
    run(cruft, "check", cwd=project.path)

    # An alternative, a file for all, and the one that the key is written into a copy of.
    backend = answers.get("session_backend", "database")
    for name in (
        f"_choices/session_backend-{backend}/app/sessions/store.py",
        "README.md",
        ".env.example",
    ):
        file = template / "{{cookiecutter.project_slug}}" / name
        file.write_text(file.read_text() + "\n# New in the template.\n")
    commit(template)
    run(cruft, "update", "--skip-apply-ask", cwd=project.path)
    for name in ("app/sessions/store.py", "README.md", ".env.example"):
        assert project.read(name).endswith("# New in the template.\n")
    assert key_of(project) == key
    # So that make update goes on from there.
    by_cruft, own = (json.loads(project.read(name)) for name in (".cruft.json", ".template.json"))
    assert own["template"] == by_cruft["template"]
    assert own["commit"] == by_cruft["commit"]
    assert [file for file in project.files if file.endswith((".rej", ".orig"))] == []
    assert "_choices" not in {path.name for path in project.path.iterdir()}
    run(cruft, "check", cwd=project.path)
