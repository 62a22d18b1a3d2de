"""The documents are right about links, named tests, figures and commands; the prose is free."""

import math
import os
import re
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from tests.answers import CHOICES, CROSSED
from tests.baking import copy_template
from tests.conftest import Bake
from tests.documents import Document
from tests.project import REPOSITORY, Project
from tests.shell import Shell
from tests.test_terminal import PASSWORD

TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"
README = Document(REPOSITORY / "README.md")
CHOOSING = Document(REPOSITORY / "docs" / "choosing.md")
UPGRADING = Document(REPOSITORY / "docs" / "upgrading.md")
DOCUMENTS = [
    Document(path)
    for path in sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
]
OF_A_PROJECT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md")

# Together they have every paragraph of the documents of a project.
STACKS = [
    {"session_backend": "database", "ci": "github", "passkeys": "yes", "oidc": "yes"},
    {"session_backend": "redis", "database": "postgresql", "ci": "gitlab"},
    {"session_backend": "memory", "frontend": "api", "totp": "yes", "oidc": "yes", "ci": "none"},
    {"session_backend": "signed-cookie", "database": "postgresql", "samesite": "strict"},
]

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.path.name)
each_stack = pytest.mark.parametrize("answers", STACKS, ids=lambda each: each["session_backend"])


def documents_of(project: Project) -> list[Document]:
    return [Document(project.path / name) for name in OF_A_PROJECT]


# Links and named tests


def check_links(document: Document) -> None:
    """Fail on a link to a file, a heading or a test that does not exist."""
    for link in document.links:
        assert link.path.exists(), f"{document.path.name}: {link.path} does not exist"
        if link.anchor:
            assert link.anchor in Document(link.path).anchors, f"{document.path.name}: {link}"
        if re.fullmatch(r"test_.*\.py", link.path.name) and link.path.name not in link.text:
            name = "test_" + link.text.replace(" ", "_")
            found = f"def {name}(" in link.path.read_text("utf-8")
            assert found, f"{document.path.name}: no {name} in {link.path.name}"


@each_document
def test_every_link_leads_to_a_file_a_heading_or_a_test(document: Document) -> None:
    check_links(document)


@each_stack
def test_every_link_of_a_project_does_too(bake_once: Bake, answers: dict[str, str]) -> None:
    for document in documents_of(bake_once(**answers)):
        check_links(document)


def test_every_row_of_a_table_of_promises_names_a_test() -> None:
    rows = [
        row
        for document in DOCUMENTS
        for header, *rows in document.tables
        if header[-1] in ("tests", "here")
        for row in rows
    ]
    assert len(rows) > 40
    assert [row for row in rows if not re.search(r"\(\S*tests/\S+\.py\)", row[-1])] == []


# Figures


def literal(file: str, name: str) -> int:
    """Return a constant or a default, as the code of the template has it."""
    [found] = re.findall(
        rf"^ *(?:argon2__)?{name}(?:: [^=\n]+)?\s*=\s*([\d_ *]+),?$",
        (TEMPLATE / file).read_text("utf-8"),
        re.MULTILINE,
    )
    return math.prod(int(factor) for factor in found.split("*"))


CONFIG, SESSION = "app/config.py", "app/sessions/session.py"
PASSWORDS = "app/users/passwords.py"
RANDOM_BYTES = literal(
    "_choices/session_backend-signed-cookie/app/sessions/token.py", "RANDOM_BYTES"
)
PROMISES = re.findall(r"^\| (\d+) \|", (TEMPLATE / "SECURITY.md").read_text("utf-8"), re.MULTILINE)

# Wherever a document uses these words with a number for N, the number is this one.
FIGURES = {
    r"N random bits": 8 * RANDOM_BYTES,
    r"N promises": len(set(PROMISES)),
    r"N KiB": literal(SESSION, "MAX_DATA_BYTES") // 1024,
    r"argon2id[^.|]{,40}? N MiB": literal(PASSWORDS, "memory_cost") // 1024,
    r"MiB,? (?:and )?N passes": literal(PASSWORDS, "time_cost"),
    r"first N characters": literal(PASSWORDS, "RATED_CHARACTERS"),
    r"N times as many": literal("app/users/rate_limit.py", "WIDER"),
    r"(?:after|the last) N minutes": literal(SESSION, "FRESH_SECONDS") // 60,
    r"N hour idle": literal(CONFIG, "session_idle_timeout") // 3600,
    r"N hours (?:in total|after sign-in)": literal(CONFIG, "session_lifetime") // 3600,
    r"N prompts": len(CHOICES) + 4,
    r"prompts, N of which": len(CROSSED),
    r"about N bytes": 2_700,
}
WORDS = {"one": 1, "two": 2, "four": 4, "ten": 10, "twelve": 12}
NUMBER = rf"\b(\d[\d,]*|{'|'.join(WORDS)})"


