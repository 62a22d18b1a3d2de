"""The app from the shell: ``python -m app --help``."""

import argparse
import asyncio
import getpass
import secrets
import sys
from collections.abc import Sequence

from sqlalchemy.exc import ProgrammingError

from app import security_log
from app.accounts.errors import AccountError
from app.models import ROLES
from app.services import Services
from app.settings import Settings, SettingsError
from app.unavailable import Unavailable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 with a sentence when it could not."""
    options = _parser().parse_args(arguments)
    if options.command == "new-key":
        print(secrets.token_urlsafe(48))
        return 0
    try:
        settings = Settings.load()
        password = _ask_password(options) if options.command == "create-user" else ""
        print(asyncio.run(_run(settings, options, password)))
    except (Unavailable, ProgrammingError) as error:
        cause = str(error.__cause__ or error).partition("\n")[0]
        print(f"A store cannot be used: {cause}", file=sys.stderr)
        print("Does it run, and is it migrated? `alembic upgrade head`", file=sys.stderr)
    except (EOFError, UnicodeError):
        print("The password cannot be read.", file=sys.stderr)
    except (AccountError, SettingsError) as error:
        print(error, file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Look after the app.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    create = commands.add_parser("create-user", help="open an account")
    create.add_argument("name")
    create.add_argument("--role", choices=ROLES, default=ROLES[0])
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )

    disable = commands.add_parser("disable-user", help="close an account and end its sessions")
    disable.add_argument("name")

    delete = commands.add_parser("delete-user", help="delete an account and end its sessions")
    delete.add_argument("name")

    change = commands.add_parser("change-role", help="give another role, and end the sessions")
    change.add_argument("name")
    change.add_argument("role", choices=ROLES)

    end = commands.add_parser("end-sessions", help="sign a user out everywhere")
    end.add_argument("name")

    commands.add_parser("purge", help="delete what has expired; safe to run from cron")
    commands.add_parser("new-key", help="print a fresh key for SECRET_KEYS")
    return parser


def _ask_password(options: argparse.Namespace) -> str:
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise AccountError("The two passwords differ.")
    return password


async def _run(settings: Settings, options: argparse.Namespace, password: str) -> str:
    """Run a command that needs the app's parts; return what it did."""
    services = Services(settings)
    security_log.address.set("shell")
    security_log.write_to_stderr()
    try:
        match options.command:
            case "create-user":
                user = await services.accounts.register(options.name, password, options.role)
                return f"Created {user.username} ({user.role})."
            case "disable-user":
                await services.accounts.disable(options.name)
                return "Closed the account and ended its sessions."
            case "delete-user":
                await services.accounts.delete(options.name)
                return "Deleted the account and ended its sessions."
            case "change-role":
                await services.accounts.change_role(options.name, options.role)
                return f"Gave the role {options.role} and ended the sessions."
            case "end-sessions":
                await services.accounts.end_sessions(options.name)
                return "Signed the user out everywhere."
            case _:
                return f"Deleted {await services.purge()} expired records."
    finally:
        await services.close()


if __name__ == "__main__":
    raise SystemExit(main())
