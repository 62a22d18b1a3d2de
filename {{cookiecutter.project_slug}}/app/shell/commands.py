"""What each command does."""

import argparse
import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from app import security_log
from app.accounts.errors import NameTaken, NoSuchUser, PasswordRefused
from app.services import Services
from app.settings import Settings
from app.shell import table, terminal

Options = argparse.Namespace


def run(options: Options) -> str:
    """Run a command; return what it has to say.

    Raises SettingsError, AccountError, Unavailable, or ProgrammingError when a table is missing.
    """
    if options.command == "new-key":
        return secrets.token_urlsafe(48)
    settings = Settings.load()
    security_log.address.set("shell")
    security_log.write_to_stderr()
    if options.command == "create-user":
        return _create_user(settings, options)
    return _with_services(settings, partial(_COMMANDS[options.command], options))


def _with_services(settings: Settings, deed: Callable[[Services], Awaitable[str]]) -> str:
    async def do() -> str:
        services = Services(settings)
        try:
            return await deed(services)
        finally:
            await services.close()

    return asyncio.run(do())


def _create_user(settings: Settings, options: Options) -> str:
    # Prompts stay outside of the event loop, which would take the first Ctrl-C for itself.
    if options.password_stdin:
        password = terminal.read_password()
        return _with_services(settings, partial(_register, options, password))
    _with_services(settings, partial(_refuse_name, options))
    while True:
        password = terminal.ask_password(settings.password_min_length)
        try:
            return _with_services(settings, partial(_register, options, password))
        except PasswordRefused as refused:
            terminal.complain(f"{refused} Try again, or stop with Ctrl-C.")


async def _refuse_name(options: Options, services: Services) -> str:
    """Say that a name is taken before somebody thinks of a password."""
    with suppress(NoSuchUser):
        await services.directory.find(options.name)
        raise NameTaken
    return ""


async def _register(options: Options, password: str, services: Services) -> str:
    user = await services.accounts.register(options.name, password, options.role)
    return f"Created {user.username} ({user.role})."


async def _list_users(_: Options, services: Services) -> str:
    rows = [
        (
            str(each.id),
            each.username,
            each.role,
            "open" if each.is_active else "closed",
            table.time(each.created_at),
        )
        for each in await services.directory.all()
    ]
    return _table(("ID", "NAME", "ROLE", "STATE", "CREATED"), rows, cut="NAME")


#{% if cookiecutter.session_backend in ("database", "redis") %}
async def _list_sessions(options: Options, services: Services) -> str:
    account = await services.directory.find(options.name)
    rows = [
        (
            security_log.short(each.key),
            table.time(each.created_at),
            table.time(each.last_seen_at),
            each.ip,
            each.user_agent,
            table.time(each.expires_at),
        )
        for each in await services.sessions.of_user(account.id)
        if each.epoch == account.epoch
    ]
    heads = ("ID", "SINCE", "LAST SEEN", "ADDRESS", "BROWSER", "ENDS")
    return _table(heads, rows, cut="BROWSER")


#{% endif %}
async def _end_sessions(options: Options, services: Services) -> str:
    await services.accounts.end_sessions(options.name)
    return "Signed the user out everywhere."


async def _change_role(options: Options, services: Services) -> str:
    await services.accounts.change_role(options.name, options.role)
    return f"Gave the role {options.role} and ended the sessions."


async def _disable_user(options: Options, services: Services) -> str:
    await services.accounts.disable(options.name)
    return "Closed the account and ended its sessions."


async def _delete_user(options: Options, services: Services) -> str:
    await services.accounts.delete(options.name)
    return "Deleted the account and ended its sessions."


async def _purge(_: Options, services: Services) -> str:
    with terminal.running_count("Expired records deleted") as show:
        return f"Deleted {await services.purge(show)} expired records."


_COMMANDS: dict[str, Callable[[Options, Services], Awaitable[str]]] = {
    "list-users": _list_users,
    #{% if cookiecutter.session_backend in ("database", "redis") %}
    "list-sessions": _list_sessions,
    #{% endif %}
    "end-sessions": _end_sessions,
    "change-role": _change_role,
    "disable-user": _disable_user,
    "delete-user": _delete_user,
    "purge": _purge,
}


def _table(heads: Sequence[str], rows: Sequence[Sequence[table.Cell]], *, cut: str) -> str:
    columns = terminal.columns()
    if columns is None:
        return table.for_programs(rows)
    return table.for_people(heads, rows, cut=cut, columns=columns, now=datetime.now(UTC))
