"""What remains to be done once the files are there.

1. Keep of each set of alternatives the chosen one, under its plain name.
2. Make a secret key, in a ``.env`` that git ignores.
3. Say what was made, where the key is and what to type next.

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

# What was chosen, in words. ASCII alone: a character that a console cannot show would end the hook,
# and the project with it.
SUMMARY = {
    "sessions": {
        "database": "live in the database, beside the users",
        "redis": "live in Redis or Valkey",
        "memory": "live in the memory of one process: for development and tests",
        "signed-cookie": "live in the cookie, signed",
    }["{{ cookiecutter.session_backend }}"],
    "users": {
        "sqlite": "live in SQLite, in the file app.db",
        "postgresql": "live in PostgreSQL",
    }["{{ cookiecutter.database }}"],
    "the cookie": {
        "lax": "comes along from other sites only when a link is followed (SameSite=Lax)",
        "strict": "never comes along from other sites (SameSite=Strict)",
        "none": "comes along from every other site (SameSite=None): name them in TRUSTED_ORIGINS",
    }["{{ cookiecutter.samesite }}"],
    "the app": {
        "html": "shows pages that work without JavaScript, and a JSON API",
        "api": "is a JSON API",
    }["{{ cookiecutter.frontend }}"],
    "tests": {
        "github": "run in GitHub Actions on every push",
        "gitlab": "run in GitLab CI on every push",
        "none": "run by hand, with make check and make test",
    }["{{ cookiecutter.ci }}"],
    "license": "{{ cookiecutter.license }}",
}

START = {"html": " and register", "api": "/docs"}["{{ cookiecutter.frontend }}"]

BOLD, DIM, CYAN = "1", "2", "36"

# "name__choice.ext" is one of several alternatives for "name.ext". "name__one+other.ext" is the
# same for more than one answer to a question, "name__one__other.ext" for answers to two questions.
# They are named one by one: a project that is generated once more may hold files of its owner's.
ALTERNATIVES = """
.github/dependabot__github.yml
.github/workflows/ci__github.yml
.gitlab-ci__gitlab.yml
LICENSE__Apache-2.0
LICENSE__MIT
LICENSE__Proprietary
app/pipeline__redis.py
app/reader__postgresql.py
app/reader__sqlite.py
app/redis__redis.py
app/sessions/live__database+redis+memory.py
app/sessions/live__signed-cookie.py
app/sessions/record__redis.py
app/sessions/store__database.py
app/sessions/store__memory.py
app/sessions/store__redis.py
app/sessions/store__signed-cookie.py
app/sessions/ticket__database+redis+memory.py
app/sessions/ticket__signed-cookie.py
app/sessions/users__redis+memory.py
app/web/account_pages__html.py
app/web/answers__api.py
app/web/answers__html.py
app/web/devices__html__database+redis+memory.py
app/web/forms__html.py
app/web/links__html.py
app/web/moments__html.py
app/web/pages__html.py
app/web/redirects__html.py
app/web/static/icon__html.svg
app/web/static/page__html.js
app/web/static/style__html.css
app/web/templates/account__html.html
app/web/templates/base__html.html
app/web/templates/confirm__html.html
app/web/templates/dashboard__html.html
app/web/templates/delete__html.html
app/web/templates/devices__html__database+redis+memory.html
app/web/templates/devices__html__signed-cookie.html
app/web/templates/error__html.html
app/web/templates/fields__html.html
app/web/templates/link__html.html
app/web/templates/login__html.html
app/web/templates/register__html.html
app/web/templating__html.py
tests/attacks/test_open_redirects__html.py
tests/database__postgresql.py
tests/database__sqlite.py
tests/postgresql__postgresql.py
tests/redis__redis.py
tests/servers__postgresql+redis.py
tests/test_cluster__redis.py
tests/test_devices__html__database+redis+memory.py
tests/test_kept_at_the_server__database+redis+memory.py
tests/test_links__html.py
tests/test_pages__html.py
tests/test_redis__redis.py
tests/test_session_list__database+redis+memory.py
tests/test_store__database.py
tests/test_store__memory.py
tests/test_store__redis.py
tests/test_store__signed-cookie.py
""".strip().splitlines()

CHOICE = (
    r"(?:database|redis|memory|signed-cookie|sqlite|postgresql|html|api|github|gitlab"
    r"|MIT|Apache-2\.0|Proprietary)"
)
SUFFIX = re.compile(rf"(?P<name>.+)__(?P<choices>{CHOICE}(?:\+{CHOICE})*)(?P<ending>\.\w+)?")


def plain_name(name):
    """Return the name without the choices it is for, or None when one of them was not made."""
    while match := SUFFIX.fullmatch(name):
        if CHOSEN.isdisjoint(match["choices"].split("+")):
            return None
        name = match["name"] + (match["ending"] or "")
    return name


def keep_the_chosen(project):
    """Rename the chosen alternatives, delete the others and the folders that this empties."""
    for path in map(project.joinpath, ALTERNATIVES):
        name = plain_name(path.name)
        if not path.is_file():
            # It was seen to before.
            continue
        if name:
            path.replace(path.with_name(name))
        else:
            path.unlink()
            remove_if_empty(path.parent, project)


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


def has_colours(stream):
    """Whether a stream is a terminal that shows colours, of somebody who wants them.

    https://no-color.org. An older console of Windows would show the codes themselves.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ)


def summary(project, colours):
    """Return what was made, where the key is and the next commands."""

    def paint(text, colour):
        return f"\x1b[{colour}m{text}\x1b[0m" if colours and text else text

    width = max(map(len, SUMMARY))
    commands = {
        f"cd {project.name}": "",
        "make run": f"     # then open http://localhost:8000{START}",
        "make test": "    # its own tests",
    }
    return "\n".join(
        [
            "",
            paint(f"Your app is in {project.name}.", BOLD),
            "",
            *(f"  {paint(what.ljust(width), DIM)}  {words}" for what, words in SUMMARY.items()),
            "",
            "The secret key is in .env and in no other file. git ignores .env: keep it so.",
            "",
            paint("Next:", BOLD),
            "",
            *(f"  {paint(what, CYAN)}{paint(remark, DIM)}" for what, remark in commands.items()),
        ]
    )


def main():
    """Do every duty; return the exit status."""
    project = Path.cwd()
    keep_the_chosen(project)
    make_secret_key(project)
    print(summary(project, has_colours(sys.stdout)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
