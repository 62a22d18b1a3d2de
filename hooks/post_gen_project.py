"""What remains to be done once the files are there.

1. Keep of each set of alternatives the chosen one, under its plain name.
2. Make a secret key, in a ``.env`` that git ignores.
3. Say what to type next.

Standard library alone, no network. Every duty may be done twice without harm.
"""

import os
import re
import secrets
import sys
from pathlib import Path

CHOSEN = {
    "{{ cookiecutter.session_backend }}",
    "{{ cookiecutter.database }}",
    "{{ cookiecutter.frontend }}",
    "{{ cookiecutter.ci }}",
    "{{ cookiecutter.license }}",
}

# "name__choice.ext" is one of several alternatives for "name.ext". "name__one+other.ext" is the same
# for more than one answer to a question, "name__one__other.ext" for answers to two questions.
CHOICE = (
    r"(?:database|redis|memory|signed-cookie|sqlite|postgresql|html|api|github|gitlab"
    r"|MIT|Apache-2\.0|Proprietary)"
)
ALTERNATIVE = re.compile(rf"(?P<name>.+)__(?P<choices>{CHOICE}(?:\+{CHOICE})*)(?P<ending>\.\w+)?")


def plain_name(name):
    """Return the name without the choices it is for, or None when one of them was not made."""
    while match := ALTERNATIVE.fullmatch(name):
        if CHOSEN.isdisjoint(match["choices"].split("+")):
            return None
        name = match["name"] + (match["ending"] or "")
    return name


def keep_the_chosen(project):
    """Rename the chosen alternatives, delete the others and the folders that this empties."""
    for path in sorted(project.rglob("*__*")):
        name = plain_name(path.name)
        if name is None:
            path.unlink()
            remove_if_empty(path.parent, project)
        elif name != path.name:
            path.replace(path.with_name(name))


def remove_if_empty(folder, project):
    """Remove a folder of the project, and those above it, as far as nothing is in them."""
    while folder != project and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def make_secret_key(project):
    """Write ``.env`` from ``.env.example``, readable by its owner only; never overwrite one."""
    example = (project / ".env.example").read_text(encoding="utf-8")
    key = secrets.token_urlsafe(48)
    try:
        # Created with its mode, so that there is no moment in which others could read it.
        handle = os.open(project / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(re.sub("^SECRET_KEYS=$", f"SECRET_KEYS={key}", example, flags=re.MULTILINE))


def say_what_is_next(project):
    """Print the next commands."""
    print(f"\nYour app is in {project.name}. Next:\n")
    print(f"  cd {project.name}")
    print("  make run     # then open http://localhost:8000 and register")
    print("  make test    # its own tests")


def main():
    """Do every duty; return the exit status."""
    project = Path.cwd()
    keep_the_chosen(project)
    make_secret_key(project)
    say_what_is_next(project)
    return 0


if __name__ == "__main__":
    sys.exit(main())
