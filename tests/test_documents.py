"""What is written is true: links lead somewhere, tests and figures are there, commands work."""

import ast
import math
import os
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.answers import CHOICES, CROSSED
from tests.baking import copy_template
from tests.conftest import Bake
from tests.documents import KINDS, Document
from tests.mutants import MUTANTS
from tests.project import REPOSITORY, Project
from tests.shell import SERVES, Shell
from tests.test_mutants import SAMPLE

TEMPLATE = "{{cookiecutter.project_slug}}"
README = Document(REPOSITORY / "README.md")
CONTRIBUTING = Document(REPOSITORY / "CONTRIBUTING.md")
COMPARISON = Document(REPOSITORY / "docs" / "comparison.md")
UPGRADING = Document(REPOSITORY / "docs" / "upgrading.md")
OF_THE_TEMPLATE = [
    README,
    CONTRIBUTING,
    *(Document(REPOSITORY / name) for name in ("CHANGELOG.md", "SECURITY.md")),
]
# They tell of a project more than of the template.
GUIDES = [Document(path) for path in sorted((REPOSITORY / "docs").glob("*.md"))]
DOCUMENTS = OF_THE_TEMPLATE + GUIDES
OF_A_PROJECT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md")

# Between them they have every paragraph of the documents that a project may have.
STACKS = [
    {"session_backend": "database", "ci": "github"},
    {"session_backend": "redis", "database": "postgresql", "ci": "gitlab"},
    {"session_backend": "memory", "frontend": "api", "ci": "none"},
    {"session_backend": "signed-cookie", "database": "postgresql", "samesite": "strict"},
]

# What the README of each of these tells to type is typed, and no other tells anything else.
TYPED = [{"session_backend": "database"}, {"session_backend": "memory"}]

# Typed one after the other, in a project that is under git.
BY_ITS_OWNER = [
    ".venv/bin/uvx pre-commit install",
    "make format",
    "make pins",
    "alembic upgrade head",
    ".venv/bin/alembic upgrade head",
    '.venv/bin/alembic revision --autogenerate -m "What changed"',
    ".venv/bin/python -m app new-key",
]
# Typed in a copy of the template.
BY_ITS_VISITOR = ["make demo", "make demo PORT=8001", "make clean"]

# A command, the test that runs it, and the words by which it does so.
SHOWN_BY = {
    "make test": ("test_quality.py", "test_a_bare_checkout", '"make", "test"'),
    "make check": ("test_quality.py", "test_a_bare_checkout", '"make", "check"'),
    "make coverage": ("test_quality.py", "test_the_tests_of_a_project_pass", '"coverage" if'),
    "git apply": ("test_extending.py", "extend", '"git", "apply"'),
}

# Why nothing runs it here. Whether a command of make is there is looked at all the same.
NOT_RUN = {
    "docker compose up --build": "it needs a daemon; test_container.py runs what the image holds",
    "make test-fast": "it is a part of what runs this test",
    "make mutants": "it takes minutes; test_mutants.py tries some of them in the same way",
    "make fuzz": "it takes minutes",
    "make bench": "it takes minutes; test_benchmarks.py measures a little in the same way",
    "make bench ROUNDS=15": "it takes longer still",
    "make soak": "it takes hours; tests/reliability does the same for a short time",
    "python -m benchmarks --help": "it only tells",
}
# Of the template's own, for the same reasons; projects have commands of the same names.
NOT_RUN_HERE = {
    "make test": "it is what runs this test",
    "make check": "make test begins with it",
    "make format": "it would change what is tested",
    "make pictures": "it would change what is shown; tests/browsers takes them in the same way",
    "make pins": "it would change what is tested; test_pins.py shows how pins are written",
}

# What is typed on a server, mostly as root: it changes the machine, or wants one that is reached
# from outside. What these programs are given is tested as it is by test_deployment.py.
ON_A_SERVER = {
    "apt-get",
    "cd",
    "certbot",
    "curl",
    "git",
    "install",
    "journalctl",
    "nginx",
    "runuser",
    "systemctl",
    "useradd",
}

