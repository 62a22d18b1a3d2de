"""Refuses what could not work, with one sentence, before anything is made.

Cookiecutter loads this with the template (see "Local Extensions" in its documentation), and
``cookiecutter.json`` asks it after the last answer that is free text. A hook could refuse, too, but
Cookiecutter prints a traceback after one that fails, which would bury the sentence.
"""

import json
import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import click
from jinja2 import Environment
from jinja2.ext import Extension

# What Enter answers, by question.
DEFAULTS = {
    key: value
    for key, value in json.loads(
        Path(__file__).with_name("cookiecutter.json").read_text("utf-8")
    ).items()
    if not key.startswith("_")
}

MAX_CHARACTERS = {"project_name": 80, "project_slug": 60, "description": 200, "author": 100}

# A folder on every system, and a name for a Python project (PEP 508).
SLUG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
# What is made in template1 is part of every database that comes later.
OF_POSTGRESQL = {"postgres", "template0", "template1"}

RED, PLAIN = "\x1b[31m", "\x1b[0m"

# Control characters, line ends, halves of characters and what has no meaning at all. Spaces and the
# joiners of emoji and of scripts such as Persian are welcome.
UNWELCOME = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}

# They turn the direction of text, so that code would not read as it runs (CVE-2021-42574), or they
# are nothing at all to look at.
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u00ad\u200b\u2060-\u2064\ufeff]")


class Answers(Extension):
    """Checks what was given on the command line, and adds the filter ``checked`` for answers."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        context = click.get_current_context(silent=True)
        given = context.params.get("extra_context") if context else None
        # Programs that make projects by Cookiecutter may have a parameter of that name as well.
        if isinstance(given, Mapping) and (sentence := unknown(given)):
            refuse(sentence)
        environment.filters["checked"] = checked


def checked(answers: Mapping[str, str]) -> str:
    """Return nothing, or end the program if an answer could not work. answers: those so far."""
    texts = {key: answers[key] for key in MAX_CHARACTERS}
    if sentence := fault(texts):
        refuse(sentence, texts)
    return ""


def unknown(given: Mapping[str, str]) -> str | None:
    """Return a sentence about what no question asks for, or None."""
    names = list(DEFAULTS)
    for name in given:
        if name not in names:
            similar = get_close_matches(name, names, n=1)
            advice = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(names)}."
            return f"No question is called {name!r}: {advice}"
    return None


def fault(answers: Mapping[str, str]) -> str | None:
    """Return a sentence that says what is wrong and what to type, or None."""
    for key, answer in answers.items():
        if len(answer) > MAX_CHARACTERS[key]:
            return f"{key} is too long: use at most {MAX_CHARACTERS[key]} characters."
        if any(map(is_unwelcome, answer)):
            return f"{key} holds characters that cannot be seen: use one line of plain text."
    if not answers["project_name"].strip():
        return "project_name is empty: type the name of your project, such as My FastAPI App."
    slug = answers["project_slug"]
    if not SLUG.fullmatch(slug):
        return (
            f"project_slug {slug!r} is no good name for a folder: use letters, digits, - and _, "
            "with a letter or digit first and last, such as my-fastapi-app."
        )
    if RESERVED_ON_WINDOWS.fullmatch(slug):
        return f"project_slug {slug!r} is a name that Windows keeps for itself: choose another."
    if slug in OF_POSTGRESQL:
        return f"project_slug {slug!r} is a database of PostgreSQL's own: choose another."
    return None


def is_unwelcome(character: str) -> bool:
    """Whether a character has no place in one line of plain text."""
    return unicodedata.category(character) in UNWELCOME or bool(HIDDEN.match(character))


def refuse(sentence: str, answers: Mapping[str, str] | None = None) -> None:
    """End the program with a sentence. answers: what was answered, of which one is wrong."""
    kept = [
        shlex.quote(f"{key}={answer}")
        for key, answer in (answers or {}).items()
        if answer != DEFAULTS[key] and not sentence.startswith(f"{key} ")
    ]
    again = f" To keep the other answers, add to the command: {' '.join(kept)}" if kept else ""
    colors = has_colors()
    print(f"Nothing was made.{again}", file=sys.stderr)
    print(f"{RED}{sentence}{PLAIN}" if colors else sentence, file=sys.stderr)
    raise SystemExit(1)


def has_colors() -> bool:
    """Whether somebody looks at a terminal that shows colors, and wants them.

    https://no-color.org. An older console of Windows would show the codes themselves.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stderr.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ)
