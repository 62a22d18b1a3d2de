# /// script
# requires-python = ">=3.11"
# dependencies = ["cookiecutter>=2.7.1,<3"]
# ///
"""Merge a newer version of the template into a project: ``make update``, in the project.

Belongs to the template, so that the version that is merged brings what knows how. Run in the
project, from a clone of the template, with uv: it installs cookiecutter for this script alone. The
project is rendered twice in a temporary folder: as it was made, and as it would be made now. What
differs is merged by Git into what its owner has made of it. Nothing is committed, and nothing
begins before everything that there is has been committed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
RECORD, CRUFT = ".template.json", ".cruft.json"
MIGRATIONS = Path("migrations/versions")

# A file that moved counts as the same one when it is nearly the same. Folders that moved take no
# file of the owner's along.
AS_OWNERS_EXPECT = ("-c", "merge.directoryRenames=false")
MOVED = "--strategy-option=find-renames=80%"
# What git says of each path that both sides have changed, in words.
DELETED_BY_OWNER = "DU"
CONFLICTS = {
    "UU": "changed by you and by the template",
    "AA": "added by you and by the template",
    "UD": "changed by you, deleted by the template",
    "AU": "moved by you and changed by the template",
    "UA": "moved by the template and changed by you",
    "DD": "moved by you and by the template",
}

REVISION = re.compile(r"^revision\b[^=\n]*= (.*)$", re.MULTILINE)
DOWN_REVISION = re.compile(r"^down_revision\b[^=\n]*= (.*)$", re.MULTILINE)


class Refused(Exception):
    """The update was not begun. The message says why, and what to do."""


@dataclass(frozen=True)
class Record:
    """What a project was made from. commit: None when nobody has written it down."""

    template: str | None
    commit: str | None
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What has come of an update, by path. staged: Git's letter for what has happened to a file."""

    staged: Mapping[str, str]
    conflicts: Mapping[str, str]
    still_deleted: Sequence[str]


def git(
    folder: Path, *words: str, check: bool = True, variables: Mapping[str, str] | None = None
) -> str:
    """Run git in a folder; return what it printed. Raises Refused with its first complaint."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, "LC_ALL": "C", **(variables or {})},
    )
    if check and done.returncode != 0:
        raise Refused(f"git {words[0]} failed: {_first_line(done.stderr)}")
    return done.stdout


def _first_line(text: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    return next(filter(None, lines), "it gives no reason.")


# The project


def prefix_of(project: Path) -> str:
    """Return where in its repository a project is. Raises Refused unless all is committed."""
    prefix = git(project, "rev-parse", "--show-prefix", "HEAD", check=False).split("\n")
    if len(prefix) < 2 or not re.fullmatch("[0-9a-f]{40,}", prefix[1]):
        raise Refused(
            "This project is in no Git repository, or nothing was committed: run git init, "
            "git add . and git commit first, so that nothing can be lost."
        )
    if git(project, "status", "--porcelain", "--untracked-files=no"):
        raise Refused("Some changes are not committed: commit or stash them first.")
    return prefix[0]


def read_record(project: Path) -> Record:
    """Return what the project says it was made from, or else what cruft has written down."""
    own, cruft = project / RECORD, project / CRUFT
    try:
        if own.exists():
            record = json.loads(own.read_text("utf-8"))
            return Record(record["template"], record["commit"], dict(record["answers"]))
        if cruft.exists():
            record = json.loads(cruft.read_text("utf-8"))
            answers = public(record["context"]["cookiecutter"])
            return Record(record["template"], record["commit"], answers)
    except (ValueError, LookupError, TypeError) as error:
        raise Refused(f"{RECORD} or {CRUFT} cannot be read: {error!r}.") from None
    return Record(None, None, {})


def public(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return answers as people type them, without what cookiecutter adds."""
    words = {True: "yes", False: "no"}
    return {
        key: words[answer] if isinstance(answer, bool) else answer
        for key, answer in answers.items()
        if not key.startswith("_")
    }


# The template


