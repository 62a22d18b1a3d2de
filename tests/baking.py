"""Make a project, and an environment that it can run in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cookiecutter.main import cookiecutter

from tests.answers import DEFAULTS
from tests.project import REPOSITORY, Project

UV = str(Path(sys.executable).parent / "uv")


def configure(folder: Path) -> Path:
    """Keep cookiecutter's replays and clones in a folder; return the configuration that says so."""
    config = folder / "config.yaml"
    config.write_text(f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/clones\n")
    return config


def bake(folder: Path, config: Path, answers: Mapping[str, str]) -> Project:
    """Bake a project into a folder."""
    path = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        extra_context=dict(answers),
        output_dir=str(folder),
        config_file=str(config),
    )
    return Project(Path(path), {**DEFAULTS, **answers})


def copy_template(folder: Path) -> None:
    """Copy the template as it stands, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)


class Environments:
    """One environment for each set of dependencies, that holds just what a project asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path] = {}

    def of(self, project: Project) -> Path:
        """Return the environment of a project; make it when it is the first of its kind."""
        pins = project.read("requirements.txt") + project.read("requirements-dev.txt")
        if pins not in self._made:
            path = self._folder / str(len(self._made))
            variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
            install = [UV, "pip", "install", "-q", "-p", str(path / "bin" / "python")]
            files = ["-r", "requirements.txt", "-r", "requirements-dev.txt"]
            for command in ([UV, "venv", "-q", "-p", sys.executable, str(path)], install + files):
                subprocess.run(command, cwd=project.path, check=True, env=variables)
            self._made[pins] = path
        return self._made[pins]
