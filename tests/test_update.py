"""``make update``: what the template has learnt comes in, and what the owner wrote stays."""

import json
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import owner, processes
from tests.answers import DEFAULTS, HOSTILE
from tests.baking import bake, copy_template
from tests.conftest import LeaveOut
from tests.hooks import load
from tests.ledger import is_soak
from tests.project import REPOSITORY, Project
from tools import update
from tools.publish import address

SLUG = "{{cookiecutter.project_slug}}"
GENERATED = ("hooks", "cookiecutter.json", SLUG)
# So many commits that touched what is generated lie between the project and the template of now.
COMMITS = 5
STACKS = [
    {},
    {
        "session_backend": "redis",
        "database": "postgresql",
        "samesite": "strict",
        "frontend": "api",
        "identity": "username",
        "totp": "yes",
    },
    {"session_backend": "signed-cookie", "passkeys": "yes", "oidc": "yes", "ci": "none"},
    {"session_backend": "memory", "samesite": "none", "frontend": "api", "oidc": "yes"},
]
IN_SHORT = 2


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "tag.gpgSign=false")
    return processes.run(["git", *identity, *words], cwd=folder, check=True).stdout


def commit_all(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "As it stands")
    return git(folder, "rev-parse", "HEAD").strip()


@dataclass(frozen=True)
class Template:
    """A clone of the template, with a folder for what is baked from it."""

    path: Path

    def bake(self, version: str, answers: Mapping[str, str]) -> Project:
        """Bake a project of a version, in a repository of its own, and commit it."""
        folder = self.path.parent / f"of-{version[:12]}-{len(list(self.path.parent.iterdir()))}"
        folder.mkdir()
        git(folder, "clone", "--quiet", str(self.path), "template")
        git(folder / "template", "checkout", "--quiet", "--detach", version)
        (folder / "config.yaml").write_text(
            f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/clones\n"
        )
        (folder / "out").mkdir()
        return bake(folder / "out", folder / "config.yaml", answers)

    def commit(self, changes: Mapping[str, str | None]) -> str:
        """Commit changes of files: their new text, or None to delete one."""
        for name, text in changes.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        return commit_all(self.path)

    def read(self, name: str) -> str:
        return (self.path / name).read_text("utf-8")