def resolve(version: str) -> str:
    """Return the commit of a tag, branch or commit of the template."""
    for name in (version, f"origin/{version}"):
        found = git(TEMPLATE, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", check=False)
        if found:
            return found.strip()
    raise Refused(f"The template has no version {version}.")


def describe(commit: str) -> str:
    """Return a commit in the words of the newest tag before it."""
    return git(TEMPLATE, "describe", "--tags", "--always", commit).strip()


def check_out(commit: str, folder: Path) -> Path:
    """Write a version of the template into a folder, and leave the clone as it is."""
    git(TEMPLATE, "clone", "--quiet", "--no-checkout", str(TEMPLATE), str(folder))
    git(folder, "-c", "core.autocrlf=false", "checkout", "--quiet", "--detach", commit)
    return folder


def fitting(answers: Mapping[str, str], version: Path) -> dict[str, str]:
    """Return the answers to what a version asks. Raises Refused for one that it does not offer."""
    questions = json.loads((version / "cookiecutter.json").read_text("utf-8"))
    fit = {}
    for key, answer in answers.items():
        offered = questions.get(key)
        if offered is None or key.startswith("_"):
            continue
        choices = ["yes", "no"] if isinstance(offered, bool) else offered
        if isinstance(choices, list) and answer not in choices:
            raise Refused(f"{key} is one of {', '.join(choices)}, and not {answer!r}.")
        fit[key] = answer if isinstance(choices, list) else literal(answer)
    return fit


def literal(text: str) -> str:
    """Return a text as an expression of Jinja, which cookiecutter would evaluate otherwise."""
    return f"{{{{ {text!a} }}}}" if re.search(r"[{}%#]", text) else text


def render(version: Path, answers: Mapping[str, str], folder: Path) -> dict[str, bytes]:
    """Make a project; return its files by path, but for the key. folder: for this alone."""
    out, config = folder / "out", folder / "config.yaml"
    out.mkdir(parents=True)
    config.write_text(f"replay_dir: {folder / 'replay'}\ncookiecutters_dir: {folder / 'clones'}\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", config),
            *("--output-dir", out, version),
            *(f"{key}={answer}" for key, answer in fitting(answers, version).items()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise Refused(f"The template cannot be rendered: {_first_line(done.stdout)}")
    [made] = out.iterdir()
    files = {path.relative_to(made).as_posix(): path for path in made.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != ".env"}


# What is merged


def settle_records(
    project: Path, record: Record, commit: str, base: dict[str, bytes], new: dict[str, bytes]
) -> dict[str, str]:
    """Let the project remember the new version; return its answers.

    Both files change from what they are now, so that they never conflict.
    """
    answers = dict(record.answers)
    if RECORD in new:
        answers = json.loads(new[RECORD])["answers"]
    origin = git(TEMPLATE, "remote", "get-url", "origin", check=False).strip()
    said = {"template": record.template or origin or str(TEMPLATE), "commit": commit}
    cruft = {}
    if (project / CRUFT).exists():
        cruft = json.loads((project / CRUFT).read_text("utf-8"))
        known = cruft["context"]["cookiecutter"]
        known |= {
            key: answer == "yes" if isinstance(known.get(key), bool) else answer
            for key, answer in answers.items()
        }
        cruft["commit"] = commit
        if "_commit" in known:
            known["_commit"] = commit
    for name, content in ((RECORD, {**said, "answers": answers}), (CRUFT, cruft)):
        base.pop(name, None)
        new.pop(name, None)
        if (project / name).exists():
            base[name] = (project / name).read_bytes()
        if content:
            new[name] = (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
    return answers


def settle_migrations(project: Path, base: Mapping[str, bytes], new: dict[str, bytes]) -> list[str]:
    """Let new migrations follow those that the project has; return what its owner has to know.

    A database has run those that there are, in their order: none is removed, none moves, and what
    is new comes after the owner's own.
    """
    names = sorted(name for name in {**base, **new} if Path(name).parent == MIGRATIONS)
    remarks = []
    for name in (name for name in names if name in base):
        before = base[name].decode()
        after = new.get(name, base[name]).decode()
        settled = follow(after, DOWN_REVISION.findall(before)[0])
        if settled != before:
            remarks.append(
                f"{name} has changed. A database that has run it already lacks the change: "
                "write a migration of your own for it."
            )
        new[name] = settled.encode()
    heads = heads_of(project / MIGRATIONS)
    for name in (name for name in names if name not in base):
        if len(heads) != 1:
            remarks.append(f"{name} is new, and your migrations have no single head to follow.")
            break
        text = follow(new[name].decode(), f'"{heads[0]}"')
        new[name], heads = text.encode(), revisions(REVISION, text)
    return remarks


def follow(migration: str, revision: str) -> str:
    """Return a migration that follows another one. revision: as Python writes it."""
    return DOWN_REVISION.sub(lambda line: line[0].removesuffix(line[1]) + revision, migration)


def revisions(where: re.Pattern[str], migration: str) -> list[str]:
    """Return the revisions that a line of a migration names."""
    return [name for value in where.findall(migration) for name in re.findall(r"[\w-]+", value)]


def heads_of(folder: Path) -> list[str]:
    """Return the revisions that no other one follows."""
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.py"))]
    followed = {name for text in texts for name in revisions(DOWN_REVISION, text)}
    return [name for text in texts for name in revisions(REVISION, text) if name not in followed]


def refuse_to_overwrite(project: Path, base: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    """Raise Refused where the template brings a file that the owner has, and Git does not."""
    tracked = set(git(project, "ls-files", "-z").split("\0"))
    changed = {name for name, content in new.items() if base.get(name) != content}
    theirs = sorted(name for name in changed - tracked if (project / name).exists())
    if theirs:
        raise Refused(
            f"The template brings files that you have as well, outside of Git: {', '.join(theirs)}."
            " Commit, move or remove them first."
        )


class Trees:
    """Commits of rendered projects in the owner's repository, which no branch leads to."""

    def __init__(self, project: Path, prefix: str, folder: Path) -> None:
        self._project = project
        self._prefix = prefix
        self._folder = folder

    def commit(self, files: Mapping[str, bytes], message: str, *parents: str) -> str:
        """Commit these files alone, below the prefix; return the commit."""
        index = {"GIT_INDEX_FILE": str(self._folder / "index")}
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        root = self._folder / "tree" / (parents[0] if parents else "base")
        for name, content in files.items():
            path = root / self._prefix / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        repository = git(self._project, "rev-parse", "--absolute-git-dir").strip()
        where = ("--git-dir", repository, "--work-tree", str(root))
        git(root, *where, "add", "--all", "--force", ".", variables=index)
        tree = git(root, *where, "write-tree", variables=index).strip()
        who = {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            for field, value in (("NAME", "template"), ("EMAIL", "template@localhost"))
        }
        words = [word for parent in parents for word in ("-p", parent)]
        return git(self._project, "commit-tree", tree, *words, "-m", message, variables=who).strip()


def merge(project: Path, commit: str) -> Outcome:
    """Merge what a commit has changed into the work tree; commit nothing.

    Raises Refused when Git does not begin.
    """
    complaint = None
    try:
        git(project, *AS_OWNERS_EXPECT, "cherry-pick", "--no-commit", MOVED, commit)
    except Refused as reason:
        complaint = reason
    states = _states(git(project, "status", "--porcelain", "-z", "--no-renames", "-uno"))
    if complaint and not states:
        raise complaint
    deleted = [name for name, state in states.items() if state == DELETED_BY_OWNER]
    if deleted:
        # The owner has decided that already.
        git(_top(project), "rm", "--quiet", "--force", "--", *deleted)
    return Outcome(
        staged={name: state[0] for name, state in states.items() if state[1] == " "},
        conflicts={name: CONFLICTS[s] for name, s in states.items() if s in CONFLICTS},
        still_deleted=deleted,
    )


def _top(project: Path) -> Path:
    return Path(git(project, "rev-parse", "--show-toplevel").strip())


def _states(listing: str) -> dict[str, str]:
    return {line[3:]: line[:2] for line in listing.split("\0") if line}


# The command


def update(project: Path, since: str | None, to: str, changed: Mapping[str, str]) -> int:
    """Update a project, and print what has come of it; return the exit status."""
    prefix = prefix_of(project)
    record = read_record(project)
    if not (since or record.commit):
        raise Refused(
            "Nobody has written down which version of the template this project was made from: "
            "name it, as in make update FROM=v1.0.0."
        )
    before, after = resolve(since or str(record.commit)), resolve(to)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = render(check_out(before, folder / "before"), record.answers, folder / "base")
        version = check_out(after, folder / "after")
        questions = public(json.loads((version / "cookiecutter.json").read_text("utf-8")))
        for key in changed:
            if key not in questions:
                raise Refused(f"The template does not ask for {key}, but: {', '.join(questions)}.")
        new = render(version, {**record.answers, **changed}, folder / "new")
        answers = settle_records(project, record, after, base, new)
        remarks = settle_migrations(project, base, new)
        if base == new:
            print(f"There is nothing to update: this project is at {describe(after)}.")
            return 0
        refuse_to_overwrite(project, base, new)
        trees = Trees(project, prefix, folder)
        message = f"Update from {describe(before)} to {describe(after)} of the template"
        outcome = merge(project, trees.commit(new, message, trees.commit(base, "As it was made")))
    print(report(message, outcome, remarks))
    for key in sorted(answers.keys() - record.answers.keys() - changed.keys()):
        print(f'New question: {key}, answered {answers[key]}; to change it: ANSWERS="{key}=..."')
    return 1 if outcome.conflicts else 0


def report(message: str, outcome: Outcome, remarks: Sequence[str]) -> str:
    """Return what was merged, what conflicts and what to do, for people."""
    letters = list(outcome.staged.values())
    changed = len(letters) - letters.count("A") - letters.count("D")
    lines = [
        f"{message}: {changed} files changed, {letters.count('A')} added, "
        f"{letters.count('D')} deleted; nothing is committed."
    ]
    lines += [f"You have deleted {name}, and it stays so." for name in outcome.still_deleted]
    lines += remarks
    if outcome.conflicts:
        lines += ["", f"{len(outcome.conflicts)} conflicts:"]
        lines += [f"  {name}: {how}" for name, how in outcome.conflicts.items()]
        lines += ["", "Resolve each, and git add it: Git has marked both versions in the file."]
    lines += [
        "Review with git diff HEAD, run make check test, and commit.",
        "To undo all of it: git reset --hard",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; return the exit status: 1 when something conflicts or is refused."""
    parser = argparse.ArgumentParser(description="Merge a newer template into this project.")
    parser.add_argument("--from", dest="since", help="the version that the project was made from")
    parser.add_argument("--to", default="HEAD", help="tag, branch or commit; what is checked out")
    parser.add_argument("answers", nargs="*", metavar="KEY=ANSWER", help="another answer")
    given = parser.parse_args(arguments)
    if wrong := [answer for answer in given.answers if "=" not in answer]:
        parser.error(f"{wrong[0]!r} is no answer: write KEY=ANSWER")
    changed = dict(answer.split("=", 1) for answer in given.answers)
    try:
        return update(Path.cwd(), given.since, given.to, changed)
    except Refused as reason:
        print(reason, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
