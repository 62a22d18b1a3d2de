"""Make a project, and an environment that it can run in."""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cookiecutter.main import cookiecutter
from jinja2 import Environment

from tests import processes
from tests.answers import DEFAULTS
from tests.project import REPOSITORY, Project
from tests.sharing import Shared

UV = str(Path(sys.executable).parent / "uv")


def configure(folder: Path) -> Path:
    """Prepare a folder to bake from; return the configuration that cookiecutter is given.

    It holds the template as it stands now, without what Git ignores, so that all projects of a run
    are of the same one. Replays and clones are kept in it as well.
    """
    copy_template(folder / "template")
    config = folder / "config.yaml"
    config.write_text(f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/clones\n")
    return config


def bake(
    folder: Path, config: Path, answers: Mapping[str, str], *, overwrite: bool = False
) -> Project:
    """Bake a project into a folder. overwrite: over the one that is there."""
    with patch.object(Environment, "compile", _compile_once):
        path = cookiecutter(
            str(config.parent / "template"),
            no_input=True,
            extra_context=dict(answers),
            output_dir=str(folder),
            config_file=str(config),
            overwrite_if_exists=overwrite,
        )
    return Project(Path(path), {**DEFAULTS, **answers})


# Compiling the same files for each combination of answers would be most of a quick run.
_compile = Environment.compile
_compiled: dict[tuple[Any, ...], Any] = {}


def _compile_once(environment: Environment, source: Any, *named: Any, **options: Any) -> Any:
    """Compile a text as Jinja does, once: here all environments have the same options."""
    key = (source, *named, *options.items())
    if key not in _compiled:
        _compiled[key] = _compile(environment, source, *named, **options)
    return _compiled[key]


def copy_template(folder: Path) -> None:
    """Copy the template as it stands, committed or not."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = processes.run(listing, cwd=REPOSITORY, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)


class Environments:
    """One environment for each set of dependencies, that holds just what a project asks for."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def of(self, project: Project) -> Path:
        """Return the environment of a project; make it when it is the first of its kind."""
        files = ("requirements.txt", "requirements-dev.txt")
        pins = "".join(project.read(name) for name in files)

        def install(path: Path) -> None:
            python = str(path / "bin" / "python")
            requirements = [word for name in files for word in ("-r", name)]
            for command in (
                [UV, "venv", "-q", "-p", sys.executable, str(path)],
                [UV, "pip", "install", "-q", "-p", python, *requirements],
            ):
                variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
                processes.run(command, cwd=project.path, check=True, env=variables)

        return self._shared.once(hashlib.sha256(pins.encode()).hexdigest()[:16], install)