def test_figures_are_the_ones_in_force(bake_once: Bake) -> None:
    projects = chain.from_iterable(documents_of(bake_once(**answers)) for answers in STACKS)
    found = [
        (document.path.name, words, text, value)
        for document in chain(DOCUMENTS, projects)
        for words, value in FIGURES.items()
        for text in re.findall(words.replace("N", NUMBER), " ".join(document.text.split()))
    ]
    assert found
    for document, words, text, value in found:
        number = WORDS.get(text) or int(text.replace(",", ""))
        assert number == value, f"{document}: {words}, {text}"


def test_a_signed_cookie_has_about_the_space_that_documents_say() -> None:
    name = len("__Host-Http-my-fastapi-app-session")
    claims_and_signature = 110 + 43 + 2
    cookie = literal("app/sessions/cookie.py", "MAX_COOKIE_BYTES")
    encrypted = (cookie - name - claims_and_signature) * 3 // 4
    room = encrypted - 12 - 16  # the nonce and the tag of AES-GCM
    assert 0.9 * room < FIGURES["about N bytes"] <= room


def test_the_version_of_python_is_the_required_one() -> None:
    pyproject = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    required = re.findall(r'^requires-python = ">=(.*)"$', pyproject, re.MULTILINE)
    named = re.findall(r"Python (3\.\d+)", "".join(each.text for each in DOCUMENTS))
    assert set(named) == set(required)


def test_the_choices_in_the_documents_are_those_of_the_generator() -> None:
    rows = {row[0]: row[1] for table in CHOOSING.tables for row in table}
    for prompt, choices in CHOICES.items():
        assert rows[f"`{prompt}`"] == ", ".join(f"`{choice}`" for choice in choices)


# Settings, paths and commands


def settings_of(project: Project) -> dict[str, str]:
    """Return the settings of a project and their defaults, as the code has them."""
    [body] = re.findall(r"^class Settings.*?^    @", project.read(CONFIG), re.M | re.DOTALL)
    fields = re.split(r"^    ([a-z_]+): ", body, flags=re.MULTILINE)[1:]
    return {
        name.upper(): rest.strip().rpartition("= ")[2].replace("_", "")
        for name, rest in zip(fields[::2], fields[1::2], strict=True)
    }


@each_stack
def test_the_settings_in_a_readme_are_those_of_the_app(
    bake_once: Bake, answers: dict[str, str]
) -> None:
    project = bake_once(**answers)
    tables = Document(project.path / "README.md").tables
    [rows] = [rows for header, *rows in tables if header[0] == "variable"]
    documented = {row[0].strip("`"): row[-1] for row in rows}
    settings = settings_of(project)
    assert documented.keys() == settings.keys()
    numbers = {name: default for name, default in settings.items() if default[0].isdigit()}
    assert len(numbers) >= 9
    for name, default in numbers.items():
        assert default.startswith(documented[name]), name


SETTING = re.compile(
    r"(?<![.\w])(?:(?:ALLOW|DATABASE|LOGIN|PASSWORD|REDIS|SECRET|SESSION|TRUSTED)[A-Z]*_|MAX_BODY_)"
    r"[A-Z_]+(?![.\w])"
)
PATH = re.compile(
    r"(?<![\w/.%}*-])((?:app|tests|deploy|migrations|docs|benchmarks|tools|fuzz|hooks)/[\w/.-]*\w)"
)
# What the reader of a README creates.
NEW_FILES = {
    "app/static/security.txt",
    "app/api/notes.py",
    "app/notes.py",
    "app/pages/note.py",
    "app/templates/note.html",
    "tests/test_notes.py",
}


def targets(folder: Path) -> set[str]:
    """Return what make can be told to make there."""
    return set(re.findall(r"^([\w.][\w./-]*):", (folder / "Makefile").read_text("utf-8"), re.M))


def commands_of(project: Project) -> set[str]:
    """Return the names of the app's own commands."""
    names = re.findall(r"@cli\.command\(\)\ndef (\w+)\(", project.read("app/cli.py"))
    return {name.replace("_", "-") for name in names}


