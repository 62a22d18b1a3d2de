"""Finish a project once cookiecutter has written its files.

1. Lay the files of the choices that were made over the project, and remove the others.
2. Create a secret key, in a ``.env`` that Git ignores.
3. Write down what it was made from, for ``make update``.
4. Print what was created, where the key is and which commands come next.

Standard library only, no network. Each duty can safely be done twice.
"""

import json
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
from pathlib import Path

# As JSON in a raw string: ``tojson`` escapes every quote of an answer, and the spaces keep its own
# apart from those of Python, so no answer can end the string.
ANSWERS = json.loads(r""" {{ cookiecutter | tojson }} """)

# Where the template is published, and its commit in an archive, where Git writes it
# (.gitattributes): a zip has no history that could be asked.
PUBLISHED = "https://github.com/ORG/cookiecutter-fastapi-sessions"
COMMIT_OF_ARCHIVE = "$Format:%H$"

OF_ONE_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}

# Questions that are answered with yes or no.
YES_OR_NO = {True: "yes", False: "no"}

# Holds a folder for each condition under which its files belong to a project:
# ``_choices/frontend-html+session_backend-database,redis/app/pages/session_list.py``.
CHOICES = "_choices"

# ASCII only: a character that a console cannot show would end the hook, and with it the project.
SUMMARY = {
    ("Sessions", "session_backend"): {
        "database": "stored in the database, next to the users",
        "redis": "stored in Redis or Valkey",
        "memory": "kept in the memory of one process, for development and tests only",
        "signed-cookie": "stored in the cookie itself, signed",
    },
    ("Users", "database"): {
        "sqlite": "stored in SQLite, in a file in this folder",
        "postgresql": "stored in PostgreSQL",
    },
    ("Cookie", "samesite"): {
        "lax": "sent from other sites only when someone follows a link (SameSite=Lax)",
        "strict": "never sent from other sites (SameSite=Strict)",
        "none": "sent from every other site (SameSite=None): list yours in TRUSTED_ORIGINS",
    },
    ("App", "frontend"): {
        "html": "HTML pages that work without JavaScript, and a JSON API",
        "api": "a JSON API",
    },
    ("Sign-in", "identity"): {
        "email": "with an email address, which is verified",
        "username": "with a user name",
    },
    ("Codes", "totp"): {"yes": "from an authenticator app, as a second factor"},
    ("Passkeys", "passkeys"): {"yes": "to sign in without a password"},
    ("Providers", "oidc"): {"yes": "to sign in with, named in OIDC_PROVIDERS"},
    ("CI", "ci"): {
        "github": "GitHub Actions runs the tests on every push",
        "gitlab": "GitLab CI runs the tests on every push",
        "none": "none: run make check and make test yourself",
    },
    ("License", "license"): {
        "MIT": "MIT",
        "Apache-2.0": "Apache-2.0",
        "Proprietary": "proprietary, all rights reserved",
    },
}

# Where to look first.
START = {"html": " and register", "api": "/docs"}

BOLD, DIM, CYAN = "1", "2", "36"


def answer_to(key, answers):
    """Return the answer to a prompt as text."""
    answer = answers[key]
    return YES_OR_NO[answer] if isinstance(answer, bool) else answer


def is_condition(name, answers):
    """Whether a name is a condition: every clause begins with the key of a prompt."""
    clauses = re.split(r"\+|_or_", name)
    return all("-" in clause and clause.partition("-")[0] in answers for clause in clauses)


def holds(condition, answers):
    """Whether a condition holds for these answers.

    ``key-answer`` asks for an answer, ``key-one,other`` for one of several, ``this+that`` for both
    clauses, ``this_or_that`` for one of two conditions.
    """

    def is_met(clause):
        key, _, wanted = clause.partition("-")
        return answer_to(key, answers) in wanted.split(",")

    return any(all(map(is_met, each.split("+"))) for each in condition.split("_or_"))


def place(file, folder):
    """Return where in the project a file in the folder of a condition belongs."""
    return file.relative_to(folder)