# The environment is made of the same files by uv, which takes seconds instead of minutes.
MADE_BEFORE = {"python3 -m venv .venv", ".venv/bin/pip install -r requirements.txt"}

IDENTITY = {
    f"GIT_{who}_{what}": f"t@{who}.example".lower()
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
GIT = {**IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

ids = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.path.name)


@pytest.fixture(params=STACKS, ids=lambda each: each["session_backend"])
def project(request: pytest.FixtureRequest, bake_once: Bake) -> Project:
    return bake_once(**request.param)


def documents_of(project: Project) -> list[Document]:
    return [Document(project.path / name) for name in OF_A_PROJECT]


# Links


@ids
def test_every_link_leads_to_something_that_is_there(document: Document) -> None:
    check_links(document)


def test_so_does_every_link_of_a_project(project: Project) -> None:
    for document in documents_of(project):
        check_links(document)


def check_links(document: Document) -> None:
    """Fail on a link to no file or heading, or to a test that is called otherwise."""
    for link in document.links:
        assert link.path.exists(), f"{document.path.name}: {link.path} is not there"
        if link.anchor:
            anchors = Document(link.path).anchors
            assert link.anchor in anchors, f"{document.path.name}: no {link.anchor} in {anchors}"
        if re.fullmatch(r"test_.*\.py", link.path.name) and link.path.name not in link.text:
            name = "test_" + link.text.replace(" ", "_")
            code = link.path.read_text("utf-8")
            assert f"def {name}(" in code, f"{document.path.name}: no {name} in {link.path.name}"


def test_what_is_promised_and_compared_names_a_test_each() -> None:
    [promised] = re.findall(r"^## What is promised\n(.*?)^## ", README.text, re.M | re.DOTALL)
    for section in (promised, COMPARISON.text):
        head, _, *rows = re.findall(r"^\|.*\|$", section, re.MULTILINE)
        assert len(rows) >= 5, head
        for row in rows:
            assert f"{quote(TEMPLATE)}/tests/" in row, row


@ids
def test_every_block_says_what_it_is(document: Document) -> None:
    assert document.kinds <= KINDS


def test_so_does_every_block_of_a_project(project: Project) -> None:
    for document in documents_of(project):
        assert document.kinds <= KINDS, document.path.name


# Figures


def literal(file: str, name: str) -> int:
    """Return the value of a constant or a default, as the code of the template writes it."""
    found = re.findall(
        rf"^ *(?:argon2__)?{name}(?:: [^=\n]+)?\s*=\s*([\d_ *]+),?$",
        (REPOSITORY / TEMPLATE / file).read_text("utf-8"),
        re.MULTILINE,
    )
    return math.prod(int(factor) for factor in found[0].split("*"))


WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
WORDS += ["eleven", "twelve"]
SETTINGS, SESSION = "app/config.py", "app/sessions/session.py"
PASSWORDS, VALUES = "app/users/passwords.py", "app/sessions/session.py"
SECURITY = (REPOSITORY / TEMPLATE / "SECURITY.md").read_text("utf-8")

FIGURES = {
    r"(\d+) random bits(?! in base32)": 8
    * literal("app/sessions/token__signed-cookie.py", "RANDOM_BYTES"),
    r"(\d+) promises": len(set(re.findall(r"^\| (\d+) \|", SECURITY, re.MULTILINE))),
    r"one of the (\d+) ways": len(MUTANTS),
    r"tries (\w+) of them": SAMPLE,
    r"(\d+) KiB": literal(VALUES, "MAX_DATA_BYTES") // 1024,
    r"(?:argon2id at|second set \(|argon2id,) (\d+) MiB": literal(PASSWORDS, "memory_cost") // 1024,
    r"(\w+) passes": literal(PASSWORDS, "time_cost"),
    r"first (\d+) characters": literal(PASSWORDS, "RATED_CHARACTERS"),
    r"make (\w+) times as many guesses": literal("app/users/throttle.py", "WIDER"),
    r"(\w+) guesses, then 429": literal(SETTINGS, "login_max_failures"),
    r"(\d+) minutes pass": literal(SESSION, "FRESH_SECONDS") // 60,
    r"of the last (\w+) minutes": literal(SESSION, "FRESH_SECONDS") // 60,
    r"once (a) minute": literal(SESSION, "TOUCH_SECONDS") // 60,
    r"(\d+) hour idle": literal(SETTINGS, "session_idle_timeout") // 3600,
    r"(\d+) hours in all": literal(SETTINGS, "session_lifetime") // 3600,
    r"(an) hour after the last request": literal(SETTINGS, "session_idle_timeout") // 3600,
    r"(\w+) hours after signing in": literal(SETTINGS, "session_lifetime") // 3600,
    r"generator with (\w+) questions": len(CHOICES) + 4,
    r"questions, (\w+) of which decide": len(CROSSED),
}


@pytest.mark.parametrize(("pattern", "value"), FIGURES.items(), ids=list(FIGURES))
def test_a_figure_is_the_one_in_force(pattern: str, value: int) -> None:
    texts = (re.sub(r"\s+", " ", document.text) for document in DOCUMENTS)
    found = list(chain.from_iterable(re.findall(pattern, text) for text in texts))
    assert found, "nothing says it any more"
    assert {number(each) for each in found} == {value}


def number(text: str) -> int:
    """Read a figure, or a word for one."""
    words = {"a": 1, "an": 1, **{word: value for value, word in enumerate(WORDS)}}
    word = text.lower()
    return words[word] if word in words else int(text.replace(",", ""))


def test_the_room_in_a_signed_cookie_is_about_as_large_as_it_is_said() -> None:
    claims, signature, dots = 108, 43, 2
    cookie = literal("app/sessions/cookie.py", "MAX_COOKIE_BYTES")
    encrypted = (cookie - len("__Host-Http-session") - claims - signature - dots) * 3 // 4
    room = encrypted - literal("app/sessions/encryption.py", "NONCE_BYTES") - 16
    [said] = set(re.findall(r"about ([\d,]+) bytes", README.text))
    assert 0.9 * room < number(said) <= room


def test_the_versions_of_python_are_those_that_are_asked_for() -> None:
    pyproject = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    [asked] = re.findall(r'^requires-python = ">=(.*)"$', pyproject, re.MULTILINE)
    said = re.findall(r"Python (3\.\d+)", "".join(each.text for each in DOCUMENTS))
    assert set(said) == {asked}


def test_the_defaults_in_the_readme_of_a_project_are_those_in_force(project: Project) -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| .* \| (\d+) \|$", project.read("README.md"), re.M)
    code = re.findall(r"^    ([a-z_]+): .* = ([\d_]+)$", project.read(SETTINGS), re.M)
    assert len(code) == 7
    assert {(name.lower(), int(value)) for name, value in rows} == {
        (name, int(value)) for name, value in code
    }


def test_the_answers_in_the_readme_are_those_that_can_be_given() -> None:
    for question, answers in CHOICES.items():
        spans = ", ".join(f"`{answer}`" for answer in answers)
        assert f"| `{question}` | {spans} |" in README.text


# Commands


def typed_here() -> set[str]:
    """Return every command that a test of this file types as it stands in a document."""
    scripts = chain(README.scripts, UPGRADING.scripts)
    return {*chain.from_iterable(scripts), *BY_ITS_OWNER, *BY_ITS_VISITOR}


def is_of_the_shell(command: str) -> bool:
    """Whether it is one of those that another test types all."""
    return re.match(r"(\.venv/bin/)?python -m app [a-z-]+", command) is not None


@pytest.mark.parametrize("document", OF_THE_TEMPLATE, ids=lambda each: each.path.name)
def test_every_command_of_the_template_is_run_or_it_is_said_why_not(document: Document) -> None:
    for command in chain(document.mentions, *document.scripts):
        assert command in {*typed_here(), *NOT_RUN, *NOT_RUN_HERE}, command


@pytest.mark.parametrize("document", GUIDES, ids=lambda each: each.path.name)
def test_every_command_of_a_guide_is_run_or_it_is_said_why_not(document: Document) -> None:
    for command in chain(document.mentions, *document.scripts):
        known = command in {*typed_here(), "make run", *SHOWN_BY, *NOT_RUN, *BY_CRUFT}
        assert known or is_of_the_shell(command), command


def test_every_command_of_a_project_is_run_or_it_is_said_why_not(
    project: Project, bake_once: Bake
) -> None:
    # What blocks say is typed in these.
    baked = (bake_once(**answers) for answers in TYPED)
    scripts = chain.from_iterable(Document(each.path / "README.md").scripts for each in baked)
    typed = typed_here().union(*scripts)
    for document in documents_of(project):
        for command in chain(document.mentions, *document.scripts):
            known = command in {*typed, *SHOWN_BY, *NOT_RUN} or is_of_the_shell(command)
            assert known, f"{document.path.name}: {command}"


def test_what_is_typed_on_a_server_is_of_known_programs_and_files(bake_once: Bake) -> None:
    project = bake_once()
    for command in chain.from_iterable(each.transcripts for each in GUIDES):
        program = command.split()[0]
        known = program in ON_A_SERVER or command in MADE_BEFORE or is_of_the_shell(command)
        assert known, command
        for file in re.findall(r"(?<!/)\bdeploy/\S+", command):
            assert file in project.files, command


def test_what_is_said_to_run_a_command_runs_it() -> None:
    for command, (file, function, words) in SHOWN_BY.items():
        code = (REPOSITORY / "tests" / file).read_text("utf-8")
        sources = [
            ast.get_source_segment(code, node) or ""
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.FunctionDef) and node.name.startswith(function)
        ]
        assert any(words in source for source in sources), command


