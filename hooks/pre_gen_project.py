"""Refuse an answer that could not work, with one sentence, before any file is written.

Standard library alone, no network.
"""

import json
import os
import re
import sys
import unicodedata

# As JSON in a raw string: ``tojson`` escapes every quote of an answer, and the spaces keep its own
# apart from those of Python, so no answer can end the string.
ANSWERS = {
    "project_name": json.loads(r""" {{ cookiecutter.project_name | tojson }} """),
    "project_slug": json.loads(r""" {{ cookiecutter.project_slug | tojson }} """),
    "description": json.loads(r""" {{ cookiecutter.description | tojson }} """),
    "author": json.loads(r""" {{ cookiecutter.author | tojson }} """),
}

MAX_CHARACTERS = {"project_name": 80, "project_slug": 60, "description": 200, "author": 100}

# A folder on every system, and a name for a Python project (PEP 508).
SLUG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)

RED, PLAIN = "\x1b[31m", "\x1b[0m"

# Control characters, line ends, halves of characters and what has no meaning at all. Spaces and the
# joiners of emoji and of scripts such as Persian are welcome.
UNWELCOME = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}

# They turn the direction of text, so that code would not read as it runs (CVE-2021-42574), or they
# are nothing at all to look at.
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u00ad\u200b\u2060-\u2064\ufeff]")


def is_unwelcome(character):
    """Whether a character has no place in one line of plain text."""
    return unicodedata.category(character) in UNWELCOME or HIDDEN.match(character)


def fault(answers):
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
    return None


def has_colours(stream):
    """Whether a stream is a terminal that shows colours, of somebody who wants them.

    https://no-color.org. An older console of Windows would show the codes themselves.
    """
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ)


def main():
    """Print the fault, if there is one, and return the exit status."""
    sentence = fault(ANSWERS)
    if sentence:
        colours = has_colours(sys.stderr)
        print(f"{RED}{sentence}{PLAIN}" if colours else sentence, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