def lay_choices(project, answers):
    """Move the files of every condition that holds to their places; remove the others.

    Whatever else an owner keeps in a folder of this name stays.
    """
    choices = project / CHOICES
    ours = [folder for folder in sorted(choices.glob("*")) if is_condition(folder.name, answers)]
    for folder in ours:
        if holds(folder.name, answers):
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    move(file, project / place(file, folder))
        remove(folder)
    if ours and not any(choices.iterdir()):
        choices.rmdir()


def move(file, target):
    """Move a file; an older one gives way."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.replace(target)
    except PermissionError:
        # Windows does not replace what is read-only.
        target.chmod(stat.S_IREAD | stat.S_IWRITE)
        file.replace(target)


def remove(folder):
    """Remove a folder and everything in it."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            # Windows does not delete what is read-only, as files of a read-only template are.
            path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)


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


def write_record(project, answers):
    """Write down the template, its commit and the answers, where they are known."""
    template, commit = origin(answers)
    given = {key: answer_to(key, answers) for key in answers if not key.startswith("_")}
    record = {"template": template, "commit": commit, "answers": given}
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    (project / ".template.json").write_text(text, encoding="utf-8", newline="\n")


def origin(answers):
    """Return where the template can be cloned from, and its commit; None for what is unknown."""
    if "_commit" in answers:
        # cruft, which does not say where its clone is.
        return without_password(answers["_template"]), answers["_commit"]
    if "_repo_dir" not in answers:
        return None, None
    folder = Path(answers["_repo_dir"])
    if not folder.is_absolute():
        # As typed, and not below the folder of the project, in which a hook runs.
        folder = Path(os.environ.get("PWD", "")) / folder
    if not (folder / "cookiecutter.json").exists() or not (folder / ".git").exists():
        is_archive = re.fullmatch("[0-9a-f]{40,64}", COMMIT_OF_ARCHIVE)
        return (PUBLISHED, COMMIT_OF_ARCHIVE) if is_archive else (None, None)
    commit = ask_git(folder, "rev-parse", "HEAD")
    remote = ask_git(folder, "remote", "get-url", "origin")
    is_own_clone = answers["_repo_dir"] == answers["_template"]
    if is_own_clone and not ask_git(folder, "branch", "--remotes", "--contains", "HEAD"):
        # Nobody else has this commit.
        remote = None
    return without_password(remote or str(folder.resolve())), commit


def ask_git(folder, *words):
    """Return what git says of a repository; None when it says nothing."""
    # Not what leads every git to one repository, as in a hook of it.
    clean = {key: value for key, value in os.environ.items() if key not in OF_ONE_REPOSITORY}
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=clean)
    except OSError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def without_password(address):
    """Return an address without the credentials that it may hold: the record is committed."""
    return re.sub(r"^(https?://)[^/]*@", r"\1", address)


def has_colours(stream):
    """Whether a stream is a terminal that shows colours, for someone who wants them.

    https://no-color.org. An older Windows console would show the codes themselves.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ)


def summary(project, answers, colours):
    """Return what was created, where the key is and the next commands."""

    def paint(text, colour):
        return f"\x1b[{colour}m{text}\x1b[0m" if colours and text else text

    chosen = {title: words.get(answer_to(key, answers)) for (title, key), words in SUMMARY.items()}
    facts = {title: words for title, words in chosen.items() if words}
    width = max(map(len, facts))
    commands = {
        f"cd {project.name}": "",
        "git init": "     # then commit: make update merges newer versions into what you have",
        "make run": f"     # then open http://localhost:8000{START[answers['frontend']]}",
        "make test": "    # runs the project's own tests",
    }
    return "\n".join(
        [
            "",
            paint(f"Your app is in {project.name}.", BOLD),
            "",
            *(f"  {paint(title.ljust(width), DIM)}  {words}" for title, words in facts.items()),
            "",
            "The secret key is in .env and nowhere else. Git ignores .env: keep it that way.",
            "",
            paint("Next:", BOLD),
            "",
            *(f"  {paint(what, CYAN)}{paint(remark, DIM)}" for what, remark in commands.items()),
        ]
    )


def main():
    """Do every duty; return the exit status."""
    project = Path.cwd()
    lay_choices(project, ANSWERS)
    make_secret_key(project)
    write_record(project, ANSWERS)
    print(summary(project, ANSWERS, has_colours(sys.stdout)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
