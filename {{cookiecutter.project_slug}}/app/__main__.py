"""The app from the shell: ``python -m app --help``."""

from collections.abc import Sequence

from sqlalchemy.exc import ProgrammingError

from app.accounts.errors import (
    AccountError,
    InvalidName,
    NameTaken,
    NoSuchUser,
    PasswordRefused,
)
from app.settings import SettingsError
from app.shell import commands, terminal
from app.shell.arguments import Exit, parse
from app.unavailable import Unavailable

_NEXT = {
    InvalidName: "Choose another name.",
    NameTaken: "Choose another name; `python -m app list-users` shows which there are.",
    NoSuchUser: "`python -m app list-users` shows who there is.",
    PasswordRefused: "Choose another one: several random words will do.",
    terminal.NoPassword: "Type it on a terminal, or send it with --password-stdin.",
}
"""What to do about a refusal."""


def main(arguments: Sequence[str] | None = None) -> Exit:
    """Run one command; say on standard error what is wrong, and what to do next."""
    options = parse(arguments)
    try:
        if text := commands.run(options):
            terminal.say(text)
    except AccountError as refusal:
        terminal.complain(f"{refusal}\n{_NEXT.get(type(refusal), '')}".rstrip())
        return Exit.REFUSED
    except SettingsError as faults:
        terminal.complain(f"{faults}\nPut it right in .env or the environment; see README.md.")
        return Exit.WRONG_SETTINGS
    except (Unavailable, ProgrammingError) as error:
        terminal.complain(
            f"A store cannot be used: {_cause(error)}\n"
            "Does it run, and is it migrated (`alembic upgrade head`)? Then try again."
        )
        return Exit.UNAVAILABLE
    except KeyboardInterrupt:
        terminal.complain("\nInterrupted.")
        return Exit.INTERRUPTED
    return Exit.DONE


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    return str(cause).partition("\n")[0] or type(cause).__name__


if __name__ == "__main__":
    raise SystemExit(main())