def test_nothing_is_excused_that_no_document_shows(bake_once: Bake) -> None:
    projects = chain.from_iterable(documents_of(bake_once(**answers)) for answers in STACKS)
    shown = set(chain.from_iterable(each.mentions for each in chain(DOCUMENTS, projects)))
    assert {*NOT_RUN, *NOT_RUN_HERE, *SHOWN_BY, *BY_ITS_OWNER, *BY_ITS_VISITOR, *BY_CRUFT} <= shown


@pytest.mark.parametrize(
    "command", [each for each in (*NOT_RUN, *NOT_RUN_HERE) if each.startswith("make ")]
)
def test_what_is_not_run_is_there_at_least(command: str) -> None:
    subprocess.run(["make", "-n", *command.split()[1:]], cwd=REPOSITORY, check=True)


@pytest.mark.slow
def test_whoever_types_what_the_readme_says_has_an_app(
    tmp_path: Path, environment_of: Callable[[Project], Path]
) -> None:
    [script] = README.scripts
    shell = Shell(tmp_path, variables=at_home(tmp_path), template=REPOSITORY)
    for command in script:
        if SERVES.search(command):
            # All but the installing, which takes the same files.
            project = Project(shell.folder, {})
            project.use(environment_of(project))
        shell.type(command, answers="\n" * 20)
    assert shell.served == ["make run"]