def unknown(document: Document, projects: list[Project], folders: list[Path]) -> list[str]:
    """Return the settings, paths and commands in a document that do not exist."""
    settings = set().union(*map(settings_of, projects))
    found = [name for name in SETTING.findall(document.text) if name not in settings]
    for name in set(PATH.findall(document.text)) - NEW_FILES:
        if not any((folder / name).exists() for folder in folders):
            found.append(name)
    commands = set().union(*map(commands_of, projects))
    named = re.findall(r"python -m app ([a-z][a-z-]+)", document.text)
    found += [name for name in named if name not in commands]
    for command in document.commands:
        match command.removeprefix(".venv/bin/").removeprefix("python -m ").split():
            case ["make", *words]:
                known = set().union(*map(targets, folders))
                exists = all("=" in word or word in known for word in words)
            case [module, *_] if "python -m" in command and module != "app":
                path = REPOSITORY / module.replace(".", "/")
                exists = module == "venv" or path.exists() or path.with_suffix(".py").exists()
            case _:
                exists = True
        if not exists:
            found.append(command)
    return found


@each_stack
def test_whatever_a_project_names_exists_in_it(bake_once: Bake, answers: dict[str, str]) -> None:
    project = bake_once(**answers)
    for document in documents_of(project):
        assert unknown(document, [project], [project.path]) == [], document.path.name
    spans = Document(project.path / "README.md").spans
    named = {span.split()[3] for span in spans if span.startswith("python -m app ")}
    assert named == commands_of(project)


@each_document
def test_whatever_a_document_names_exists(bake_once: Bake, document: Document) -> None:
    projects = [bake_once(**answers) for answers in STACKS]
    assert unknown(document, projects, [REPOSITORY, *(each.path for each in projects)]) == []


# What is typed


def shell_at_home(folder: Path, template: Path) -> Shell:
    """Return the shell of someone with an empty home folder, who has cookiecutter and cruft."""
    variables = {"HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for who in ("AUTHOR", "COMMITTER"):
        variables |= {f"GIT_{who}_NAME": "t", f"GIT_{who}_EMAIL": "t@example.com"}
    return Shell(folder, variables=variables, template=template)


# What these would bring is there already.
DONE = ("pip install", "-m venv", "git clone")


def type_script(shell: Shell, script: list[str]) -> None:
    for command in script:
        if not any(done in command for done in DONE):
            shell.type(command, answers="\n" * 20)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["uv", "nothing but Python", "a clone"])
def test_the_first_commands_of_the_readme_make_a_project_that_serves(
    tmp_path: Path, environment_of: Callable[[Project], Path], way: str
) -> None:
    with_uv, with_python, in_a_clone, [enter, make_run] = README.scripts
    shell = shell_at_home(tmp_path, REPOSITORY)
    if way == "uv":
        type_script(shell, with_uv)
    elif way == "a clone":
        clone(tmp_path / "cookiecutter-fastapi-sessions")
        type_script(shell, in_a_clone)
    else:
        (tmp_path / "cookiecutter-env").mkdir()
        (tmp_path / "cookiecutter-env" / "bin").symlink_to(Path(sys.executable).parent)
        type_script(shell, with_python)
    shell.type(enter)
    assert "app/main.py" in Project(shell.folder, {}).files
    if way == "uv":
        project = Project(shell.folder, {})
        project.use(environment_of(project))
        shell.type(make_run)
        assert shell.served == ["make run"]


def clone(folder: Path) -> Path:
    """Copy the template, with an environment that is ready."""
    copy_template(folder)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / ".ready").touch()
    return folder


@pytest.mark.slow
def test_the_demo_is_generated_and_served_and_cleaned_away(tmp_path: Path) -> None:
    shell = Shell(clone(tmp_path))
    type_script(shell, ["make demo PORT=8001", "make clean"])
    assert shell.served == ["make demo PORT=8001"]
    assert not (tmp_path / ".demo").exists()


@pytest.mark.slow
def test_the_commands_in_the_readme_of_a_project_work(ready: Bake) -> None:
    project = ready()
    document = Document(project.path / "README.md")
    shell = Shell(project.path)
    [create_user], without_make, *_ = document.scripts
    type_script(shell, without_make)
    assert len(shell.served) == 1
    shell.type(f"{create_user.replace('NAME', 'root')} --password-stdin", answers=f"{PASSWORD}\n")
    commands = [each for each in document.spans if each.startswith("python -m app ")]
    # First the user, whom all others need; last the command that deletes the user.
    for command in sorted(commands, key=lambda each: ("create" not in each, "delete" in each)):
        words = re.sub(r"[\[\]]", "", command).replace("NAME", "alice").replace("ROLE", "admin")
        shell.type(f".venv/bin/{words}", answers=f"{PASSWORD}\n")


