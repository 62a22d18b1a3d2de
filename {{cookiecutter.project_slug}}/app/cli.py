"""Commands for operators: ``python -m app --help``.

Help and new-key work without a database and without valid settings, so whatever needs them is
imported where it is used.
"""

import asyncio
import io
import logging
import secrets
import sys
#{% if cookiecutter.database == "postgresql" %}
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
#{% else %}
from collections.abc import Awaitable, Callable, Sequence
#{% endif %}
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, cast

import typer

from app import security_log
from app.config import ADVICE, STARTUP_FAILURE, Settings, SettingsError
from app.env_file import warn_about_misspelled_names
from app.errors import AppError, StoreUnavailable
from app.terminal import REFUSED, fail, printable, read_password, require_terminal, say, show, when
from app.users.errors import NameTaken, UserNotFound

if TYPE_CHECKING:
    from app.services import Services

UNAVAILABLE = 4
USERS_AT_ONCE = 1_000

T = TypeVar("T")
# ROLES of app/models.py once more: to import them would be to import the database. A test compares.
Role = Literal["user", "admin"]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the user signs in with.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]

cli = typer.Typer(
    help="Manage users and sessions.",
    epilog="Exit status: 0 done, 1 refused, 2 usage, 3 settings, 4 store unavailable.",
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
    except AppError as error:
        fail(REFUSED, str(error))
    except SettingsError as error:
        fail(STARTUP_FAILURE, f"{error}\n{ADVICE}")


@cli.command()
def create_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = "user",
    password_stdin: FromStdin = False,
) -> None:
    """Create a user; asks for the password on a terminal."""
    try:
        run(lambda services: services.users.find(name))
    except UserNotFound:
        password = read_password(password_stdin, Settings.load().password_min_length)
        user = run(lambda services: services.users.register(name, password, role))
        say(f"Created {user.name} ({user.role}).")
    else:
        raise NameTaken


@cli.command()
def set_password(name: Name, password_stdin: FromStdin = False) -> None:
    """Set a user's password and end all of their sessions."""
    run(lambda services: services.users.find(name))
    password = read_password(password_stdin, Settings.load().password_min_length)
    run(lambda services: services.users.set_password(name, password))
    say(f"Set a new password for {name} and ended all sessions.")


@cli.command()
def reset_link(name: Name) -> None:
    """Print a link with which a user can choose a new password: once, within 30 minutes."""
    say(run(lambda services: services.recovery.reset_link(name)))


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
    """Delete a user; asks for confirmation first."""
    run(lambda services: services.users.find(name))
    if not yes:
        require_terminal("--yes")
        if not typer.confirm(f"Delete {printable(name)} for good?", err=True):
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
def end_all_sessions() -> None:
    """Sign everybody out, as after a backup was restored."""
    run(lambda services: services.users.end_all_sessions())
    say("Ended all sessions of everybody.")


@cli.command()
def list_users() -> None:
    """List all users: a table on a terminal, tab-separated lines in a pipe."""
    states = {True: "active", False: "disabled"}

    async def show_all(services: "Services") -> None:
        last = 0
        # All at once, a million accounts would take gigabytes.
        while users := await services.users.list_users(after=last, limit=USERS_AT_ONCE):
            rows = (
                (user.id, user.name, user.role, states[user.is_active], when(user.created_at))
                for user in users
            )
            show(("ID", "NAME", "ROLE", "STATE", "CREATED"), rows)
            last = users[-1].id

    run(show_all)


#{% if cookiecutter.totp or cookiecutter.passkeys %}
@cli.command()
def reset_factors(name: Name) -> None:
    """Remove a user's second factors and end all of their sessions."""
    run(lambda services: services.factors.reset(name))
    say(f"Removed {name}'s second factors and ended all sessions.")


