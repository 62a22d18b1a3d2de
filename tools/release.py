"""Make a version: ``make release VERSION=1.2.0``. Checks, writes, commits and tags; pushes nothing.

Beforehand, describe the version in ``CHANGELOG.md``, under a heading with today's date.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tools.publish import REPOSITORY, address, names_of

MAIN = "main"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Refused(Exception):
    """The version cannot be made. The message says why, and what to do."""


def git(repository: Path, *words: str) -> str:
    """Run git; return what it printed. Raises Refused with what it complains about."""
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def section(changelog: str, version: str, today: date) -> str:
    """Return what the changelog says of a version. Raises Refused unless it is dated today."""
    headings = re.findall(rf"^## \[{re.escape(version)}\](.*)$", changelog, re.MULTILINE)
    if len(headings) != 1:
        raise Refused(
            f"CHANGELOG.md has no section for {version}: write what is new under "
            f"## [{version}] - {today}"
        )
    if headings[0] != f" - {today}":
        raise Refused(f"CHANGELOG.md dates {version} otherwise: ## [{version}] - {today}")
    text = changelog.partition(f"## [{version}]{headings[0]}\n")[2]
    return re.split(r"^(?:## |\[)", text, maxsplit=1, flags=re.MULTILINE)[0].strip()


def with_links(changelog: str, version: str, home: str) -> str:
    """Return the changelog with a link for the version, and that of what is not released yet."""
    unreleased = f"[Unreleased]: {home}/compare/v{version}...HEAD"
    link = f"[{version}]: {home}/releases/tag/v{version}"
    return re.sub(r"^\[Unreleased\]: .*$", f"{unreleased}\n{link}", changelog, flags=re.MULTILINE)


def refuse_unless_ready(repository: Path, version: str) -> None:
    """Raise Refused unless this version can be made from what is checked out."""
    if not VERSION.fullmatch(version):
        raise Refused(f"{version!r} is no version: make release VERSION=1.2.0")
    if names_of(repository).startswith("ORG/"):
        raise Refused("Nobody has said where this is published: make publish ORG=name")
    branch = git(repository, "rev-parse", "--abbrev-ref", "HEAD")
    if branch != MAIN:
        raise Refused(f"This is {branch}, and versions are made on {MAIN}: git switch {MAIN}")
    if git(repository, "status", "--porcelain"):
        raise Refused("The work tree is not clean: commit or remove what git status shows.")
    if git(repository, "tag", "--list", f"v{version}"):
        raise Refused(f"The version {version} exists already: git show v{version}")


def release(repository: Path, version: str, today: date) -> None:
    """Write the version down, commit, and tag. Raises Refused before anything is changed."""
    refuse_unless_ready(repository, version)
    changelog, pyproject = repository / "CHANGELOG.md", repository / "pyproject.toml"
    text = changelog.read_text("utf-8")
    news = section(text, version, today)
    if not news:
        raise Refused(f"CHANGELOG.md says nothing about {version}: write what is new.")
    changelog.write_text(with_links(text, version, address(repository)), encoding="utf-8")
    settings = pyproject.read_text("utf-8")
    named = re.sub(r'^version = ".*"$', f'version = "{version}"', settings, flags=re.MULTILINE)
    pyproject.write_text(named, encoding="utf-8")
    git(repository, "commit", "--quiet", "--all", "--message", f"Version {version}")
    message = f"Version {version}\n\n{news}\n"
    git(repository, "tag", "--annotate", "--cleanup=verbatim", f"v{version}", "--message", message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the version, and say what to push; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.release")
    parser.add_argument("version", help="three numbers, as in 1.2.0")
    version = parser.parse_args(arguments).version
    try:
        release(REPOSITORY, version, date.today())
    except Refused as reason:
        print(reason, file=sys.stderr)
        return 1
    print(f"The tag v{version} is made, and nothing is pushed. Look at it: git show v{version}")
    print(f"Then: git push --atomic origin {MAIN} v{version}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
