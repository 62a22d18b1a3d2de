"""What the hooks promise: a key for each project, in one place, and no surprises."""

import json
import os
import re
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

from tests import terminal
from tests.answers import CHOICES, COOKIECUTTER, type_answers
from tests.baking import copy_template
from tests.conftest import Bake
from tests.project import REPOSITORY, Project


def key_of(project: Project) -> str:
    [key] = re.findall(r"^SECRET_KEYS=(.*)$", project.read(".env"), re.MULTILINE)
    return str(key)


def test_two_projects_have_two_keys_readable_by_their_owner_only(bake: Bake) -> None:
    first, second = bake(), bake()
    assert key_of(first) != key_of(second)
    assert re.fullmatch(r"[\w-]{64}", key_of(first))
    assert stat.S_IMODE((first.path / ".env").stat().st_mode) == 0o600


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


def bake_once_more(project: Project, config: Path) -> None:
    """Generate a project over itself, as ``cookiecutter -f`` does."""
    cookiecutter(
        str(REPOSITORY),
        no_input=True,
        output_dir=str(project.path.parent),
        config_file=str(config),
        overwrite_if_exists=True,
    )


def test_a_key_that_is_there_stays(bake: Bake, cookiecutter_config: Path) -> None:
    project = bake()
    before = project.read(".env")
    files = project.files
    bake_once_more(project, cookiecutter_config)
    assert project.read(".env") == before
    assert project.files == files


def test_generating_once_more_leaves_alone_what_the_owner_has_made(
    bake: Bake, cookiecutter_config: Path
) -> None:
    project = bake()
    mine = ("notes__redis.md", "docs__html/guide__html.md", ".venv/lib/x__memory.py")
    for name in mine:
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text("mine")
    bake_once_more(project, cookiecutter_config)
    assert [project.read(name) for name in mine] == ["mine"] * 3


def test_the_hook_names_every_alternative_of_the_template() -> None:
    template = REPOSITORY / "{{cookiecutter.project_slug}}"
    hook = (REPOSITORY / "hooks" / "post_gen_project.py").read_text("utf-8")
    [named] = re.findall(r'ALTERNATIVES = """\n(.*?)\n"""', hook, re.DOTALL)
    paths = [path.relative_to(template).as_posix() for path in template.rglob("*__*")]
    assert named.split() == sorted(
        path for path in paths if not re.search(r"__(init|main)__|__pycache__", path)
    )


@pytest.mark.parametrize("hook", ["pre_gen_project", "post_gen_project"])
def test_hooks_use_the_standard_library_alone(hook: str) -> None:
    text = (REPOSITORY / "hooks" / f"{hook}.py").read_text("utf-8")
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert imported <= set(sys.stdlib_module_names)


def test_the_post_hook_may_run_twice(bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    project = bake()
    before = project.texts | {".env": project.read(".env")}
    hook = (REPOSITORY / "hooks" / "post_gen_project.py").read_text("utf-8")
    for key, value in project.answers.items():
        hook = hook.replace(f"{{{{ cookiecutter.{key} }}}}", value)
    script = project.path.parent / "hook.py"
    script.write_text(hook)
    monkeypatch.chdir(project.path)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    assert project.texts | {".env": project.read(".env")} == before


SUMMARIES = {
    (): """
Your app is in app.

  sessions    live in the database, beside the users
  users       live in SQLite, in the file app.db
  the cookie  comes along from other sites only when a link is followed (SameSite=Lax)
  the app     shows pages that work without JavaScript, and a JSON API
  tests       run in GitHub Actions on every push
  license     MIT

The secret key is in .env and in no other file. git ignores .env: keep it so.

Next:

  cd app
  make run     # then open http://localhost:8000 and register
  make test    # its own tests
""",
    ("redis", "postgresql", "none", "api", "gitlab", "Proprietary"): """
Your app is in app.

  sessions    live in Redis or Valkey
  users       live in PostgreSQL
  the cookie  comes along from every other site (SameSite=None): name them in TRUSTED_ORIGINS
  the app     is a JSON API
  tests       run in GitLab CI on every push
  license     Proprietary

The secret key is in .env and in no other file. git ignores .env: keep it so.

Next:

  cd app
  make run     # then open http://localhost:8000/docs
  make test    # its own tests
""",
    ("signed-cookie", "sqlite", "strict", "html", "none"): """
Your app is in app.

  sessions    live in the cookie, signed
  users       live in SQLite, in the file app.db
  the cookie  never comes along from other sites (SameSite=Strict)
  the app     shows pages that work without JavaScript, and a JSON API
  tests       run by hand, with make check and make test
  license     MIT

The secret key is in .env and in no other file. git ignores .env: keep it so.

Next:

  cd app
  make run     # then open http://localhost:8000 and register
  make test    # its own tests
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


def test_a_terminal_shows_the_summary_in_colours(tmp_path: Path) -> None:
    status, seen = generate_on_a_terminal(tmp_path)
    assert status == 0
    assert "\x1b[1mYour app is in my-fastapi-app.\x1b[0m" in seen
    assert "\x1b[36mmake run\x1b[0m" in seen


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_nobody_gets_colours_who_does_not_want_them(
    tmp_path: Path, variable: dict[str, str]
) -> None:
    status, seen = generate_on_a_terminal(tmp_path, **variable)
    assert status == 0
    assert "Your app is in my-fastapi-app." in seen
    assert "\x1b" not in seen


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
    # What follows is cookiecutter's own.
    assert seen.startswith(shown.format(sentence))
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
        done = subprocess.run(command, cwd=cwd, env=home, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

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
    assert key not in project.read(".cruft.json")
    assert json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]["ci"] == answers.get(
        "ci", "github"
    )
    run("git", "init", "-q", cwd=project.path)
    commit(project.path)
    run(cruft, "check", cwd=project.path)

    # An alternative, a file for all, and the one that the key is written into a copy of.
    backend = answers.get("session_backend", "database")
    for name in (f"app/sessions/store__{backend}.py", "README.md", ".env.example"):
        file = template / "{{cookiecutter.project_slug}}" / name
        file.write_text(file.read_text() + "\n# New in the template.\n")
    commit(template)
    run(cruft, "update", "--skip-apply-ask", cwd=project.path)
    for name in ("app/sessions/store.py", "README.md", ".env.example"):
        assert project.read(name).endswith("# New in the template.\n")
    assert key_of(project) == key
    assert [file for file in project.files if file.endswith((".rej", ".orig"))] == []
    run(cruft, "check", cwd=project.path)
