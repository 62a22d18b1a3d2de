"""What may be typed: the commands, what their help says, and what the exit status means."""

import argparse
from collections.abc import Sequence
from enum import IntEnum

from app.models import ROLES
from app.settings import STARTUP_FAILURE


class Exit(IntEnum):
    """How a command has ended, for scripts."""

    DONE = 0
    REFUSED = 1
    WRONG_USAGE = 2
    """What argparse ends with by itself."""
    WRONG_SETTINGS = STARTUP_FAILURE
    UNAVAILABLE = 4
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells say it."""


_MEANINGS = {
    Exit.DONE: "done",
    Exit.REFUSED: "refused: no such user, a name that is taken, a password that will not do",
    Exit.WRONG_USAGE: "wrong usage",
    Exit.WRONG_SETTINGS: "the settings are wrong; the server would not start with them either",
    Exit.UNAVAILABLE: "a store is out of reach or not migrated: worth trying again",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}
_EXIT_STATUS = "exit status:\n" + "\n".join(
    f"  {status:<5} {meaning}" for status, meaning in _MEANINGS.items()
)

_ON_PASSWORDS = "On a terminal the password is asked for twice, and again until it will do."
_ON_TABLES = """\
A terminal shows a table that fits it, and times as they are from now. A pipe or a file gets a line
for each, without a head: nothing is cut, tabs separate the columns, times are UTC (ISO 8601)."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was typed. Raises SystemExit with WRONG_USAGE, or DONE after --help."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app",
        epilog=f"{_epilog('create-user alice --role admin')}\n\n"
        "`python -m app COMMAND --help` says more about one of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", help="one of the above"
    )
    # argparse's own list would give the longest names a line of their own.
    listed = ["commands:"]

    def command(name: str, example: str, does: str, more: str = "") -> argparse.ArgumentParser:
        listed.append(f"  {name:<15} {does}")
        return commands.add_parser(
            name,
            description=f"{does[0].upper()}{does[1:]}.\n{more}",
            epilog=_epilog(f"{name} {example}"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def of_user(name: str, example: str, does: str, more: str = "") -> argparse.ArgumentParser:
        added = command(name, example, does, more)
        added.add_argument("name", metavar="NAME", help="of the user")
        return added

    create = of_user("create-user", "alice --role admin", "open an account", _ON_PASSWORDS)
    create.add_argument("--role", choices=ROLES, default=ROLES[0], help=f"default: {ROLES[0]}")
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    command(
        "list-users",
        "",
        "show all accounts",
        f"Columns: id, name, role, state, created.\n{_ON_TABLES}",
    )
    #{% if cookiecutter.session_backend in ("database", "redis") %}
    of_user(
        "list-sessions",
        "alice",
        "show a user's live sessions",
        "Columns: id (as in the security log), since, last seen, address, browser, ends.\n"
        f"{_ON_TABLES}",
    )
    #{% endif %}
    of_user("end-sessions", "alice", "sign a user out everywhere")
    change = of_user("change-role", "alice admin", "give another role, and end the sessions")
    change.add_argument("role", metavar="ROLE", choices=ROLES, help=" or ".join(ROLES))
    of_user("disable-user", "alice", "close an account, and end its sessions")
    of_user("delete-user", "alice", "delete an account, and end its sessions")
    command("purge", "", "delete what has expired; safe to run from cron")
    command("new-key", "", "print a fresh key for SECRET_KEYS")
    parser.description = "\n".join(["Look after the app.", "", *listed])
    return parser


def _epilog(example: str) -> str:
    return f"example:\n  python -m app {example.rstrip()}\n\n{_EXIT_STATUS}"
