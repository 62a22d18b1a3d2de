"""The commands of ``python -m app``."""

import io
import runpy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app import security_log
from app.__main__ import main
from app.settings import KEY_MIN_CHARACTERS
from tests.browser import PASSWORD

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    for name, value in settings.items():
        if value is not None:
            monkeypatch.setenv(name.upper(), value)
    token = security_log.address.set(None)

    def run_command(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = main(arguments)
        return status, *capsys.readouterr()

    yield run_command
    security_log.address.reset(token)


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


def test_a_password_is_asked_for_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD, PASSWORD, "something else"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert run("create-user", "alice")[0] == 0
    status, _, error = run("create-user", "bob")
    assert (status, error) == (1, "The two passwords differ.\n")


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (("create-user", "bob", "--password-stdin"), "short\n", "at least 15 characters"),
        (("create-user", "bob", "--password-stdin"), "", "at least 15 characters"),
        (("create-user", "\n", "--password-stdin"), PASSWORD, "user name"),
        (("disable-user", "nobody"), "", "There is no user 'nobody'"),
        (("end-sessions", "nobody"), "", "There is no user 'nobody'"),
        (("delete-user", "nobody"), "", "There is no user 'nobody'"),
        (("change-role", "nobody", "admin"), "", "There is no user 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Run, arguments: tuple[str, ...], typed: str, sentence: str
) -> None:
    status, out, error = run(*arguments, typed=typed)
    assert (status, out) == (1, "")
    assert sentence in error.splitlines()[-1]


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


def test_wrong_settings_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEYS", "broken")
    status, _, error = run("purge")
    assert status == 1
    assert error.startswith("SECRET_KEYS: ")


def test_a_database_that_does_not_answer_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, unreachable_database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", unreachable_database_url)
    status, _, error = run("purge")
    assert status == 1
    assert error.startswith("A store cannot be used: ")


def test_a_database_that_is_not_migrated_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    status, _, error = run("disable-user", "alice")
    assert status == 1
    assert "alembic upgrade head" in error
    assert len(error.splitlines()) == 2


def test_a_password_that_cannot_be_read_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", no_terminal)
    status, _, error = run("create-user", "alice")
    assert (status, error) == (1, "The password cannot be read.\n")
    status, _, error = run("create-user", "alice", "--password-stdin", typed=PASSWORD + "\0")
    assert (status, error) == (1, "A password may not hold a NUL character.\n")


def test_it_is_run_as_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["app", "new-key"])
    monkeypatch.delitem(sys.modules, "app.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("app", run_name="__main__")
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.strip()) >= KEY_MIN_CHARACTERS
