"""Pin the newest dependencies that the generated pyproject.toml allows: ``make pins``.

Bakes the project for every set of dependencies, lets uv resolve it for every platform, and writes
the pins into the template: those of all sets plainly, the others between block tags.
"""

import itertools
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"
# The answers on which dependencies depend.
QUESTIONS = {
    "session_backend": ("database", "redis", "memory", "signed-cookie"),
    "database": ("sqlite", "postgresql"),
    "frontend": ("html", "api"),
    "identity": ("email", "username"),
    "totp": (False, True),
    "passkeys": (False, True),
    "oidc": (False, True),
}
COMPILE = (
    "uv", "pip", "compile", "--quiet", "--upgrade", "--universal", "--no-header", "--no-annotate",
    "--python-version", "3.11",
)  # fmt: skip

Answers = tuple[str | bool, ...]


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
    if having == set(itertools.product(*QUESTIONS.values())):
        return None
    choices = [list(subsets(answers)) for answers in QUESTIONS.values()]
    products = [set(itertools.product(*those)) for those in itertools.product(*choices)]
    fitting = {
        frozenset(product): those
        for product, those in zip(products, itertools.product(*choices), strict=True)
        if product <= having
    }
    parts, left = [], set(having)
    while left:
        # What says most of what is left, and of those the shortest.
        best = max(
            fitting, key=lambda product: (len(product & left), -len(spell(fitting[product])))
        )
        parts.append(spell(fitting[best]))
        left -= best
    if len(parts) > 1:
        parts = [f"({part})" if " and " in part else part for part in parts]
    return " or ".join(sorted(parts, key=len))


def subsets(answers: Answers) -> Iterator[Answers]:
    """Yield every choice of at least one of these answers."""
    for size in range(1, len(answers) + 1):
        yield from itertools.combinations(answers, size)


def spell(those: tuple[Answers, ...]) -> str:
    """Return the condition that each question is answered by one of those given for it."""
    parts = []
    for (question, answers), chosen in zip(QUESTIONS.items(), those, strict=True):
        others = [answer for answer in answers if answer not in chosen]
        if chosen in ((True,), (False,)):
            parts.append(f"{'' if chosen[0] else 'not '}cookiecutter.{question}")
        elif len(chosen) == 1:
            parts.append(f'cookiecutter.{question} == "{chosen[0]}"')
        elif len(others) == 1:
            parts.append(f'cookiecutter.{question} != "{others[0]}"')
        elif others:
            listed = ", ".join(f'"{answer}"' for answer in chosen)
            parts.append(f"cookiecutter.{question} in ({listed})")
    return " and ".join(parts)


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
