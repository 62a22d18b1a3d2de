"""The template is ready to be published: its workflows, its versions, its examples, its address."""

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import processes
from tests.baking import copy_template
from tests.deploying import actionlint
from tests.project import REPOSITORY, Project
from tools import publish, release
from tools.examples import EXAMPLES

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
FORMS = REPOSITORY / ".github" / "ISSUE_TEMPLATE"
CONTENTS = {"contents": "read"}

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.stem)


def load(workflow: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(workflow.read_text("utf-8"))
    return loaded


def named(name: str) -> dict[str, Any]:
    return load(REPOSITORY / ".github" / "workflows" / f"{name}.yml")


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


# Workflows and forms


@pytest.mark.slow
def test_linters_find_nothing_in_the_workflows_and_the_forms() -> None:
    folder = Path(sys.executable).parent
    schema = (str(folder / "check-jsonschema"), "--builtin-schema")
    forms = [str(FORMS / "bug.yml"), str(FORMS / "idea.yml")]
    for command in (
        (str(folder / "zizmor"), "--offline", "--persona=auditor", ".github"),
        (*schema, "vendor.github-workflows", *map(str, WORKFLOWS)),
        (*schema, "vendor.dependabot", ".github/dependabot.yml"),
        (*schema, "vendor.github-issue-forms", *forms),
        (*schema, "vendor.github-issue-config", str(FORMS / "config.yml")),
    ):
        processes.run(command, cwd=REPOSITORY, check=True)
    assert actionlint(*WORKFLOWS) == ""


@each_workflow
def test_every_action_and_image_is_fixed(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    for line in re.findall("uses:.*", text):
        assert re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    for line in re.findall("image:.*", text):
        assert re.fullmatch(r"image: \S+@sha256:[0-9a-f]{64}", line)


@each_workflow
def test_only_a_job_that_runs_no_code_of_others_may_write(workflow: Path) -> None:
    loaded = load(workflow)
    assert loaded["permissions"] == CONTENTS
    for job in loaded["jobs"].values():
        if job.get("permissions", CONTENTS) != CONTENTS:
            assert not re.search(r"make|pip|python|uv\b|\.ci/", json.dumps(job["steps"]))
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_workflows_run_what_the_makefile_has() -> None:
    targets = set(re.findall("^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.M))
    ran = {
        name: set(re.findall(r"\bmake ([a-z-]+)", " ".join(map(str, steps(named(name))))))
        for name in ("ci", "pins")
    }
    assert ran == {"ci": {"check", "test-fast", "test"}, "pins": {"pins"}}
    weekly = set(named("weekly")["jobs"]["long"]["strategy"]["matrix"]["command"])
    assert weekly == {"soak", "mutants", "fuzz"}
    assert set().union(*ran.values(), weekly) <= targets


def test_the_parts_of_the_gate_run_every_test_once() -> None:
    parts = named("ci")["jobs"]["gate"]["strategy"]["matrix"]["include"]
    chosen: list[Path] = []
    for part in parts:
        words = part["tests"].split()
        left_out = [word.removeprefix("--ignore=") for word in words if word.startswith("--")]
        for word in (word for word in words if not word.startswith("--")):
            path = REPOSITORY / word
            files = [path] if path.is_file() else list(path.rglob("test_*.py"))
            chosen += [
                file
                for file in files
                if not any(file.is_relative_to(REPOSITORY / each) for each in left_out)
            ]
    assert len(parts) > 2
    assert sorted(chosen) == sorted((REPOSITORY / "tests").rglob("test_*.py"))


# A copy, of which somebody makes a version


@pytest.fixture
def copy(tmp_path: Path) -> Project:
    """Copy what there is, commit it on main, and give it an environment."""
    copy_template(tmp_path)
    (tmp_path / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (tmp_path / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (tmp_path / ".venv" / ".ready").touch()
    copied = Project(tmp_path, {})
    git(copied, "init", "--quiet", "--initial-branch=main")
    commit(copied)
    return copied


def git(copied: Project, *words: str) -> str:
    return copied.run("git", *words, variables=WHO).stdout


def git_grep(copied: Project, *words: str) -> str:
    """Return the lines of the examples in which something is found."""
    done = copied.run("git", "grep", *words, "examples", variables=WHO, check=False)
    assert done.returncode < 2, done.stdout
    return done.stdout


def commit(copied: Project) -> None:
    git(copied, "add", "--all")
    git(copied, "commit", "--quiet", "--message", "As it stands")


WHO = {
    f"GIT_{role}_{field}": said
    for role in ("AUTHOR", "COMMITTER")
    for field, said in (("NAME", "t"), ("EMAIL", "t@example.com"))
} | {"HOME": "/nonexistent"}


def edit(copied: Project, name: str, before: str, after: str) -> None:
    text = copied.read(name)
    assert before in text
    (copied.path / name).write_text(text.replace(before, after, 1), encoding="utf-8")


def dated(copied: Project, version: str, day: date) -> None:
    """Let the changelog have a section of this day for a version, in place of what is new."""
    news = f"## [Unreleased]\n\n## [{version}] - {day}\n\n### Added\n\n- Tea.\n\n"
    [before] = re.findall(
        r"^## \[Unreleased\]\n.*?(?=^## )", copied.read("CHANGELOG.md"), re.MULTILINE | re.DOTALL
    )
    edit(copied, "CHANGELOG.md", before, news)


def test_make_publish_replaces_the_account_wherever_it_stands(copy: Project) -> None:
    before = {name: copy.read(name) for name in git(copy, "grep", "-Il", "").splitlines()}
    here = publish.names_of(copy.path)
    mentions = {name for name, text in before.items() if here in text}
    assert {"README.md", "pyproject.toml", "hooks/post_gen_project.py", "CHANGELOG.md"} <= mentions
    assert "is no name of an account" in copy.run("make", "publish", check=False).stdout
    assert git(copy, "status", "--porcelain") == ""
    copy.run("make", "publish", "ORG=octo-cat")
    assert set(git(copy, "diff", "--name-only").splitlines()) == mentions
    for name, text in before.items():
        text = re.sub(r"> Not published yet: .*\n\n", "", text)
        assert copy.read(name) == text.replace(here, "octo-cat/cookiecutter-fastapi-sessions")
    assert "Not published yet" in before["README.md"]
    assert publish.names_of(copy.path).startswith("octo-cat/")


def test_the_template_is_called_by_one_address() -> None:
    repository = publish.names_of(REPOSITORY).partition("/")[2]
    named = re.compile(rf"(?:github\.com/|gh:)([\w-]+)/{repository}")
    listed = processes.run(["git", "ls-files"], cwd=REPOSITORY, check=True).stdout.splitlines()
    texts = [(REPOSITORY / name).read_bytes().decode("utf-8", "ignore") for name in listed]
    accounts = {account for text in texts for account in named.findall(text)}
    # This file has made one up.
    assert accounts - {"octo-cat"} == {publish.names_of(REPOSITORY).partition("/")[0]}


def test_make_release_writes_commits_and_tags_a_version_and_pushes_nothing(copy: Project) -> None:
    copy.run("make", "publish", "ORG=octo-cat")
    dated(copy, "7.0.0", date.today())
    commit(copy)
    said = copy.run("make", "release", "VERSION=7.0.0", variables=WHO).stdout
    assert "git push --atomic origin main v7.0.0" in said
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "cat-file", "-t", "v7.0.0").strip() == "tag"
    assert git(copy, "rev-parse", "v7.0.0^{commit}") == git(copy, "rev-parse", "HEAD")
    message = git(copy, "tag", "--list", "--format=%(contents)", "v7.0.0")
    assert message.startswith("Version 7.0.0\n\n### Added\n\n- Tea.\n")
    assert "CHANGELOG" not in message
    assert '\nversion = "7.0.0"\n' in copy.read("pyproject.toml")
    home = "https://github.com/octo-cat/cookiecutter-fastapi-sessions"
    links = copy.read("CHANGELOG.md").partition("\n[Unreleased]: ")[2].splitlines()
    assert links[0] == f"{home}/compare/v7.0.0...HEAD"
    assert links[1] == f"[7.0.0]: {home}/releases/tag/v7.0.0"


def test_make_release_says_what_is_missing_and_changes_nothing(copy: Project) -> None:
    today = date.today()

    def refusal(version: str = "7.0.0") -> str:
        before = git(copy, "rev-parse", "HEAD"), git(copy, "status", "--porcelain")
        with pytest.raises(release.Refused) as refused:
            release.release(copy.path, version, today)
        assert (git(copy, "rev-parse", "HEAD"), git(copy, "status", "--porcelain")) == before
        assert git(copy, "tag") == tags
        return str(refused.value)

    tags = ""
    assert refusal("7.0") == "'7.0' is no version: make release VERSION=1.2.0"
    if publish.names_of(copy.path).startswith("ORG/"):
        assert refusal() == "Nobody has said where this is published: make publish ORG=name"
        publish.publish(copy.path, "octo-cat")
    assert refusal().startswith("The work tree is not clean")
    commit(copy)
    assert refusal().startswith("CHANGELOG.md has no section for 7.0.0")
    dated(copy, "7.0.0", today - timedelta(days=1))
    commit(copy)
    assert refusal() == f"CHANGELOG.md dates 7.0.0 otherwise: ## [7.0.0] - {today}"
    edit(copy, "CHANGELOG.md", f"{today - timedelta(days=1)}\n\n### Added\n\n- Tea.", f"{today}")
    commit(copy)
    assert refusal() == "CHANGELOG.md says nothing about 7.0.0: write what is new."
    git(copy, "switch", "--quiet", "--create", "tea")
    assert refusal() == "This is tea, and versions are made on main: git switch main"
    git(copy, "switch", "--quiet", "main")
    git(copy, "tag", "v7.0.0")
    tags = "v7.0.0\n"
    assert refusal() == "The version 7.0.0 exists already: git show v7.0.0"


def test_the_changelog_has_a_section_for_what_pyproject_calls_the_version() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    [version] = re.findall(
        '^version = "(.*)"$', (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert newest
    # Until it is released, the version is the one before.
    assert version in (newest[1], "0.1.0")


@pytest.mark.slow
def test_make_examples_writes_a_branch_to_browse_and_nothing_else(
    copy: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy.path)
    (copy.path / "README.md").write_text("Not committed.")
    before = git(copy, "status", "--porcelain"), git(copy, "rev-parse", "HEAD")
    assert "git push origin examples" in copy.run("make", "examples").stdout
    assert (git(copy, "status", "--porcelain"), git(copy, "rev-parse", "HEAD")) == before
    names = git(copy, "ls-tree", "-r", "--name-only", "examples").splitlines()
    assert {name.partition("/")[0] for name in names} == {"README.md", *EXAMPLES}
    assert {f"{example}/app/main.py" for example in EXAMPLES} <= set(names)
    assert [name for name in names if name.endswith("/.env")] == []
    record = json.loads(git(copy, "show", "examples:default/.template.json"))
    assert record["template"] == publish.address()
    assert record["commit"] == before[1].strip()
    # Whoever renders it on another machine gets the same.
    assert git_grep(copy, "-F", f"{tempfile.gettempdir()}/tmp") == ""
    assert git_grep(copy, "-E", "^SECRET_KEYS=.") == ""
    assert "Not committed." not in git(copy, "show", "examples:README.md")
    first = git(copy, "rev-parse", "examples")
    assert "up to date" in copy.run("make", "examples").stdout
    assert git(copy, "rev-parse", "examples") == first