@pytest.fixture
def template(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Template:
    """Clone the template, with its history and what is not committed."""
    path = own_folder / "clone"
    git(own_folder, "clone", "--quiet", str(REPOSITORY), str(path))
    for name in git(REPOSITORY, "ls-files", "-z", "--deleted").split("\0"):
        if name:
            (path / name).unlink()
    copy_template(path)
    commit_all(path)
    monkeypatch.setattr(update, "TEMPLATE", path)
    return Template(path)


def in_git(project: Project) -> Project:
    git(project.path, "init", "--quiet")
    commit_all(project.path)
    return project


def texts(project: Project) -> dict[str, str]:
    """Return the text of every file of the owner's, but for the key."""
    folders = (".git/", ".venv/")
    names = {name for name in project.files - {".env"} if not name.startswith(folders)}
    return {name: project.read(name) for name in names}


def unchained(text: str | None) -> str | None:
    """Return a text without what a migration follows: new ones follow the owner's."""
    return text and update.follow(text, "")


def conflicts_of(project: Project) -> set[str]:
    names = git(project.path, "diff", "--name-only", "--relative", "--diff-filter=U", "-z")
    return set(filter(None, names.split("\0")))


@pytest.mark.slow
@pytest.mark.parametrize("answers", STACKS if is_soak() else STACKS[:IN_SHORT], ids=repr)
def test_five_commits_come_in_and_what_the_owner_wrote_stays(
    template: Template,
    environment_of: Callable[[Project], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    leave_out: LeaveOut,
    answers: dict[str, str],
) -> None:
    history = git(REPOSITORY, "log", "--format=%H", f"-{COMMITS + 1}", "--", *GENERATED).split()
    if len(history) == 1:
        pytest.skip("this clone has no history: git fetch --unshallow")
    project = template.bake(history[-1], answers)
    before = texts(project)
    written = owner.take_over(project)
    in_git(project)
    edited, key = texts(project), project.read(".env")

    monkeypatch.chdir(project.path)
    words = [f"{name}={answer}" for name, answer in answers.items()]
    status = update.main(["--from", history[-1], *words])
    said = capsys.readouterr().out

    conflicts = conflicts_of(project)
    assert status == (1 if conflicts else 0)
    assert conflicts == set(re.findall(r"^  (\S+): .* by ", said, re.MULTILINE))
    assert project.read(".env") == key
    after = texts(template.bake(git(template.path, "rev-parse", "HEAD").strip(), answers))
    now = texts(project)
    for name in set(before) | set(after) - {".template.json"}:
        if edited.get(name) == before.get(name):
            assert unchained(now.get(name)) == unchained(after.get(name)), name
    for name, lines in written.items():
        assert set(lines) <= set(now[name].splitlines()), name
    for name in owner.DELETED:
        assert name not in now
    merged = {name for name in written if before.get(name) != after.get(name)} - conflicts
    for name in merged & set(before):
        new = set(after[name].splitlines()) - set(before[name].splitlines())
        assert new <= set(now[name].splitlines()), name
    if is_soak() and not conflicts:
        project.use(environment_of(project))
        tests = project.run(".venv/bin/python", "-m", "pytest", "-q")
        assert " passed" in tests.stdout
    leave_out("make update with all sets of answers, and the projects' tests after it: SOAK=1")


MIGRATION = """revision: str = "{0}"
down_revision: str | None = "{1}"
"""


@pytest.mark.slow
def test_make_update_merges_a_version_and_says_what_conflicts(
    template: Template,
) -> None:
    first = git(template.path, "rev-parse", "HEAD").strip()
    project = template.bake(first, {"ci": "none"})
    record = json.loads(project.read(".template.json"))
    assert record["template"] == str(template.path)
    assert record["commit"] == first
    owner.take_over(project)
    editorconfig = project.read(".editorconfig").replace("indent_size = 4", "indent_size = 3")
    (project.path / ".editorconfig").write_text(editorconfig)
    service = project.read("deploy/app.service") + "# Mine\n"
    (project.path / "deploy" / "app.service").write_text(service)
    (project.path / "deploy" / "mine.conf").write_text("Mine.\n")
    has_make(project)
    in_git(project)
    before, key = texts(project), project.read(".env")

    main = template.read(f"{SLUG}/app/main.py")
    questions = json.loads(template.read("cookiecutter.json"))
    template.commit(
        {
            f"{SLUG}/app/main.py": main.replace("read this first.", "read this before all else."),
            f"{SLUG}/README.md": f"# The app\n{template.read(f'{SLUG}/README.md')}",
            f"{SLUG}/AGENTS.md": None,
            f"{SLUG}/.editorconfig": None,
            f"{SLUG}/docs/new.md": "New.\n",
            # The whole folder moves.
            **{
                f"{SLUG}/{folder}/{name}": text
                for name in ("Caddyfile", "app.service", "nginx.conf")
                for folder, text in (
                    ("deploy", None),
                    ("server", template.read(f"{SLUG}/deploy/{name}")),
                )
            },
            f"{SLUG}/app/api/examples.py": template.read(f"{SLUG}/app/api/examples.py")
            + "\n# New\n",
            f"{SLUG}/migrations/versions/0009_new.py": MIGRATION.format("0009", "0002"),
            "cookiecutter.json": json.dumps({**questions, "colour": ["blue", "red"]}),
        }
    )
    git(template.path, "tag", "--annotate", "v9.1.0", "--message", "v9.1.0")
    template.commit({f"{SLUG}/docs/later.md": "Later.\n"})

    done = project.run("make", "update", "TO=v9.1.0", check=False)
    said, now = done.stdout, texts(project)
    assert done.returncode != 0
    assert "to v9.1.0 of the template. Files: 2 changed, 5 added, 4 deleted." in said
    assert "README.md: changed by you and by the template\n" in said
    assert ".editorconfig: changed by you, deleted by the template\n" in said
    assert "You have deleted app/api/examples.py, and it stays so.\n" in said
    assert "colour was not answered before, and is 'blue' now.\n" in said
    assert conflicts_of(project) == {"README.md", ".editorconfig"}
    assert "# Greetings\n" in now["README.md"]
    assert "# The app\n" in now["README.md"]
    assert now[".editorconfig"] == editorconfig
    assert '"""How the app is put together: read this before all else.' in now["app/main.py"]
    assert "include_router(greetings.router)" in now["app/main.py"]
    assert now["docs/new.md"] == "New.\n"
    assert now["server/app.service"] == service
    assert {name for name in now if name.startswith("deploy/")} == {"deploy/mine.conf"}
    assert not {"AGENTS.md", "docs/later.md", "app/api/examples.py"} & set(now)
    assert now["migrations/versions/0009_new.py"] == MIGRATION.format("0009", "nickname")
    assert json.loads(now[".template.json"])["answers"]["colour"] == "blue"
    assert project.read(".env") == key

    git(project.path, "reset", "--quiet", "--hard")
    assert texts(project) == before
    assert "The template has no version" in update_fails(project, "FROM=v0")


def has_make(project: Project) -> None:
    """Give a project what make update needs of its environment, and nothing else."""
    binaries = project.path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for program in ("python", "uv"):
        (binaries / program).symlink_to(Path(sys.executable).parent / program)
    ready = binaries.parent / ".ready"
    ready.touch()
    os.utime(ready, (2**32, 2**32))


def update_fails(project: Project, *words: str) -> str:
    done = project.run("make", "update", *words, check=False)
    assert done.returncode != 0
    return done.stdout


@pytest.mark.slow
def test_an_answer_is_changed_in_a_project_within_a_larger_repository(
    template: Template, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head = git(template.path, "rev-parse", "HEAD").strip()
    # As typed: what is given in another way would be evaluated.
    hostile = update.literal(HOSTILE)
    answers = {"project_name": hostile, "project_slug": "app", "author": hostile}
    baked = template.bake(head, answers)
    path = baked.path.parents[1] / "repository" / "services" / "shop"
    shutil.copytree(baked.path, path)
    project = Project(path, baked.answers)
    (path.parent / "README.md").write_text("Beside it.\n")
    cruft = {"template": "t", "commit": head, "context": {"cookiecutter": {"totp": False}}}
    (path / ".cruft.json").write_text(json.dumps(cruft))
    later = path / "migrations" / "versions" / "mine.py"
    later.write_text(MIGRATION.format("mine", "0002"))
    in_git(Project(path.parents[1], {}))
    monkeypatch.chdir(path)

    assert update.main(["totp=yes"]) == 0
    with_totp = template.bake(head, {**answers, "totp": "yes"})
    migrations = project.path / "migrations" / "versions"
    assert 'down_revision: str | None = "mine"' in (migrations / "0003_totp.py").read_text()
    assert json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]["totp"] is True
    theirs, ours = texts(with_totp), texts(project)
    own = {".cruft.json", "migrations/versions/mine.py"}
    assert set(ours) == set(theirs) | own
    differing = {name for name, text in theirs.items() if ours[name] != text}
    assert differing <= {".template.json", "migrations/versions/0003_totp.py"}
    assert (
        json.loads(ours[".template.json"])["answers"]
        == (json.loads(theirs[".template.json"])["answers"])
    )
    assert (path.parent / "README.md").read_text() == "Beside it.\n"

    # And back: a database has run the migration, so it stays.
    commit_all(path.parents[1])
    capsys.readouterr()
    assert update.main(["totp=no"]) == 0
    kept = {"migrations/versions/0003_totp.py"}
    assert set(texts(project)) == set(texts(baked)) | own | kept
    assert project.read("app/models.py") == baked.read("app/models.py")


@pytest.fixture
def fresh(template: Template, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project of the template as it stands, in Git, in the folder of which we are."""
    project = in_git(template.bake("HEAD", {}))
    monkeypatch.chdir(project.path)
    return project


@pytest.mark.slow
def test_an_update_writes_down_no_password_of_its_clone_and_obeys_no_hook(
    template: Template, fresh: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = fresh.path / ".template.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "template": None}))
    commit_all(fresh.path)
    template.commit({f"{SLUG}/new.md": "New.\n"})
    git(template.path, "remote", "set-url", "origin", "https://someone:word@example.com/t.git")
    # As git sets it for a hook of another repository.
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert update.main([]) == 0
    assert json.loads(record.read_text())["template"] == "https://example.com/t.git"
    assert (fresh.path / "new.md").read_text() == "New.\n"


@pytest.mark.slow
def test_an_update_that_cannot_be_made_is_refused_in_one_sentence_and_changes_nothing(
    template: Template, fresh: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*words: str) -> str:
        before = texts(fresh)
        assert update.main(words) == 1
        assert texts(fresh) == before
        said = capsys.readouterr()
        [sentence] = said.err.splitlines()
        assert said.out == ""
        return sentence

    assert update.main([]) == 0
    assert capsys.readouterr().out.startswith("There is nothing to update: this project is at ")

    assert refusal("--to", "v7") == "The template has no version v7."
    assert refusal("totp=perhaps") == "totp is one of yes, no, and not 'perhaps'."
    assert refusal("database=") == "database is one of sqlite, postgresql, and not ''."
    assert refusal("coffee=yes").startswith("The template does not ask for coffee, but: project")
    # What the owner has, and Git has not: of no index, and of one that ignores it.
    brought = ("notes/a.md", "b.local", "c.local/new.md", "d.local/new.md")
    template.commit({f"{SLUG}/{name}": "New.\n" for name in brought})
    # A file and a link that have the name of a folder.
    (fresh.path / "c.local").write_text("mine")
    (fresh.path / "d.local").symlink_to("c.local")
    (fresh.path / "notes").mkdir()
    (fresh.path / "notes" / "a.md").write_text("mine")
    (fresh.path / "b.local").write_text("mine")
    with (fresh.path / ".git" / "info" / "exclude").open("a") as file:
        file.write("*.local\n")
    assert refusal().startswith(
        "The template brings files that you have as well, outside of Git: "
        "b.local, c.local, d.local, notes/a.md."
    )
    record = fresh.path / ".template.json"
    record.write_text(record.read_text() + "\n")
    assert refusal() == "Some changes are not committed: commit or stash them first."
    record.unlink()
    commit_all(fresh.path)
    assert refusal().endswith("name it, as in make update FROM=v1.0.0.")
    shutil.rmtree(fresh.path / ".git")
    assert refusal().startswith("This project is in no Git repository, or nothing was committed")


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.delenv("PWD", raising=False)
    return load("post_gen_project", DEFAULTS)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone of something like the template, that is quick to make."""
    published = tmp_path / "published"
    for name in ("cookiecutter.json", ".gitattributes", "hooks/post_gen_project.py"):
        (published / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, published / name)
    git(published, "init", "--quiet")
    commit_all(published)
    git(tmp_path, "clone", "--quiet", str(published), "clone")
    return tmp_path / "clone"


def test_a_project_remembers_where_its_template_was_cloned_from_without_a_password(
    clone: Path, hook: dict[str, Any]
) -> None:
    head = git(clone, "rev-parse", "HEAD").strip()
    cloned = {"_repo_dir": str(clone), "_template": "gh:someone/template"}
    git(clone, "remote", "set-url", "origin", "https://someone:word@example.com/t.git")
    assert hook["origin"](cloned) == ("https://example.com/t.git", head)
    git(clone, "remote", "set-url", "origin", "git@example.com:t.git")
    assert hook["origin"](cloned) == ("git@example.com:t.git", head)


def test_a_commit_that_nobody_else_has_is_remembered_with_its_folder(
    clone: Path, hook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"_repo_dir": str(clone), "_template": str(clone)}
    published = git(clone, "rev-parse", "HEAD").strip()
    assert hook["origin"](own) == (str(clone.parent / "published"), published)
    head = commit_all(clone)
    assert hook["origin"](own) == (str(clone), head)
    # As typed: a hook runs in the folder of the project.
    relative = {"_repo_dir": ".", "_template": "."}
    monkeypatch.chdir(clone / "hooks")
    assert hook["origin"](relative) == (None, None)
    monkeypatch.setenv("PWD", str(clone))
    assert hook["origin"](relative) == (str(clone), head)


def test_what_cruft_knows_is_remembered(hook: dict[str, Any]) -> None:
    by_cruft = {"_template": "https://someone:word@example.com/t.git", "_commit": "1" * 40}
    assert hook["origin"](by_cruft) == ("https://example.com/t.git", "1" * 40)


def test_an_archive_names_its_commit_and_a_plain_folder_names_none(
    clone: Path, hook: dict[str, Any], tmp_path: Path
) -> None:
    folder = {"_repo_dir": str(tmp_path), "_template": "https://example.com/t.zip"}
    assert hook["origin"](folder) == (None, None)
    head = git(clone, "rev-parse", "HEAD").strip()
    git(clone, "archive", "--output", str(tmp_path / "t.tar"), "HEAD", "hooks")
    with tarfile.open(tmp_path / "t.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    text = (tmp_path / "hooks" / "post_gen_project.py").read_text("utf-8")
    assert f'COMMIT_OF_ARCHIVE = "{head}"' in text
    hook["COMMIT_OF_ARCHIVE"] = head
    assert hook["origin"](folder) == (hook["PUBLISHED"], head)
    assert hook["PUBLISHED"] == address()
