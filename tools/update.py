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
from collections.abc import Iterator, Mapping, Sequence
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

OF_ONE_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}

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
        env={**_environment(), "LC_ALL": "C", **(variables or {})},
    )
    if check and done.returncode != 0:
        raise Refused(f"Git refuses: {_line(done.stderr, 0)}")
    return done.stdout


def _environment() -> dict[str, str]:
    """Return the environment without what leads every git to one repository, as in a hook of it."""
    return {key: said for key, said in os.environ.items() if key not in OF_ONE_REPOSITORY}


def _line(text: str, number: int) -> str:
    lines = [*filter(None, (line.strip() for line in text.splitlines()))] or ["it gives no reason."]
    return lines[number]


# The project


def refuse_unless_committed(project: Path) -> None:
    """Raise Refused where something could be lost."""
    if not git(project, "rev-parse", "--verify", "--quiet", "HEAD", check=False):
        raise Refused(
            "This project is in no Git repository, or nothing was committed: run git init, "
            "git add . and git commit first, so that nothing can be lost."
        )
    if git(project, "status", "--porcelain", "--untracked-files=no"):
        raise Refused("Some changes are not committed: commit or stash them first.")


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
    if not folder.exists():
        git(TEMPLATE, "clone", "--quiet", "--no-checkout", str(TEMPLATE), str(folder))
    git(folder, "-c", "core.autocrlf=false", "checkout", "--quiet", "--detach", commit)
    return folder


def check(answers: Mapping[str, str], version: Path) -> None:
    """Raise Refused for an answer to what a version does not ask, or that it does not offer."""
    questions = questions_of(version)
    for key, answer in answers.items():
        if key not in questions:
            raise Refused(f"The template does not ask for {key}, but: {', '.join(questions)}.")
        choices = questions[key]
        if isinstance(choices, list) and answer not in choices:
            raise Refused(f"{key} is one of {', '.join(choices)}, and not {answer!r}.")


def questions_of(version: Path) -> dict[str, list[str] | str]:
    """Return what a version asks: the choices, or the default of a text."""
    questions = json.loads((version / "cookiecutter.json").read_text("utf-8"))
    return {
        key: ["yes", "no"] if isinstance(offered, bool) else offered
        for key, offered in questions.items()
        if not key.startswith("_")
    }


def literal(text: str) -> str:
    """Return a text as an expression of Jinja, which cookiecutter would evaluate otherwise."""
    return f"{{{{ {text!a} }}}}" if re.search(r"[{}%#]", text) else text


def render(version: Path, answers: Mapping[str, str], folder: Path) -> dict[str, bytes]:
    """Make a project; return its files by path, but for the key. folder: for this alone."""
    questions = questions_of(version)
    known = {key: answer for key, answer in answers.items() if key in questions}
    check(known, version)
    words = [
        f"{key}={answer if isinstance(questions[key], list) else literal(answer)}"
        for key, answer in known.items()
    ]
    out, config = folder / "out", folder / "config.yaml"
    out.mkdir(parents=True)
    config.write_text(f"replay_dir: {folder / 'replay'}\ncookiecutters_dir: {folder / 'clones'}\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", str(config)),
            *("--output-dir", str(out), str(version), *words),
        ],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise Refused(f"The template cannot be rendered: {_line(done.stdout, -1)}")
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
    # The record is committed, and an address may hold a password.
    origin = re.sub(r"^(https?://)[^/]*@", r"\1", origin)
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
    files = (name for name in {**base, **new} if name.endswith(".py"))
    names = sorted(name for name in files if Path(name).parent == MIGRATIONS)
    remarks = []
    for name in (name for name in names if name in base):
        before = base[name].decode()
        after = new.get(name, base[name]).decode()
        settled = follow(after, *DOWN_REVISION.findall(before))
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
    in_the_way = {each for name in changed - tracked for each in _in_the_way(project, name)}
    theirs = sorted(in_the_way - tracked)
    if theirs:
        raise Refused(
            f"The template brings files that you have as well, outside of Git: {', '.join(theirs)}."
            " Commit, move or remove them first."
        )


def _in_the_way(project: Path, name: str) -> Iterator[str]:
    """Yield what Git would replace by a new file: what has its name, or that of its folder."""
    if os.path.lexists(project / name):
        yield name
    for folder in Path(name).parents[:-1]:
        if (project / folder).is_symlink() or (project / folder).is_file():
            yield folder.as_posix()


def commit(project: Path, files: Mapping[str, bytes], message: str, *parents: str) -> str:
    """Commit these files of a project, and nothing else; no branch leads to the commit.

    It is made in a folder and an index of its own. Returns the commit.
    """
    repository = git(project, "rev-parse", "--absolute-git-dir").strip()
    prefix = git(project, "rev-parse", "--show-prefix").strip()
    author = {"NAME": "template", "EMAIL": "template@localhost"}
    variables = {
        f"GIT_{role}_{field}": said
        for role in ("AUTHOR", "COMMITTER")
        for field, said in author.items()
    }
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "tree"
        for file, content in files.items():
            path = tree / prefix / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        variables |= {"GIT_INDEX_FILE": str(Path(name) / "index"), "GIT_DIR": repository}
        variables |= {"GIT_WORK_TREE": str(tree)}
        git(tree, "add", "--all", "--force", ".", variables=variables)
        written = git(tree, "write-tree", variables=variables).strip()
        words = [word for parent in parents for word in ("-p", parent)]
        made = git(tree, "commit-tree", written, *words, "-m", message, variables=variables)
    return made.strip()


def merge(project: Path, update: str) -> Outcome:
    """Merge what an update, a commit, has changed into the work tree; commit nothing.

    Raises Refused when Git does not begin.
    """
    complaint = None
    try:
        git(project, *AS_OWNERS_EXPECT, "cherry-pick", "--no-commit", MOVED, update)
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
    refuse_unless_committed(project)
    record = read_record(project)
    if not (since or record.commit):
        raise Refused(
            "Nobody has written down which version of the template this project was made from: "
            "name it, as in make update FROM=v1.0.0."
        )
    before, after = resolve(since or str(record.commit)), resolve(to)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, version = (check_out(commit, folder / commit) for commit in (before, after))
        check(changed, version)
        wanted = {**record.answers, **changed}
        if before == after and wanted == record.answers:
            print(f"There is nothing to update: this project is at {describe(after)}.")
            return 0
        # Where nobody has written them down, the answers that are given are those of the project.
        base = render(old, record.answers or changed, folder / "base")
        new = render(version, wanted, folder / "new")
        answers = settle_records(project, record, after, base, new)
        remarks = settle_migrations(project, base, new)
        refuse_to_overwrite(project, base, new)
        message = f"Update from {describe(before)} to {describe(after)} of the template"
        as_made = commit(project, base, "As it was made")
        outcome = merge(project, commit(project, new, message, as_made))
    print(report(message, outcome, remarks))
    known = record.answers.keys() or answers.keys()
    for key in sorted(answers.keys() - known - changed.keys()):
        print(f"{key} was not answered before, and is {answers[key]!r} now.")
    return 1 if outcome.conflicts else 0


def report(message: str, outcome: Outcome, remarks: Sequence[str]) -> str:
    """Return what was merged, what conflicts and what to do, for people."""
    letters = list(outcome.staged.values())
    changed = len(letters) - letters.count("A") - letters.count("D")
    counts = {"changed": changed, "added": letters.count("A"), "deleted": letters.count("D")}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none"
    lines = [f"{message}. Files: {said}. Nothing is committed."]
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
    except KeyboardInterrupt:
        print("Interrupted. To undo what has begun: git reset --hard", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