@pytest.mark.slow
def test_the_first_feature_in_the_readme_of_a_project_works(ready: Bake) -> None:
    project = ready()
    document = Document(project.path / "README.md")
    model, routes, test, *_ = document.blocks("python")
    [migration] = [each for each in document.scripts if "revision" in " ".join(each)]

    def write(file: str, text: str) -> None:
        (project.path / file).write_text(text, encoding="utf-8")

    write("app/models.py", f"{project.read('app/models.py')}\n\n{model}")
    write("app/api/notes.py", routes)
    write("tests/test_notes.py", test)
    main = project.read("app/main.py").replace(", me,", ", me, notes,", 1)
    line = "    app.include_router(examples.router)\n"
    write("app/main.py", main.replace(line, f"{line}    app.include_router(notes.router)\n"))
    type_script(Shell(project.path), migration)
    project.run("make", "format", "check")
    affected = ("test_notes.py", "test_database.py", "attacks/test_every_route.py")
    tests = (f"tests/{each}" for each in affected)
    assert " passed" in project.run(".venv/bin/python", "-m", "pytest", "-q", *tests).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [{"identity": "email"}, {"frontend": "api", "identity": "username"}],
    ids=["html", "api"],
)
def test_the_tests_that_contributing_shows_pass(ready: Bake, answers: dict[str, str]) -> None:
    project = ready(**answers)
    shown = Document(project.path / "CONTRIBUTING.md").blocks("python")
    for number, text in enumerate(shown):
        file = project.path / f"tests/test_shown_{number}.py"
        file.write_text(f'"""A test that CONTRIBUTING.md shows."""\n\n{text}', encoding="utf-8")
    project.run("make", "check")
    done = project.run(".venv/bin/python", "-m", "pytest", "-q", "-k", "test_shown")
    assert f"{len(shown)} passed" in done.stdout


# What the README says that the page of a reader does.
PAGE_TEST = '''"""The page with a form."""

from tests.client import Client
from tests.test_pages import Page, submit


async def test_a_note_is_kept_and_the_next_page_says_so(client: Client) -> None:
    assert (await client.get("/note")).status_code == 401
    await client.signed_in()
    response = await submit(client, "/note")
    assert response.status_code == 422
    assert "title-error" in Page(response).elements
    response = await submit(client, "/note", title="Buy <milk>")
    assert response.status_code == 303
    page = Page(await client.get("/note"))
    assert page.elements["title"]["value"] == "Buy <milk>"
    assert page.flash
    assert not Page(await client.get("/note")).flash
'''


@pytest.mark.slow
def test_the_page_with_a_form_in_the_readme_of_a_project_works(ready: Bake) -> None:
    project = ready()
    document = Document(project.path / "README.md")
    [template] = [each for each in document.blocks("html") if "extends" in each]
    [routes] = [each for each in document.blocks("python") if "note.html" in each]
    main = project.read("app/main.py").replace("auth, links,", "auth, links, note,")
    line = "    app.include_router(examples.router)\n"
    main = main.replace(line, f"{line}    app.include_router(note.router)\n")
    for file, text in {
        "app/templates/note.html": template,
        "app/pages/note.py": routes,
        "app/main.py": main,
        "tests/test_note.py": PAGE_TEST,
    }.items():
        (project.path / file).write_text(text, encoding="utf-8")
    project.run("make", "check")
    tests = ("tests/test_note.py", "tests/attacks/test_every_route.py")
    assert " passed" in project.run(".venv/bin/python", "-m", "pytest", "-q", *tests).stdout


@pytest.mark.slow
def test_an_update_by_cruft_can_change_an_answer(tmp_path: Path) -> None:
    template = tmp_path / "template"
    copy_template(template)
    shell = shell_at_home(tmp_path, template)
    shell.within(template).type("git init -q && git add -A && git commit -qm Template")
    [make_update, *by_cruft] = UPGRADING.scripts
    # For a project that is there already: tests/test_update.py types it.
    assert make_update == ["make update"]
    for script in by_cruft:
        type_script(shell, script)
    project = Project(shell.folder, {})
    key = project.read(".env")
    [change_answer] = [each for each in UPGRADING.spans if "--variables-to-update" in each]
    shell.type(change_answer)
    assert "app/redis.py" in project.files
    assert project.read(".env") == key
    [link] = [each for each in UPGRADING.spans if each.startswith("cruft link")]
    shell.type(
        "git add -A && git commit -qm Redis && git rm -q .cruft.json && git commit -qm Plain"
    )
    shell.type(link, answers="\n" * 20)
    assert ".cruft.json" in project.files