#{% endif %}
#{% if cookiecutter.session_backend in ("database", "redis") %}
@cli.command()
def list_sessions(name: Name) -> None:
    """List a user's sessions: a table on a terminal, tab-separated lines in a pipe."""
    from app.user_agent import describe_browser

    user = run(lambda services: services.users.find(name))
    sessions = run(lambda services: services.sessions.list_for_user(user.id))
    rows = (
        (
            security_log.short(session.key),
            session.ip,
            describe_browser(session.user_agent),
            *map(when, (session.created_at, session.last_seen_at, session.expires_at)),
        )
        for session in sessions
        # One of an earlier version is revoked, and only waiting to be deleted.
        if session.session_version == user.session_version
    )
    show(("ID", "IP", "BROWSER", "CREATED", "LAST SEEN", "EXPIRES"), rows)


#{% endif %}
#{% if cookiecutter.identity == "email" %}
@cli.command()
def send_mail() -> None:
    """Send the mail that waits; safe to run from cron."""
    from app.email.smtp import Unreachable

    if not Settings.load().mail_url.get_secret_value():
        fail(STARTUP_FAILURE, "MAIL_URL is not set, so no mail is sent.")
    try:
        say(f"Mails sent: {run(lambda services: services.outbox.send_waiting())}")
    except Unreachable as error:
        fail(UNAVAILABLE, f"The mail server cannot be used: {error}")


@cli.command()
def list_mail() -> None:
    """List the mail that could not be delivered so far, or was given up."""
    rows = (
        (
            mail.id,
            mail.recipient,
            mail.subject,
            when(mail.created_at),
            when(mail.next_attempt_at) if mail.next_attempt_at else "given up",
            mail.last_error,
        )
        for mail in run(lambda services: services.outbox.list_failed())
    )
    show(("ID", "TO", "SUBJECT", "CREATED", "NEXT ATTEMPT", "REASON"), rows)


#{% endif %}
#{% if cookiecutter.database == "postgresql" %}
@cli.command()
def import_sqlite(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A database of this app.")],
) -> None:
    """Move all data from SQLite into a PostgreSQL database that is still empty."""
    from app import import_sqlite

    async def copy(services: "Services") -> Mapping[str, int]:
        async with services.database.new_session() as db:
            return await import_sqlite.import_sqlite(file, db)

    try:
        show(("TABLE", "ROWS"), run(copy).items())
    except import_sqlite.ImportRefused as error:
        fail(REFUSED, f"Nothing was copied. {error}")


#{% endif %}
@cli.command()
def purge() -> None:
    """Delete whatever has expired; safe to run from cron."""
    say(f"Deleted {run(lambda services: services.delete_expired())} expired records.")


@cli.command()
def new_key() -> None:
    """Print a new key for SECRET_KEYS."""
    say(secrets.token_urlsafe(48))


def run(work: Callable[["Services"], Awaitable[T]]) -> T:
    """Do some work with the app's services. Raises SettingsError, and what the work raises."""
    from sqlalchemy.exc import ProgrammingError

    from app.logs import configure_logging
    from app.services import Services

    settings = Settings.load()
    on_terminal = sys.stderr.isatty()
    configure_logging(settings, on_terminal=on_terminal)
    warn_about_misspelled_names(Settings)
    if on_terminal:
        # On a terminal, events would only clutter the output.
        security_log.LOGGER.setLevel(logging.CRITICAL)
    security_log.client_ip.set("shell")

    async def work_and_close() -> T:
        services = Services(settings)
        try:
            return await work(services)
        finally:
            await services.close()

    try:
        return asyncio.run(work_and_close())
    except (StoreUnavailable, ProgrammingError) as error:  # the latter when a table is missing
        cause = error.reason if isinstance(error, StoreUnavailable) else str(error.orig)
        reason = cause.partition("\n")[0]
        advice = "Check that it is running and migrated (`alembic upgrade head`), then try again."
        fail(UNAVAILABLE, f"A data store is unavailable: {reason}\n{advice}")
