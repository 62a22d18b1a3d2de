"""The commands of ``python -m app``."""

import getpass
import os
import re
import runpy
import sys
from collections.abc import Callable

import pytest
from anyio import to_thread

from app.__main__ import main
from app.services import Services
from app.settings import KEY_MIN_CHARACTERS, STARTUP_FAILURE
from tests.browser import PASSWORD
from tests.conftest import Clock
from tests.shell import Run, create


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Type passwords, which nobody sees, or do whatever an exception stands for."""

    def let_type(*passwords: str | BaseException) -> None:
        left = iter(passwords)

        def read(_: str) -> str:
            password = next(left)
            if isinstance(password, BaseException):
                raise password
            return password

        monkeypatch.setattr(getpass, "getpass", read)

    return let_type


def test_a_user_is_created_signed_out_and_closed(run: Run) -> None:
    status, out, _ = run(
        "create-user", "Root", "--role", "admin", "--password-stdin", typed=PASSWORD
    )
    assert (status, out) == (0, "Created root (admin).\n")
    given = run("change-role", "root", "user")[:2]
    assert given == (0, "Gave the role user and ended the sessions.\n")
    assert run("end-sessions", "root")[:2] == (0, "Signed the user out everywhere.\n")
    assert run("disable-user", "root")[:2] == (0, "Closed the account and ended its sessions.\n")
    assert run("delete-user", "root")[:2] == (0, "Deleted the account and ended its sessions.\n")
    assert run("purge")[:2] == (0, "Deleted 0 expired records.\n")


def test_a_password_is_asked_for_until_it_will_do(
    terminal: Run, answer: Callable[..., None]
) -> None:
    answer(PASSWORD, "something else", "short", "short", PASSWORD, PASSWORD)
    status, out, error = terminal("create-user", "alice")
    assert (status, out) == (0, "Created alice (user).\n")
    policy, differ, refused = error.splitlines()[:3]
    assert "at least 15 characters" in policy
    assert differ == "These two differ. Try again, or stop with Ctrl-C."
    assert refused == "A password needs at least 15 characters. Try again, or stop with Ctrl-C."


@pytest.mark.parametrize("name", ["alice", "ALICE", "\u200b"])
def test_a_name_that_will_not_do_is_told_before_a_password_is_asked_for(
    terminal: Run, answer: Callable[..., None], name: str
) -> None:
    create(terminal, "alice")
    answer()
    status, _, error = terminal("create-user", name)
    assert status == 1
    assert "Choose another name" in error


def test_without_a_terminal_no_password_is_asked_for(run: Run) -> None:
    status, _, error = run("create-user", "alice", typed=PASSWORD)
    assert status == 1
    assert error.startswith("There is no terminal to ask for the password on.\n")
    assert "--password-stdin" in error


@pytest.mark.parametrize("typed", [EOFError(), "\udcff"], ids=ascii)
def test_a_password_that_cannot_be_read_is_told(
    terminal: Run, answer: Callable[..., None], typed: str | EOFError
) -> None:
    answer(typed, typed)
    status, _, error = terminal("create-user", "alice")
    assert status == 1
    assert "The password cannot be read.\n" in error
    status, _, error = terminal("create-user", "alice", "--password-stdin", typed="\udcff" * 20)
    assert (status, error.splitlines()[0]) == (1, "The password cannot be read.")


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence", "advice"),
    [
        (("create-user", "bob", "--password-stdin"), "short\n", "at least 15", "another one"),
        (("create-user", "bob", "--password-stdin"), "", "at least 15", "another one"),
        (("create-user", "bob", "--password-stdin"), PASSWORD + "\0", "a NUL", "another one"),
        (("create-user", "\n", "--password-stdin"), PASSWORD, "user name", "another name"),
        (("create-user", "Alice", "--password-stdin"), PASSWORD, "taken", "another name"),
        #{% if cookiecutter.session_backend in ("database", "redis") %}
        (("list-sessions", "no\x1b[1mbody"), "", "visible characters", "another name"),
        (("list-sessions", "nobody"), "", "no user 'nobody'", "list-users"),
        #{% endif %}
        (("disable-user", "nobody"), "", "no user 'nobody'", "list-users"),
        (("end-sessions", "nobody"), "", "no user 'nobody'", "list-users"),
        (("delete-user", "nobody"), "", "no user 'nobody'", "list-users"),
        (("change-role", "nobody", "admin"), "", "no user 'nobody'", "list-users"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_what_to_do_in_another(
    run: Run, arguments: tuple[str, ...], typed: str, sentence: str, advice: str
) -> None:
    create(run, "alice")
    status, out, error = run(*arguments, typed=typed)
    assert (status, out) == (1, "")
    said, advised = error.splitlines()
    assert sentence in said
    assert advice in advised


def test_a_fresh_key_will_do_and_needs_no_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_KEYS", "broken")
    keys = set()
    for _ in range(10):
        assert main(["new-key"]) == 0
        keys.add(capsys.readouterr().out.strip())
    assert len(keys) == 10
    assert all(len(key) >= KEY_MIN_CHARACTERS for key in keys)


def test_wrong_usage_ends_with_2(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("fly",), ("purge", "all"), ("change-role", "alice", "king")):
        with pytest.raises(SystemExit) as caught:
            run(*arguments)
        assert caught.value.code == 2
        assert "usage: python -m app" in capsys.readouterr().err


def test_wrong_settings_end_with_what_the_server_ends_with(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEYS", "broken")
    status, _, error = run("purge")
    assert status == STARTUP_FAILURE == 3
    assert error.startswith("SECRET_KEYS: ")
    assert "README.md" in error.splitlines()[-1]
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("app.main")
    assert caught.value.code == status


def test_a_database_that_does_not_answer_is_worth_trying_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, unreachable_database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", unreachable_database_url)
    status, _, error = run("purge")
    assert status == 4
    assert re.match(r"A store cannot be used: \S", error)
    assert error.endswith("Then try again.\n")


def test_a_database_that_is_not_migrated_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    status, _, error = run("disable-user", "alice")
    assert status == 4
    assert "alembic upgrade head" in error
    assert len(error.splitlines()) == 2


async def nothing_but_ctrl_c(*_: object) -> int:
    raise KeyboardInterrupt


def test_ctrl_c_ends_with_130_and_without_a_traceback(
    terminal: Run, answer: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(KeyboardInterrupt())
    status, out, error = terminal("create-user", "alice")
    assert (status, out) == (130, "")
    assert error.endswith("\nInterrupted.\n")
    monkeypatch.setattr(Services, "purge", nothing_but_ctrl_c)
    assert terminal("purge") == (130, "", "\nInterrupted.\n")


def test_help_tells_the_commands_an_example_and_every_exit_status(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    helps = {}
    commands = ["create-user", "list-users", "end-sessions", "change-role", "disable-user"]
    commands += ["delete-user", "purge", "new-key"]
    #{% if cookiecutter.session_backend in ("database", "redis") %}
    commands.append("list-sessions")
    #{% endif %}
    for command in ["", *commands]:
        with pytest.raises(SystemExit) as caught:
            run(*filter(None, [command]), "--help")
        assert caught.value.code == 0
        helps[command] = capsys.readouterr().out
        statuses = re.findall(r"^  (\d+) +\S", helps[command], re.MULTILINE)
        assert statuses == ["0", "1", "2", "3", "4", "130"]
        assert f"example:\n  python -m app {command}" in helps[command]
    [table] = re.findall(r"^commands:\n(.*?)\n\n", helps[""], re.MULTILINE | re.DOTALL)
    listed = re.findall(r"^  ([a-z-]+) +\S", table, re.MULTILINE)
    assert sorted(listed) == sorted(commands)
    assert "tabs" in helps["list-users"]


def test_a_reader_that_has_had_enough_is_no_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(run, "alice")
    theirs, ours = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "w", encoding="utf-8") as output:
        monkeypatch.setattr("sys.stdout", output)
        assert run("list-users") == (0, "", "")


async def test_a_person_sees_how_far_a_purge_is_and_a_script_does_not(
    run: Run, terminal: Run, services: Services, clock: Clock
) -> None:
    shown = "Expired records deleted: 3"
    # Once it is done, the count is gone.
    for command, seen in ((run, ""), (terminal, f"\r{shown}\r{' ' * len(shown)}\r")):
        clock.now = 0
        for name in ("alice", "bob", "carol"):
            await services.throttle.admit(name, "192.0.2.1")
        done = await to_thread.run_sync(command, "purge")
        assert done == (0, "Deleted 3 expired records.\n", seen)


def test_it_is_run_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["app", "new-key"])
    monkeypatch.delitem(sys.modules, "app.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("app", run_name="__main__")
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.strip()) >= KEY_MIN_CHARACTERS
