"""Whatever is answered: a working project, or one sentence and nothing left behind."""

import json
import sys
import tomllib
from pathlib import Path

import pytest

from local_extensions import MAX_CHARACTERS, fault, unknown
from tests import processes
from tests.answers import CHOICES, HOSTILE, type_answers
from tests.conftest import Bake
from tests.project import REPOSITORY, Project

CONTRACT = [
    "project_name",
    "project_slug",
    "description",
    "author",
    "session_backend",
    "database",
    "samesite",
    "frontend",
    "identity",
    "totp",
    "passkeys",
    "oidc",
    "ci",
    "license",
]


def test_the_prompts_come_in_order_and_each_has_a_label() -> None:
    context = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))
    assert [key for key in context if not key.startswith("_")] == CONTRACT
    assert list(context["__prompts__"]) == CONTRACT
    for key, values in CHOICES.items():
        if context[key] is False:
            assert context["__prompts__"][key].endswith(")")
            continue
        labels = dict(context["__prompts__"][key])
        assert labels.pop("__prompt__")
        assert list(labels) == values
        for value, label in labels.items():
            assert label.startswith(f"{value} - "), label


def test_pressing_return_each_time_gives_the_default_project(tmp_path: Path) -> None:
    done = type_answers(tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "my-fastapi-app" / "app" / "main.py").is_file()
    for command in ("cd my-fastapi-app", "make run", "make test"):
        assert command in done.stdout


@pytest.mark.slow
def test_hostile_text_is_kept_to_the_letter(tmp_path: Path) -> None:
    done = type_answers(tmp_path / "out", HOSTILE, "hostile", HOSTILE, HOSTILE)
    assert done.returncode == 0, done.stdout + done.stderr
    project = Project(tmp_path / "out" / "hostile", {})
    assert shown(project) == (HOSTILE, HOSTILE)
    pyproject = tomllib.loads(project.read("pyproject.toml"))
    assert pyproject["project"]["description"] == HOSTILE
    assert f"Copyright (c) {HOSTILE}" in project.read("LICENSE")
    assert project.read("README.md").startswith(f"# {HOSTILE}\n")


def shown(project: Project) -> tuple[str, str]:
    """Return the name and the description that an app shows."""
    about = json.loads(project.read("app/project.json"))
    return about["name"], about["description"]


@pytest.mark.parametrize(
    "text",
    [
        "Family \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "山田\u3000太郎",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "10\u00a0000 words",
    ],
    ids=ascii,
)
def test_text_of_any_language_is_kept(bake: Bake, text: str) -> None:
    project = bake(project_name=text, project_slug="any", description=text, author=text)
    assert shown(project) == (text, text)
    assert f"Copyright (c) {text}" in project.read("LICENSE")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My FastAPI App", "my-fastapi-app"),
        ("Ünïcödé Straße", "unicode-strasse"),
        ("Привет мир", "privet-mir"),
        ("a/b\\c: d?", "a-b-c-d"),
        ("🔐🔐🔐", "my-fastapi-app"),
        ("word " * 16, "word-" * 11 + "word"),
    ],
)
def test_the_folder_follows_from_the_name(bake: Bake, name: str, slug: str) -> None:
    assert bake(project_name=name).path.name == slug


# Answers to the first four prompts, and what is said of them.
REFUSALS = [
    (["Fine", "-starts-badly"], "project_slug '-starts-badly' is no good name for a folder"),
    (["Fine", "has space"], "project_slug 'has space' is no good name for a folder"),
    (["Fine", "a/b"], "project_slug 'a/b' is no good name for a folder"),
    (["Fine", "../up"], "project_slug '../up' is no good name for a folder"),
    (["Fine", "/absolute"], "project_slug '/absolute' is no good name for a folder"),
    (["Fine", ".."], "project_slug '..' is no good name for a folder"),
    (["Fine", "con"], "project_slug 'con' is a name that Windows keeps for itself"),
    (["Fine", "template1"], "project_slug 'template1' is a database of PostgreSQL's own"),
    (["Fine", "x" * 61], "project_slug is too long"),
    (["x" * 81, "fine"], "project_name is too long"),
    (["tab\there", "fine"], "project_name holds characters that cannot be seen"),
    (["Fine", "fine", "x" * 201], "description is too long"),
    (["Fine", "fine", "", "x\x1b[31m"], "author holds characters that cannot be seen"),
    (["Fine", "fine", "", "x" * 101], "author is too long"),
    (["   ", "fine"], "project_name is empty"),
    (["x\u202ey", "fine"], "project_name holds characters that cannot be seen"),
    (["x\u200by", "fine"], "project_name holds characters that cannot be seen"),
    (["x\u2028y", "fine"], "project_name holds characters that cannot be seen"),
]


@pytest.mark.parametrize(("answers", "sentence"), REFUSALS, ids=lambda value: ascii(value)[:40])
def test_a_bad_answer_is_refused_with_one_sentence(answers: list[str], sentence: str) -> None:
    given = dict(zip(CONTRACT, [*answers, "", ""], strict=False))
    said = fault({key: given[key] for key in MAX_CHARACTERS})
    assert said is not None
    assert said.startswith(sentence)
    assert "\n" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (["Fine", "../up"], "project_slug '../up' is no good name for a folder"),
        (["Fine", "a/b"], "project_slug 'a/b' is no good name for a folder"),
        (["Con"], "project_slug 'con' is a name that Windows keeps for itself"),
        (["x\u2028y", "fine"], "project_name holds characters that cannot be seen"),
        (["Fine", ".."], "project_slug '..' is no good name for a folder"),
        (["Fine", "."], "project_slug '.' is no good name for a folder"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_bad_answer_leaves_nothing(tmp_path: Path, answers: list[str], sentence: str) -> None:
    out = tmp_path / "inner" / "out"
    out.mkdir(parents=True)
    done = type_answers(out, *answers)
    assert done.returncode == 1
    nothing, last = done.stderr.splitlines()
    assert nothing.startswith("Nothing was made.")
    assert last.startswith(sentence)
    assert list(out.iterdir()) == []
    assert {path.name for path in (tmp_path / "inner").iterdir()} == {"out", "home"}


@pytest.mark.slow
def test_whoever_is_refused_is_told_how_to_keep_what_they_have_answered(tmp_path: Path) -> None:
    done = type_answers(tmp_path / "out", "It's a shop", "a b", "", "Ann Lee")
    kept = "'project_name=It'\"'\"'s a shop' 'author=Ann Lee'"
    said = f"Nothing was made. To keep the other answers, add to the command: {kept}"
    assert done.stderr.splitlines()[0] == said


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("session_backnd", "did you mean session_backend?"),
        ("same_site", "did you mean samesite?"),
        ("zzz", f"there are {', '.join(CONTRACT)}."),
    ],
)
def test_an_answer_to_no_question_is_named(given: str, advice: str) -> None:
    assert (
        unknown({"database": "sqlite", given: "x"}) == f"No question is called {given!r}: {advice}"
    )
    assert unknown(dict.fromkeys(CONTRACT, "x")) is None


@pytest.mark.slow
def test_an_answer_to_no_question_leaves_nothing(tmp_path: Path) -> None:
    cookiecutter = str(Path(sys.executable).parent / "cookiecutter")
    command = (cookiecutter, "--no-input", str(REPOSITORY), "session_backnd=redis")
    done = processes.run(command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Nothing was made.",
        "No question is called 'session_backnd': did you mean session_backend?",
    ]
    assert list(tmp_path.iterdir()) == []
