"""Render projects to look at before installing anything: ``make examples``.

They go into the branch ``examples``, a folder each, and the work tree stays as it is. The branch
gets a commit when they have changed. What is rendered is what is committed; it holds no key.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools import update
from tools.publish import REPOSITORY, address

BRANCH = "refs/heads/examples"

EXAMPLES: dict[str, dict[str, str]] = {
    "default": {},
    "every-way-to-sign-in": {
        "session_backend": "redis",
        "database": "postgresql",
        "totp": "yes",
        "passkeys": "yes",
        "oidc": "yes",
    },
    "api-for-another-site": {"database": "postgresql", "samesite": "none", "frontend": "api"},
    "signed-cookie": {"session_backend": "signed-cookie", "samesite": "strict"},
    "smallest": {"frontend": "api", "identity": "username", "ci": "none"},
}


def index(commit: str) -> str:
    """Return the page that is seen first."""
    lines = [
        "# Examples",
        "",
        f"What [the template]({address()}) generates, as of {commit[:12]}. Nobody works here:",
        "`make examples` writes this branch.",
        "",
        "| folder | answers, where they are not the default ones |",
        "|---|---|",
    ]
    for name, answers in EXAMPLES.items():
        given = ", ".join(f"`{key}={answer}`" for key, answer in answers.items()) or "none"
        lines.append(f"| [{name}]({name}) | {given} |")
    return "\n".join([*lines, ""])


def render(commit: str, folder: Path) -> dict[str, bytes]:
    """Return the files of all examples, by path. folder: for this alone."""
    template = update.check_out(commit, folder / "template")
    # What a project remembers is where everybody finds the template, and not this machine.
    update.git(template, "remote", "set-url", "origin", address())
    update.git(template, "update-ref", "refs/remotes/origin/main", commit)
    files = {"README.md": index(commit).encode()}
    for name, answers in EXAMPLES.items():
        named = {"project_name": name.replace("-", " ").capitalize(), "project_slug": name}
        made = update.render(template, {**named, **answers}, folder / name)
        files |= {f"{name}/{path}": content for path, content in made.items()}
    return files


def write(repository: Path, files: Mapping[str, bytes], message: str) -> None:
    """Let the branch hold these files and no others."""
    before = update.git(repository, "rev-parse", "--verify", "--quiet", BRANCH, check=False).strip()
    commit = update.commit(repository, files, message, *([before] if before else []))
    update.git(repository, "update-ref", BRANCH, commit, before or "0" * 40)


def main() -> int:
    """Render the examples, and say what to push; return the exit status."""
    head = update.git(REPOSITORY, "rev-parse", "HEAD").strip()
    message = f"Examples as of {head[:12]}"
    if update.git(REPOSITORY, "log", "-1", "--format=%s", BRANCH, check=False).strip() == message:
        print("The branch examples is up to date.")
        return 0
    if update.git(REPOSITORY, "symbolic-ref", "--quiet", "HEAD", check=False).strip() == BRANCH:
        print("The branch examples is checked out: git switch main", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory() as name:
            # Hooks find the template by its whole path.
            write(REPOSITORY, render(head, Path(os.path.realpath(name))), message)
    except update.Refused as reason:
        print(reason, file=sys.stderr)
        return 1
    print("The branch examples is written, and nothing is pushed: git push origin examples")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
