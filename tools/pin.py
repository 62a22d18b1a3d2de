"""Pin the newest dependencies that the generated pyproject.toml allows: ``make pins``.

Bakes the project for every set of dependencies, lets uv resolve it for every platform, and writes
the pins into the template: those of all sets plainly, the others between block tags.
"""

import itertools
import subprocess
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"
# The answers on which dependencies depend. Of the backends, redis alone has one of its own.
QUESTIONS = {
    "session_backend": ("database", "redis"),
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
    """Return in the words of a block tag which answers these are; None for all of them."""
    parts = []
    for place, (question, answers) in enumerate(QUESTIONS.items()):
        found = {each[place] for each in having}
        if len(found) == 1:
            [answer] = found
            alone = question != "session_backend" or answer == "redis"
            comparison = f'== "{answer}"' if alone else '!= "redis"'
            parts.append(f"cookiecutter.{question} {comparison}")
        elif found != set(answers):
            raise ValueError(f"no single answer to {question} explains {having}")
    return " and ".join(parts) or None


def merge(variants: dict[Answers, list[str]]) -> str:
    """Return the lines of all variants, with block tags around those that not all of them have."""
    lines = []
    for pin in sorted(set().union(*variants.values())):
        choice = condition({answers for answers, found in variants.items() if pin in found})
        lines += [pin] if choice is None else [f"#{{% if {choice} %}}", pin, "#{% endif %}"]
    return "\n".join(lines) + "\n"


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
