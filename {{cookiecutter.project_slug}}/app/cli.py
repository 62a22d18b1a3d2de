"""Commands for operators: ``python -m app --help``.

Help and new-key have to work where there is neither a database nor a valid setting yet, so whatever
needs one is imported where it is used.
"""

import asyncio
import io
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import security_log
from app.config import STARTUP_FAILURE, Settings, SettingsError
from app.errors import StoreUnavailable
from app.users.errors import AccountError, PasswordRejected, UsernameTaken, UserNotFound

if TYPE_CHECKING:
    from app.services import Services

REFUSED, UNAVAILABLE, INTERRUPTED = 1, 4, 130

T = TypeVar("T")
# ROLES of app/models.py once more: to import them would be to import the database. A test compares.
Role = Literal["user", "admin"]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the user signs in with.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]

cli = typer.Typer(
    help="Manage users and sessions.",
    epilog="Exit status: 0 done, 1 refused, 2 usage, 3 settings, 4 store unavailable, 130 Ctrl-C.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with a status that scripts can rely on."""
    # A character that the output's encoding lacks is spelled out rather than an error.
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    try:
        cli(arguments, prog_name="python -m app")
    except AccountError as error:
        fail(REFUSED, str(error))
    except SettingsError as error:
        fail(STARTUP_FAILURE, f"{error}\nFix this in .env or in the environment; see README.md.")


@cli.command()
def create_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = "user",
    password_stdin: PasswordStdin = False,
) -> None:
    """Create a user; asks for the password on a terminal."""
    with suppress(UserNotFound):
        run(lambda services: services.users.find(name))
        raise UsernameTaken
    user = with_password(
        password_stdin, lambda password, services: services.users.register(name, password, role)
    )
    say(f"Created {user.username} ({user.role}).")


@cli.command()
def set_password(name: Name, password_stdin: PasswordStdin = False) -> None:
    """Set a user's password and end all of their sessions."""
    run(lambda services: services.users.find(name))
    with_password(
        password_stdin, lambda password, services: services.users.set_password(name, password)
    )
    say(f"Set a new password for {name} and ended all sessions.")


@cli.command()
def disable_user(name: Name) -> None:
    """Disable a user and end all of their sessions."""
    run(lambda services: services.users.disable(name))
    say(f"Disabled {name} and ended all sessions.")


@cli.command()
def enable_user(name: Name) -> None:
    """Let a disabled user sign in again."""
    run(lambda services: services.users.enable(name))
    say(f"Enabled {name}.")


@cli.command()
def delete_user(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False
) -> None:
    """Delete a user; asks for confirmation on a terminal."""
    run(lambda services: services.users.find(name))
    if not yes and not ask(partial(typer.confirm, f"Delete {printable(name)} for good?"), "--yes"):
        fail(REFUSED, "Nothing was deleted.")
    run(lambda services: services.users.delete(name))
    say(f"Deleted {name}.")


@cli.command()
def change_role(name: Name, role: Annotated[Role, typer.Argument(metavar="ROLE")]) -> None:
    """Change a user's role and end all of their sessions."""
    run(lambda services: services.users.change_role(name, role))
    say(f"Changed the role of {name} to {role} and ended all sessions.")


@cli.command()
def end_sessions(name: Name) -> None:
    """Sign a user out everywhere."""
    run(lambda services: services.users.end_sessions(name))
    say(f"Ended all sessions of {name}.")


@cli.command()
def list_users() -> None:
    """List all users.

    Columns: id, name, role, state, created. A terminal shows a table. A pipe
    gets a line for each user: tabs between the columns, no header, nothing
    cut, times in UTC (ISO 8601).
    """
    states = {True: "active", False: "disabled"}
    rows = [
        (str(user.id), user.username, user.role, states[user.is_active], when(user.created_at))
        for user in run(lambda services: services.users.list_users())
    ]
    show(("ID", "NAME", "ROLE", "STATE", "CREATED"), rows)