@pytest.mark.slow
def test_whoever_types_what_upgrading_says_is_up_to_date(tmp_path: Path) -> None:
    template = tmp_path / "template"
    copy_template(template)
    shell = Shell(tmp_path, variables={**at_home(tmp_path), **GIT}, template=template)
    commit = "git init -q && git add -A && git commit -qm change"
    shell.within(template).type(commit)
    create, update = UPGRADING.scripts
    for command in create:
        shell.type(command, answers="\n" * 20)
    # Something is new by then.
    page = template / TEMPLATE / "SECURITY.md"
    page.write_text(page.read_text("utf-8") + "\nNew in the template.\n", encoding="utf-8")
    shell.within(template).type(commit)
    assert update[0] == "cruft check"
    with pytest.raises(AssertionError, match="out of date"):
        shell.type(update[0])
    for command in update[1:]:
        shell.type(command)
    shell.type("git commit -qam Updated")
    shell.type(update[0])
    project = Project(shell.folder, {})
    assert project.read("SECURITY.md").endswith("New in the template.\n")
    # And by other answers.
    key = project.read(".env")
    [link, other_answer] = BY_CRUFT
    shell.type(other_answer)
    assert "redis" in project.read("app/sessions/store.py").lower()
    assert (project.path / "app" / "redis.py").exists()
    assert project.read(".env") == key
    shell.type("git commit -qam Redis && rm .cruft.json && git commit -qam Unlinked")
    shell.type(link, answers="\n" * 20)
    assert (project.path / ".cruft.json").exists()


