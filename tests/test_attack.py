"""``make attack``: the attacks of a project, against its running app."""

import re
import subprocess

import pytest

from tests.conftest import Bake
from tests.mutants import MUTANTS
from tests.project import Project

STORY = re.compile(r"^@story\(\"([^\"]+)\"", re.MULTILINE)

pytestmark = pytest.mark.slow


def attack(project: Project, *options: str) -> subprocess.CompletedProcess[str]:
    """Attack with these options; the caller looks at the exit status."""
    return project.run(".venv/bin/python", "-m", "tests.attack", *options, check=False)


def test_every_attack_is_named_and_none_gets_through(ready: Bake) -> None:
    project = ready()
    told = "".join(project.read(each) for each in project.files if "tests/attacks/test_" in each)
    names = STORY.findall(told)
    assert len(names) > 20
    said = project.run("make", "attack").stdout
    assert sorted(re.findall(r"^held +(.+)$", said, re.MULTILINE)) == sorted(names)
    assert f"{len(names)} attacks: none got through." in said
    for each in ("tried", "came back", "promise"):
        assert said.count(f"            {each} ") == len(names)


def test_an_attack_that_gets_through_is_told(ready: Bake) -> None:
    [mutant] = [each for each in MUTANTS if each.name == "logout only deletes the cookie"]
    project = ready(**mutant.answers)
    file = project.path / mutant.file
    file.write_text(mutant.put_into(file.read_text("utf-8")), "utf-8")
    done = attack(project, "--only", "replay after logout")
    assert done.returncode == 1
    assert "GOT THROUGH replay after logout" in done.stdout
    assert "GET /api/me was answered with 200 OK, not 401" in done.stdout
    assert "1 attack: 1 got through." in done.stdout


def test_an_app_of_the_owner_is_attacked_and_left_as_it_was(ready: Bake) -> None:
    project = ready()
    with project.stores() as variables, project.serving(variables=variables) as server:
        done = attack(project, "--url", server.url, "--only", "replay", "--verbose")
        assert done.returncode == 0, done.stdout
        assert "> POST /api/logout" in done.stdout
        listed = project.run(".venv/bin/python", "-m", "app", "list-users", variables=variables)
        assert listed.stdout == ""
    refused = attack(project, "--url", "http://192.0.2.1")
    assert refused.returncode == 2
    assert refused.stdout.startswith("192.0.2.1 is not this machine.")