# {% if cookiecutter.session_backend in ("database", "redis") %}
@cli.command()
def list_sessions(name: Name) -> None:
    """List a user's live sessions.

    Columns: id (as in the security log), IP, browser, created, last seen,
    expires. A terminal shows a table. A pipe gets a line for each session:
    tabs between the columns, no header, nothing cut, times in UTC (ISO 8601).
    """

    async def live(services: "Services") -> list[tuple[str, ...]]:
        user = await services.users.find(name)
        return [
            (
                security_log.short(session.key),
                session.ip,
                session.user_agent,
                when(session.created_at),
                when(session.last_seen_at),
                when(session.expires_at),
            )
            for session in await services.sessions.list_for_user(user.id)
            # One of an older version has been revoked, and is only waiting to be deleted.
            if session.session_version == user.session_version
        ]

    show(("ID", "IP", "BROWSER", "CREATED", "LAST SEEN", "EXPIRES"), run(live))


# {% endif %}
@cli.command()
def purge() -> None:
    """Delete whatever has expired; safe to run from cron."""
    with Console(stderr=True).status("Deleting"):
        deleted = run(lambda services: services.delete_expired())
    say(f"Expired rows deleted: {deleted}.")


@cli.command()
def new_key() -> None:
    """Print a new key for SECRET_KEYS."""
    say(secrets.token_urlsafe(48))


def run(work: Callable[["Services"], Awaitable[T]]) -> T:
    """Do some work with the app's services, and close them again.

    A store that cannot be used ends the command. Raises SettingsError, and what the work raises.
    """
    from sqlalchemy.exc import ProgrammingError

    from app.services import Services

    settings = Settings.load()
    security_log.client_ip.set("shell")
    if not sys.stderr.isatty():
        # On a terminal it would only get between the sentences.
        security_log.write_to_stderr()

    async def work_and_close() -> T:
        services = Services(settings)
        try:
            return await work(services)
        finally:
            await services.close()

    try:
        return asyncio.run(work_and_close())
    except (StoreUnavailable, ProgrammingError) as error:  # the latter when a table is missing
        cause = error.__cause__ or getattr(error, "cause", error)
        reason = str(cause).partition("\n")[0] or type(cause).__name__
        advice = "Check that it is running and migrated (`alembic upgrade head`), then try again."
        fail(UNAVAILABLE, f"A data store is unavailable: {reason}\n{advice}")


def with_password(from_stdin: bool, work: Callable[[str, "Services"], Awaitable[T]]) -> T:
    """Read a password and work with it; on a terminal, ask again until it is accepted."""
    hint = f"Password (at least {Settings.load().password_min_length} characters)"
    prompt = partial(typer.prompt, hint, hide_input=True, confirmation_prompt="Repeat password")
    while True:
        try:
            # Outside of the event loop, which would swallow the first Ctrl-C.
            password = sys.stdin.readline() if from_stdin else ask(prompt, "--password-stdin")
            return run(partial(work, password.rstrip("\r\n")))
        except UnicodeError:
            fail(REFUSED, "The password is not valid UTF-8.")
        except PasswordRejected as rejected:
            if from_stdin:
                raise
            typer.echo(f"{rejected} Try again, or press Ctrl-C to stop.", err=True)


def ask(prompt: Callable[..., T], otherwise: str) -> T:
    """Ask the operator; without a terminal, name the option to use instead."""
    if not sys.stdin.isatty():
        fail(REFUSED, f"There is no terminal to ask on; use {otherwise}.")
    try:
        return prompt(err=True)
    except typer.Abort:
        raise typer.Exit(INTERRUPTED) from None


def show(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that fits the terminal, or for programs a line for each row."""
    if not sys.stdout.isatty():
        for row in rows:
            say(*row)
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        # Text, because rich would take [...] in a string for markup.
        table.add_row(*(Text(printable(c), no_wrap=True, overflow="ellipsis") for c in row))
    Console().print(table)


def say(*cells: str) -> None:
    """Print a sentence, or cells separated by tabs."""
    try:
        typer.echo("\t".join(map(printable, cells)))
    except BrokenPipeError:
        # The reader has had enough, as `head` has. Python's last flush must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(status: int, text: str) -> NoReturn:
    """Say on standard error what is wrong and how to fix it, and exit."""
    typer.echo(text, err=True)
    sys.exit(status)


def when(seconds: float) -> str:
    """Return a Unix time as people want it on a terminal, as programs want it in a pipe."""
    if not sys.stdout.isatty():
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    distance = seconds - time.time()
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    size, unit = next((each for each in units if each[0] <= abs(distance)), units[-1])
    count = int(abs(distance) // size)
    return f"in {count} {unit}" if distance > 0 else f"{count} {unit} ago"


def printable(text: str) -> str:
    """Return text that cannot command the terminal, whoever has chosen it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
