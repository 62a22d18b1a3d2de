"""Pin the newest dependencies that the generated pyproject.toml allows: ``make pins``.

Bakes the project for every set of dependencies, lets uv resolve it for every platform, and writes
the pins into the template: those of all sets plainly, the others between block tags.
"""

import itertools
import re
import subprocess
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"
# The answers on which dependencies depend. For them, the backend memory is like database.
QUESTIONS = {
    "session_backend": ("database", "redis", "signed-cookie"),
    "database": ("sqlite", "postgresql"),
    "frontend": ("html", "api"),
}
COMPILE = (
    "uv", "pip", "compile", "--quiet", "--upgrade", "--universal", "--no-header", "--no-annotate",
    "--python-version", "3.11",
)  # fmt: skip

Answers = tuple[str, ...]


def pins(answers: Answers, folder: str, *options: str) -> list[str]:
    """Resolve the dependencies of a project with these answers; a pin a line."""
    project = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        extra_context=dict(zip(QUESTIONS, answers, strict=True)),
        output_dir=folder,
        overwrite_if_exists=True,
    )
    done = subprocess.run(
        [*COMPILE, *options], cwd=project, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def condition(having: set[Answers]) -> str | None:
    """Return in the words of a block tag which answers these are; None for all of them.

    Raises ValueError when "this answer and that one" does not say it.
    """
    found = [set(answers) for answers in zip(*having, strict=True)]
    if having != set(itertools.product(*found)):
        raise ValueError(f"no answers to single questions explain {sorted(having)}")
    parts = []
    for (question, answers), those in zip(QUESTIONS.items(), found, strict=True):
        others = set(answers) - those
        if not others:
            continue
        # "database" stands for the backend memory as well, so it is never named.
        if len(those) == 1 and "database" not in those:
            parts.append(f'cookiecutter.{question} == "{those.pop()}"')
        elif len(others) == 1 and "database" not in others:
            parts.append(f'cookiecutter.{question} != "{others.pop()}"')
        else:
            raise ValueError(f"no block tag says {question} in {sorted(those)}")
    return " and ".join(parts) or None


def merge(variants: dict[Answers, list[str]]) -> str:
    """Return the lines of all variants, with block tags around those that not all of them have."""
    text = ""
    pins = sorted(set().union(*variants.values()), key=lambda pin: re.split("[= ;]", pin)[0])
    for choice, those in itertools.groupby(
        pins,
        lambda pin: condition({answers for answers, found in variants.items() if pin in found}),
    ):
        lines = "".join(f"{pin}\n" for pin in those)
        text += lines if choice is None else f"#{{% if {choice} %}}\n{lines}#{{% endif %}}\n"
    return text


def main() -> None:
    """Write both files of pins."""
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (
            ("requirements.txt", ("pyproject.toml",)),
            ("requirements-dev.txt", ("--group", "dev", "--constraint", "requirements.txt")),
        ):
            variants = {
                answers: pins(answers, folder, *options)
                for answers in itertools.product(*QUESTIONS.values())
            }
            (TEMPLATE / name).write_text(merge(variants), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
