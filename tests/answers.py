"""Which answers there are, and how a person gives them."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests import processes
from tests.project import REPOSITORY

COOKIECUTTER = Path(sys.executable).parent / "cookiecutter"

CHOICES: dict[str, list[str]] = {
    key: value if isinstance(value, list) else ["no", "yes"]
    for key, value in json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8")).items()
    if isinstance(value, (list, bool)) and not key.startswith("_")
}
DEFAULTS = {key: values[0] for key, values in CHOICES.items()}
# What is tried unless a test says otherwise: the default answers, but nobody has to read mail.
PLAIN = {**DEFAULTS, "identity": "username"}

# Every answer to these questions with every answer to the others of them.
CROSSED = ("session_backend", "database", "samesite", "frontend")


def product() -> Iterator[dict[str, str]]:
    """Yield these combinations, with the others in turns, so that every pair is among them."""
    for numbers in itertools.product(*(range(len(CHOICES[key])) for key in CROSSED)):
        backend, database, samesite, frontend = numbers
        turns = {
            "ci": (backend + database + samesite + frontend) % 3,
            "identity": (backend + database + samesite + frontend) % 2,
            "totp": (backend + database) % 2,
            "passkeys": (backend + samesite) % 2,
            "oidc": (backend // 2 + samesite + frontend) % 2,
            "license": (backend + database + 2 * samesite) % 3,
        }
        chosen = dict(zip(CROSSED, numbers, strict=True)) | turns
        yield {key: CHOICES[key][chosen[key]] for key in CHOICES}


PRODUCT = list(product())


def name(answers: dict[str, str]) -> str:
    return "-".join(answers.values())


PROMPTS = 14

HOSTILE = """Bob's "App" \\ 🔐 ${HOME} {{ cookiecutter }} {% raw %} #{% if %} <b>&amp; 日本語"""


def type_answers(folder: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter as a person does; each answer is a line, an empty one takes the default."""
    folder.mkdir(exist_ok=True)
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    lines = [*answers, *[""] * (PROMPTS - len(answers))]
    return processes.run(
        [str(COOKIECUTTER), str(REPOSITORY), "--output-dir", str(folder)],
        input="\n".join(lines) + "\n",
        env={**os.environ, "HOME": str(home)},
        stderr=subprocess.PIPE,
    )
