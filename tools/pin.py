"""Pin the newest dependencies that the generated pyproject.toml allows: ``make pins``.

Bakes the project for each database, lets uv resolve it for every platform, and writes the pins
into the template: those of all databases plainly, the others between block tags.
"""

import subprocess
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"
DATABASES = ("sqlite", "postgresql")
COMPILE = (
    "uv", "pip", "compile", "--quiet", "--upgrade", "--universal", "--no-header", "--no-annotate",
    "--python-version", "3.11",
)  # fmt: skip


def pins(database: str, folder: str, *options: str) -> list[str]:
    """Resolve the dependencies of a project with that database; a pin a line."""
    project = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        extra_context={"database": database},
        output_dir=folder,
        overwrite_if_exists=True,
    )
    done = subprocess.run(
        [*COMPILE, *options], cwd=project, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def merge(variants: dict[str, list[str]]) -> str:
    """Return the lines of all variants, with block tags around those that not all of them have."""
    lines = []
    for pin in sorted(set().union(*variants.values())):
        having = [database for database, found in variants.items() if pin in found]
        if len(having) == len(variants):
            lines.append(pin)
        else:
            condition = " or ".join(f'cookiecutter.database == "{name}"' for name in having)
            lines += [f"#{{% if {condition} %}}", pin, "#{% endif %}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files of pins."""
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (
            ("requirements.txt", ("pyproject.toml",)),
            ("requirements-dev.txt", ("--group", "dev", "--constraint", "requirements.txt")),
        ):
            variants = {database: pins(database, folder, *options) for database in DATABASES}
            (TEMPLATE / name).write_text(merge(variants), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
