"""Give the template its home: ``make publish ORG=name``.

The address stands in ``pyproject.toml``. Wherever else it is named, it is replaced along with it.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
# Of a user or an organisation on GitHub.
ACCOUNT = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
# A paragraph that is true until then.
UNTIL_PUBLISHED = re.compile(rb"^.*<!-- until published -->\n\n", re.MULTILINE)


def address(repository: Path = REPOSITORY) -> str:
    """Return where the template is published."""
    text = (repository / "pyproject.toml").read_text("utf-8")
    published: str = tomllib.loads(text)["project"]["urls"]["Repository"]
    return published


def names_of(repository: Path) -> str:
    """Return the account and the repository: ``ORG/cookiecutter-fastapi-sessions``."""
    return address(repository).removeprefix("https://github.com/")


def publish(repository: Path, account: str) -> list[str]:
    """Replace the account in every file that names the address; return their paths.

    A paragraph that says that there is none yet goes.
    """
    here = names_of(repository)
    there = f"{account}/{here.partition('/')[2]}"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, check=True, capture_output=True, text=True
    )
    changed = []
    for name in sorted(filter(None, listed.stdout.split("\0"))):
        path = repository / name
        if path.is_file() and here.encode() in (content := path.read_bytes()):
            content = UNTIL_PUBLISHED.sub(b"", content)
            path.write_bytes(content.replace(here.encode(), there.encode()))
            changed.append(name)
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Replace the account, and say where; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.publish")
    parser.add_argument("account", help="the user or organisation on GitHub that it belongs to")
    account = parser.parse_args(arguments).account
    if not ACCOUNT.fullmatch(account):
        print(f"{account!r} is no name of an account: make publish ORG=name.", file=sys.stderr)
        return 1
    changed = publish(REPOSITORY, account)
    print(f"https://github.com/{names_of(REPOSITORY)} is named in {', '.join(changed)}.")
    print("Review with git diff, and commit.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