BY_CRUFT = [
    "cruft link gh:ORG/cookiecutter-fastapi-sessions",
    'cruft update --skip-apply-ask --variables-to-update \'{"session_backend": "redis"}\'',
]


def at_home(folder: Path) -> dict[str, str]:
    """Return the variables of somebody with a fresh environment, and a home that is empty."""
    venv.create(folder / "venv", with_pip=True)
    home = folder / "home"
    home.mkdir()
    return {"PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}


@pytest.mark.slow
def test_the_demo_is_baked_and_served_and_cleaned_away(tmp_path: Path) -> None:
    copy_template(tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / ".venv" / ".ready").touch()
    shell = Shell(tmp_path)
    for command in BY_ITS_VISITOR:
        shell.type(command)
    assert shell.served == BY_ITS_VISITOR[:2]
    assert not (tmp_path / ".demo").exists()


@pytest.mark.slow
def test_what_an_owner_is_told_to_type_does_what_it_says(bake: Bake) -> None:
    project = bake()
    shell = Shell(project.path, variables={**GIT, "PATH": path_of(project)})
    # With its tools, which an environment of the harness does not have.
    shell.type("make .venv/.ready")
    shell.type("git init -q && git add . && git commit -qm First")
    for command in BY_ITS_OWNER:
        shell.type(command)
    changed = project.run("git", "status", "--porcelain", "--untracked-files=all").stdout
    files = [line[3:] for line in changed.splitlines()]
    migrations = [file for file in files if file.startswith("migrations/")]
    assert len(migrations) == 1
    assert set(files) - set(migrations) <= {"requirements.txt", "requirements-dev.txt"}
    assert (project.path / ".git" / "hooks" / "pre-commit").exists()


def path_of(project: Project) -> str:
    return f"{project.path / '.venv' / 'bin'}:{os.environ['PATH']}"


@pytest.mark.slow
def test_every_command_of_the_shell_that_is_shown_works(ready: Bake) -> None:
    project = ready()
    shown = chain.from_iterable(each.mentions for each in chain(documents_of(project), GUIDES))
    commands = sorted({each.removeprefix(".venv/bin/") for each in shown if is_of_the_shell(each)})
    assert len(commands) >= 7
    shell = Shell(project.path, variables={"PATH": path_of(project)})
    shell.type("alembic upgrade head")
    names = {command: f"person{number}" for number, command in enumerate(commands)}
    existing = [name for command, name in names.items() if "create-user" not in command]
    # The password that a command may ask for, or read.
    answers = f"{PASSWORD}\n{PASSWORD}\n"
    project.python("-c", REGISTER, *existing)
    for command, name in names.items():
        # What stands in brackets may be left out, and is not.
        words = re.sub(r"[\[\]]", "", command).replace("NAME", name).replace("ROLE", "admin")
        shell.type(words, answers=answers)


PASSWORD = "correct horse battery staple"
TWICE = [("Password: ", f"{PASSWORD}\n"), ("Once more: ", f"{PASSWORD}\n")]
REGISTER = f"""
import asyncio, sys
from app.services import Services
from app.config import Settings

async def register():
    services = Services(Settings.load())
    for name in sys.argv[1:]:
        await services.users.register(name, {PASSWORD!r})
    await services.close()

asyncio.run(register())
"""


@pytest.mark.slow
@pytest.mark.parametrize("answers", TYPED, ids=lambda each: each["session_backend"])
def test_what_the_readme_of_a_project_tells_to_type_works(
    ready: Bake, answers: dict[str, str]
) -> None:
    project = ready(**answers)
    scripts = Document(project.path / "README.md").scripts
    commands = [each for each in chain.from_iterable(scripts) if each not in MADE_BEFORE]
    assert commands
    with project.stores() as stores:
        shell = Shell(project.path, variables={**stores, "PATH": path_of(project)})
        for command in commands:
            if "create-user" in command:
                shell.answer(command.replace("NAME", "alice"), TWICE)
            else:
                shell.type(command)
