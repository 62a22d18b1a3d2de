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

from tests.answers import type_answers
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
