"""The commands of ``python -m app``."""

import getpass
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import get_args

import pytest
from anyio import to_thread

from app.cli import Role
from app.config import KEY_MIN_CHARACTERS, ROOT, STARTUP_FAILURE
from app.models import ROLES
from app.services import Services
from app.users.errors import NameTaken
from tests.cli import Run, create
from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB, CAROL, DAVE, NO_NAME, SPELLINGS
from tests.test_logs import new_process

NEW_PASSWORD = "another battery staples horses"
UNKNOWN = f"no user named {BOB!r}"


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Type passwords, or do whatever an exception stands for."""

    def answer_with(*passwords: str | BaseException) -> None:
        left = iter(passwords)

        def read(_: str) -> str:
            password = next(left)
            if isinstance(password, BaseException):
                raise password
            return password

        monkeypatch.setattr(getpass, "getpass", read)

    return answer_with


def test_a_user_is_created_changed_and_deleted(run: Run) -> None:
    for command, typed, said in [
        (f"create-user {DAVE} --role admin --password-stdin", PASSWORD, f"Created {DAVE} (admin)."),
        (
            f"change-role {DAVE} user",
            "",
            f"Changed the role of {DAVE} to user and ended all sessions.",
        ),
        (f"end-sessions {DAVE}", "", f"Ended all sessions of {DAVE}."),
        (f"disable-user {DAVE}", "", f"Disabled {DAVE} and ended all sessions."),
        (f"enable-user {DAVE}", "", f"Enabled {DAVE}."),
        (f"delete-user {DAVE} --yes", "", f"Deleted {DAVE}."),
        ("purge", "", "Deleted 0 expired records."),
    ]:
        assert run(*command.split(), typed=typed)[:2] == (0, f"{said}\n")


@pytest.mark.parametrize(
    "command", ["set-password", "disable-user", "delete-user --yes", "change-role", "end-sessions"]
)
async def test_what_an_operator_does_ends_the_sessions_of_the_user_alone(
    run: Run, client: Client, other: Client, command: str
) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    arguments = {"set-password": ("--password-stdin",), "change-role": ("admin",)}
    done = await to_thread.run_sync(
        lambda: run(*command.split(), ALICE, *arguments.get(command, ()), typed=NEW_PASSWORD)
    )
    assert done[0] == 0
    assert not await client.is_signed_in()
    assert await other.is_signed_in()


async def test_a_new_password_replaces_the_old_one(run: Run, client: Client) -> None:
    await client.register(ALICE)
    command = ("set-password", ALICE, "--password-stdin")
    done = await to_thread.run_sync(lambda: run(*command, typed=f"{NEW_PASSWORD}\r\n"))
    assert done[:2] == (0, f"Set a new password for {ALICE} and ended all sessions.\n")
    assert (await client.sign_in(ALICE)).status_code == 401
    assert (await client.sign_in(ALICE, NEW_PASSWORD)).status_code == 200


async def test_a_disabled_user_signs_in_once_enabled_again(run: Run, client: Client) -> None:
    await client.register(ALICE)
    for command, status in (("disable-user", 401), ("enable-user", 200)):
        assert (await to_thread.run_sync(run, command, ALICE))[0] == 0
        assert (await client.sign_in(ALICE)).status_code == status


def test_a_password_is_asked_for_twice_until_both_are_the_same(
    terminal: Run, answer: Callable[..., None]
) -> None:
    answer(PASSWORD, "something else", PASSWORD, PASSWORD)
    status, out, error = terminal("create-user", ALICE)
    assert (status, out) == (0, f"Created {ALICE} (user).\n")
    assert "The two entered values do not match." in error
    answer(NEW_PASSWORD, NEW_PASSWORD)
    status, out, _ = terminal("set-password", ALICE)
    assert (status, out) == (0, f"Set a new password for {ALICE} and ended all sessions.\n")


def test_a_password_that_is_refused_is_explained(
    terminal: Run, answer: Callable[..., None]
) -> None:
    answer("short", "short")
    status, out, error = terminal("create-user", ALICE)
    assert (status, out) == (1, "")
    assert "at least 15 characters" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create-user", ALICE), NameTaken.text),
        (("create-user", SPELLINGS[0]), NameTaken.text),
        (("create-user", "\n"), NO_NAME),
        (("set-password", BOB), UNKNOWN),
    ],
)
def test_a_wrong_name_is_told_before_a_password_is_asked_for(
    terminal: Run, answer: Callable[..., None], arguments: tuple[str, ...], sentence: str
) -> None:
    create(terminal, ALICE)
    answer()
    status, out, error = terminal(*arguments)
    assert (status, out) == (1, "")
    assert sentence in error


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("create-user", "--password-stdin"),
        ("set-password", "--password-stdin"),
        ("delete-user", "--yes"),
    ],
)
def test_without_a_terminal_nothing_is_asked_for(run: Run, command: str, option: str) -> None:
    create(run, ALICE)
    name = BOB if command == "create-user" else ALICE
    status, out, error = run(command, name, typed=f"{PASSWORD}\n{PASSWORD}\ny\n")
    assert (status, out) == (1, "")
    assert error == f"Not running in a terminal; use {option}.\n"
    assert len(run("list-users")[1].splitlines()) == 1


@pytest.mark.parametrize(("typed", "left"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_user_is_deleted_once_confirmed(terminal: Run, run: Run, typed: str, left: int) -> None:
    create(run, ALICE)
    status, out, error = terminal("delete-user", ALICE, typed=typed)
    assert f"Delete {ALICE} for good? [y/N]" in error
    assert (status, out.strip()) == ((1, "") if left else (0, f"Deleted {ALICE}."))
    assert len(run("list-users")[1].splitlines()) == left


async def test_the_mark_that_windows_puts_in_front_is_no_part_of_a_password(
    run: Run, client: Client
) -> None:
    typed = f"\ufeff{PASSWORD}\r\n"
    command = partial(run, "create-user", BOB, "--password-stdin", typed=typed)
    assert (await to_thread.run_sync(command))[0] == 0
    assert (await client.sign_in(BOB)).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (("create-user", BOB, "--password-stdin"), "short\n", "at least 15"),
        (("create-user", BOB, "--password-stdin"), "", "at least 15"),
        (("create-user", BOB, "--password-stdin"), PASSWORD + "\0", "NUL"),
        (("create-user", BOB, "--password-stdin"), PASSWORD + "\udcff", "not valid UTF-8"),
        (("create-user", "\n", "--password-stdin"), PASSWORD, NO_NAME),
        (("create-user", SPELLINGS[0], "--password-stdin"), PASSWORD, NameTaken.text),
        (("set-password", ALICE, "--password-stdin"), "short\n", "at least 15"),
        (("set-password", BOB, "--password-stdin"), PASSWORD, UNKNOWN),
        (("disable-user", BOB), "", UNKNOWN),
        (("enable-user", BOB), "", UNKNOWN),
        (("delete-user", BOB, "--yes"), "", UNKNOWN),
        (("delete-user", BOB), "", UNKNOWN),
        (("change-role", BOB, "admin"), "", UNKNOWN),
        (("end-sessions", BOB), "", UNKNOWN),
    ],
)
def test_what_is_refused_is_explained_in_a_line(
    run: Run, arguments: tuple[str, ...], typed: str, sentence: str
) -> None:
    create(run, ALICE)
    status, out, error = run(*arguments, typed=typed)
    assert (status, out) == (1, "")
    assert sentence in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["", "fly", "purge all", "disable-user", f"change-role {ALICE} king"]
)
def test_wrong_usage_exits_with_2(run: Run, command: str) -> None:
    status, out, error = run(*command.split())
    assert status == 2
    assert "Usage: python -m app" in out + error


def test_wrong_settings_exit_with_the_status_of_the_server(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEYS", "broken")
    status, out, error = run("purge")
    assert (status, out) == (STARTUP_FAILURE, "")
    assert status == 3
    assert error.startswith("SECRET_KEYS: ")
    assert "README.md" in error.splitlines()[-1]


@pytest.mark.parametrize("command", ["purge", f"disable-user {ALICE}", "list-users"])
def test_a_database_that_does_not_answer_exits_with_4(
    run: Run, monkeypatch: pytest.MonkeyPatch, unreachable_database_url: str, command: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", unreachable_database_url)
    status, out, error = run(*command.split())
    assert (status, out) == (4, "")
    assert re.match(r"A data store is unavailable: \S", error)
    assert len(error.splitlines()) == 2


#{% if cookiecutter.session_backend == "redis" %}
def test_redis_that_does_not_answer_exits_with_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    create(run, ALICE)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    status, out, error = run("end-sessions", ALICE)
    assert (status, out) == (4, "")
    assert error.startswith("A data store is unavailable: Redis")
    assert len(error.splitlines()) == 2


#{% endif %}
@pytest.mark.parametrize("command", ["purge", f"disable-user {ALICE}", "list-users"])
def test_a_database_that_is_not_migrated_exits_with_4(
    run: Run, monkeypatch: pytest.MonkeyPatch, empty_database_url: str, command: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    status, out, error = run(*command.split())
    assert (status, out) == (4, "")
    assert "alembic upgrade head" in error
    assert len(error.splitlines()) == 2


async def interrupted(*_: object) -> int:
    raise KeyboardInterrupt


def test_ctrl_c_stops_a_command_without_a_traceback(
    terminal: Run, answer: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(KeyboardInterrupt())
    status, out, error = terminal("create-user", ALICE)
    assert (status != 0, out) == (True, "")
    assert "Traceback" not in error
    monkeypatch.setattr(Services, "delete_expired", interrupted)
    status, out, error = terminal("purge")
    assert (status != 0, out) == (True, "")
    assert "Traceback" not in error


def test_a_new_key_is_good_and_needs_no_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEYS", "broken")
    keys = {run("new-key")[1].strip() for _ in range(10)}
    assert len(keys) == 10
    assert all(len(key) >= KEY_MIN_CHARACTERS for key in keys)


def test_help_lists_every_command_and_exit_status(run: Run) -> None:
    commands = {"create-user", "set-password", "disable-user", "enable-user", "delete-user"}
    commands |= {"change-role", "end-sessions", "list-users", "purge", "new-key", "reset-link"}
    #{% if cookiecutter.session_backend in ("database", "redis") %}
    commands.add("list-sessions")
    #{% endif %}
    status, out, error = run("--help")
    assert (status, error) == (0, "")
    assert set(re.findall(r"^│ ([a-z]+-?[a-z]+) +[A-Z]", out, re.MULTILINE)) >= commands
    explained = out.partition("Exit status:")[2]
    assert re.findall(r"\b(\d+)\s+\w", explained) == ["0", "1", "2", "3", "4"]
    for command in commands:
        status, out, _ = run(command, "--help")
        assert status == 0
        assert f"Usage: python -m app {command}" in out


def test_it_is_run_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["app", "new-key"])
    with pytest.raises(SystemExit) as exited:
        runpy.run_module("app", run_name="__main__")
    assert exited.value.code == 0
    assert len(capsys.readouterr().out.strip()) >= KEY_MIN_CHARACTERS


def test_help_needs_neither_settings_nor_the_database() -> None:
    """Whoever has not set anything up yet asks for help first."""
    code = """if True:
        import runpy, sys
        sys.argv = ["app", "create-user", "--help"]
        try:
            runpy.run_module("app", run_name="__main__")
        finally:
            print(*{name.partition(".")[0] for name in sys.modules} & {"sqlalchemy", "fastapi"})
            print("app.services" in sys.modules)
    """
    environment = {**os.environ, "SECRET_KEYS": "broken", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert "--password-stdin" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["", "False"]


def test_the_roles_on_offer_are_those_of_the_model() -> None:
    assert get_args(Role) == ROLES


def test_a_reader_that_has_had_enough_is_no_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(run, ALICE)
    create(run, BOB)
    theirs, ours = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "w", encoding="utf-8") as output:
        monkeypatch.setattr("sys.stdout", output)
        assert run("list-users") == (0, "", "")


async def test_purge_deletes_what_has_expired(
    run: Run, terminal: Run, services: Services, clock: Clock
) -> None:
    for command in (run, terminal):
        clock.now = 0
        for name in (ALICE, BOB, CAROL):
            await services.rate_limiter.acquire(name, "192.0.2.1")
        done = await to_thread.run_sync(command, "purge")
        assert done[:2] == (0, "Deleted 3 expired records.\n")


@pytest.mark.parametrize("on_terminal", [False, True])
def test_the_security_log_goes_to_a_pipe_and_not_to_a_terminal(run: Run, on_terminal: bool) -> None:
    """A terminal is for sentences; a script's standard error is what gets collected."""
    command = ("create-user", ALICE, "--password-stdin")
    with new_process():
        status, _, error = run(*command, typed=PASSWORD, on_terminal=on_terminal)
    assert status == 0
    events = [json.loads(line) for line in error.splitlines()]
    assert [(each["event"], each["address"]) for each in events] == (
        [] if on_terminal else [("user_created", "shell")]
    )
