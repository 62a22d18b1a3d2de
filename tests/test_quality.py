"""A generated project passes its own checks and tests, unchanged."""

import hashlib
import itertools
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import processes
from tests.answers import CHOICES, DEFAULTS, HOSTILE, PRODUCT, name, type_answers
from tests.baking import UV
from tests.conftest import Bake, LeaveOut, Tell
from tests.imports import imports
from tests.ledger import is_soak
from tests.project import Project
from tests.sharing import Shared

# Those whose own tests are run: every answer to these questions with every answer to each of the
# others. All combinations of them would be four times as many.
PAIRED = (
    *("session_backend", "database", "samesite", "frontend", "identity"),
    *("totp", "passkeys", "oidc"),
)
SUITES = [
    {
        "session_backend": backend,
        "database": CHOICES["database"][(at + turn) % 2],
        "samesite": samesite,
        "frontend": CHOICES["frontend"][(at // 2 + turn) % 2],
        "identity": CHOICES["identity"][(at + turn // 2) % 2],
        "totp": CHOICES["totp"][(at + turn) // 2 % 2],
        "passkeys": CHOICES["passkeys"][(at + (at + turn) // 2) % 2],
        "oidc": CHOICES["oidc"][(turn + (at + turn) // 2) % 2],
    }
    for at, backend in enumerate(CHOICES["session_backend"])
    for turn, samesite in enumerate(CHOICES["samesite"])
]
# The default answers: in a bare checkout of theirs all tests are run below.
BARE = 0
# Of the others, unless SOAK=1, only tests run again of what differs: the cookie's policy, the pages
# and the store of sessions; attacks on each other store for production; what asks PostgreSQL; and
# all ways to sign in.
STORES = (4, 10)
ON_POSTGRESQL, ALL_WAYS = 1, (5, 6)
CONCERNED = re.compile(
    r"tests/(test_(cookie|cors|pages|strict_links|store|sessions|session_(values|list\w*)"
    r"|server_side_sessions)|attacks/test_cross_site)\.py"
)
ASKING = re.compile(
    r"tests/(test_(cli\w*|database|db_session|import_sqlite|postgresql|rate_limit|users|links"
    r"|delivery\w*)|attacks/test_(guessing|races))\.py"
)
SIGNING_IN = re.compile(
    r"tests/(attacks/)?test_\w*(totp|code|passkey|provider|oidc|join|back_channel)\w*\.py"
)
ATTACKS = re.compile(
    r"tests/(test_(session_\w+|websocket)"
    r"|attacks/test_(every_route|fixation|forged_tokens|fuzz|races|replay))\.py"
)
AGAIN = (
    {ON_POSTGRESQL: (ASKING,)}
    | dict.fromkeys(STORES, (CONCERNED, ATTACKS))
    | dict.fromkeys(ALL_WAYS, (SIGNING_IN,))
)

# What a developer may have set, and their tests must not be moved by.
OF_THE_DEVELOPER = {"SESSION_LIFETIME": "1", "LOGIN_MAX_FAILURES": "1", "ENVIRONMENT": "production"}

PINS = ("requirements.txt", "requirements-dev.txt")
# Between them they have all libraries.
EVERYTHING = {"identity": "email", "totp": "yes", "passkeys": "yes", "oidc": "yes"}
LARGEST = (
    {"session_backend": "redis", "database": "postgresql", **EVERYTHING},
    {"session_backend": "database", "database": "sqlite", **EVERYTHING},
)

# Of seven combinations in turn, unless SOAK=1, the types of two are checked: a choice changes what
# nearly every module and test imports. Seven divides no number of answers, so that each answer has
# its turn.
TURN, TYPED = 7, (0, 2)


def test_every_pair_of_answers_is_among_those_that_run_their_tests() -> None:
    for one, other in itertools.combinations(PAIRED, 2):
        pairs = set(itertools.product(CHOICES[one], CHOICES[other]))
        assert {(answers[one], answers[other]) for answers in SUITES} == pairs
    assert SUITES[BARE].items() <= DEFAULTS.items()
    attacked = {SUITES[number]["session_backend"] for number in (BARE, *STORES)}
    assert attacked == set(CHOICES["session_backend"]) - {"memory"}
    on_postgresql = {"session_backend": "database", "database": "postgresql"}
    assert SUITES[ON_POSTGRESQL].items() >= on_postgresql.items()
    for way in ("totp", "passkeys", "oidc"):
        with_mail = [SUITES[number] for number in ALL_WAYS if SUITES[number][way] == "yes"]
        assert {each["identity"] for each in with_mail} == {"email"}


@pytest.fixture(scope="session")
def every_library(shared: Shared, bake_once: Bake) -> Path:
    """Make an environment with the libraries of all projects, so that each is analysed once.

    That a project imports none that it lacks is for a test of its own.
    """

    def install(path: Path) -> None:
        projects = [bake_once(**answers) for answers in LARGEST]
        pins = sorted(
            {line for each in projects for pin in PINS for line in each.texts[pin].split("\n")}
        )
        path.mkdir()
        (path / "all.txt").write_text("\n".join(pins), encoding="utf-8")
        python = str(path / "environment" / "bin" / "python")
        for command in (
            [UV, "venv", "-q", "-p", sys.executable, str(path / "environment")],
            [UV, "pip", "install", "-q", "-p", python, "-r", str(path / "all.txt")],
        ):
            processes.run(command, check=True)

    return shared.once("every-library", install) / "environment" / "bin"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep what mypy knows of the libraries, and of files that projects have in common."""
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.slow
@pytest.mark.parametrize("answers", PRODUCT, ids=name)
def test_every_combination_is_formatted_linted_and_typed(
    bake_once: Bake,
    every_library: Path,
    cache: Path,
    shared: Shared,
    tell: Tell,
    leave_out: LeaveOut,
    answers: dict[str, str],
) -> None:
    project = bake_once(**answers)
    typed = is_soak() or PRODUCT.index(answers) % TURN in TYPED

    def check(_: Path) -> None:
        project.run(str(every_library / "ruff"), "format", "--check", "--no-cache", ".")
        project.run(str(every_library / "ruff"), "check", "--no-cache")
        if typed:
            project.run(str(every_library / "mypy"), "--cache-dir", str(cache))

    # What is the same text with other answers, and configured alike, is looked at once.
    looked_at = [
        (file, project.texts[file])
        for file in sorted(project.files)
        if file.endswith((".py", "pyproject.toml"))
    ]
    assert len(looked_at) > 50
    digest = hashlib.sha256(repr((looked_at, typed)).encode()).hexdigest()
    shared.once(f"checked-{digest[:16]}", check)
    tell("linted and typed", project)
    if not is_soak():
        leave_out("the types of five combinations in seven: SOAK=1")


@pytest.fixture(scope="session")
def distributions(every_library: Path) -> Mapping[str, list[str]]:
    """Return which distributions bring each top-level package."""
    script = "import json, importlib.metadata as m; print(json.dumps(m.packages_distributions()))"
    done = processes.run([every_library / "python", "-c", script], check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("answers", PRODUCT, ids=name)
def test_every_import_is_of_a_library_that_the_project_pins(
    bake_once: Bake, distributions: Mapping[str, list[str]], answers: dict[str, str]
) -> None:
    texts = bake_once(**answers).texts
    own, development = ({line.split("==")[0] for line in texts[pin].splitlines()} for pin in PINS)
    for file, text in texts.items():
        if file.endswith(".py"):
            module = file.removesuffix(".py").replace("/", ".")
            packages = {each.partition(".")[0] for each in imports(text, module)}
            pinned = own | development if file.startswith("tests/") else own
            for package in packages - set(sys.stdlib_module_names) - {"app", "tests"}:
                brought_by = {_normal(each) for each in distributions.get(package, [])}
                assert brought_by & pinned, f"{file} imports {package}"


def _normal(distribution: str) -> str:
    """Return the name of a distribution as it stands in pins (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [number for number in range(len(SUITES)) if number != BARE],
    ids=lambda number: name(SUITES[number]),
)
def test_the_tests_of_a_project_pass_and_change_nothing(
    ready: Bake, tell: Tell, leave_out: LeaveOut, number: int
) -> None:
    project = ready(**SUITES[number])
    if project.answers["database"] == "sqlite":
        # Of the developer, and not for tests to touch.
        project.run(".venv/bin/alembic", "upgrade", "head")
    before = contents(project)
    command = ["make", "coverage" if is_soak() else "test"]
    if not is_soak():
        wanted = AGAIN.get(number, (CONCERNED,))
        files = sorted(
            file for file in project.files if any(each.fullmatch(file) for each in wanted)
        )
        command = [".venv/bin/python", "-m", "pytest", "-q", *files]
        leave_out("all of a project's own tests with other answers than the default: SOAK=1")
    done = project.run(*command, variables={**OF_THE_DEVELOPER, "REQUIRE_SERVICES": "1"})
    assert re.search(r"\d+ passed", done.stdout)
    assert not re.search(r"\d+ skipped", done.stdout)
    assert {
        file: content for file, content in contents(project).items() if file in before
    } == before
    tell("tested", project)
    leave_out(
        f"the own tests of {len(PRODUCT) - len(SUITES)} combinations: every pair of answers is "
        "among those that ran"
    )


def contents(project: Project) -> dict[str, bytes]:
    """Return what is in the files of a project, but for its environment."""
    files = (file for file in project.files if not file.startswith(".venv"))
    return {file: (project.path / file).read_bytes() for file in files}


@pytest.mark.slow
def test_a_bare_checkout_with_a_hostile_name_needs_nothing_but_python_and_make(
    tmp_path_factory: pytest.TempPathFactory, leave_out: LeaveOut
) -> None:
    folder = tmp_path_factory.mktemp("hostile") / "out"
    assert type_answers(folder, HOSTILE, "hostile", HOSTILE, HOSTILE).returncode == 0
    project = Project(folder / "hostile", {})
    (project.path / ".env").unlink()
    assert " passed" in project.run("make", "coverage" if is_soak() else "test").stdout
    project.run("make", "check")
    project.run("make", ".env")
    assert (project.path / ".env").stat().st_mode & 0o777 == 0o600
    project.python("-c", "import app.main")
    # Tracing takes as long again as the tests.
    leave_out("whether the tests of a project cover every line and branch: SOAK=1")


@pytest.mark.slow
def test_the_first_commit_passes_its_own_hooks(ready: Bake) -> None:
    project = ready(ci="github")
    project.run("git", "init", "-q")
    project.run("git", "add", ".")
    home = {"PRE_COMMIT_HOME": str(project.path.parent / "pre-commit")}
    pre_commit = str(Path(sys.executable).parent / "pre-commit")
    project.run(pre_commit, "install", variables=home)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = project.run("git", *identity, "commit", "-m", "First", variables=home)
    assert "format, lint and types" in done.stdout
    assert "Passed" in done.stdout
    assert project.run("git", "status", "--porcelain").stdout == ""
