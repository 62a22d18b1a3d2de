"""The image, its compose file and CI: nothing runs them here, so they are taken at their word."""

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.answers import PRODUCT, name
from tests.conftest import Bake
from tests.deploying import (
    actionlint,
    image_command,
    instructions,
    options,
    service,
    serving_by,
)
from tests.project import Project, free_port
from tests.waiting import PATIENCE_SECONDS


def copies(project: Project) -> list[tuple[str, str]]:
    """Return what is copied from the project, and to where."""
    lines = [each.split() for each in instructions(project, "COPY") if "--from" not in each]
    assert all(len(line) == 2 for line in lines)
    return [(source, target) for source, target in lines]


@pytest.mark.parametrize("answers", PRODUCT[::5], ids=name)
def test_the_image_holds_what_exists_and_runs_as_nobody_special(
    bake_once: Bake, answers: dict[str, str]
) -> None:
    project = bake_once(**answers)
    allowed = {line[1:] for line in project.read(".dockerignore").splitlines() if line[:1] == "!"}
    assert {source for source, _ in copies(project)} == allowed
    assert all((project.path / source).exists() for source in allowed)
    assert len(instructions(project, "FROM")) == 2
    assert instructions(project, "USER") == ["10001"]
    text = project.read("Dockerfile")
    assert text.index("USER 10001") < text.index("HEALTHCHECK")
    assert "SECRET" not in text


@pytest.mark.parametrize("answers", PRODUCT[::5], ids=name)
def test_compose_runs_the_chosen_services_and_publishes_the_app_alone(
    bake_once: Bake, answers: dict[str, str]
) -> None:
    project = bake_once(**answers)
    compose: dict[str, Any] = yaml.safe_load(project.read("compose.yaml"))
    expected = {"app", "migrate"}
    expected |= {"database"} if answers["database"] == "postgresql" else set()
    expected |= {"redis"} if answers["session_backend"] == "redis" else set()
    services = compose["services"]
    assert set(services) == expected
    published = {key: each["ports"] for key, each in services.items() if "ports" in each}
    assert published == {"app": ["127.0.0.1:8000:8000"]}
    for each in services.values():
        assert set(each.get("depends_on", {})) <= expected
        for volume in each.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]
    for ours in (services["app"], services["migrate"]):
        variables = dict(ours["environment"])
        # The image itself is for production; .env may say so here.
        assert variables.pop("ENVIRONMENT") == "${ENVIRONMENT:-development}"
        for url in variables.values():
            assert re.search(r"@database:5432/|//redis:6379/|:////data/", url)
        assert ours["read_only"]
        assert ours["cap_drop"] == ["ALL"]


@pytest.mark.slow
def test_what_the_image_holds_is_enough(ready: Bake, tmp_path: Path) -> None:
    project = ready()
    for source, target in copies(project):
        if (project.path / source).is_dir():
            shutil.copytree(project.path / source, tmp_path / target)
        else:
            shutil.copy(project.path / source, tmp_path)
    image = Project(tmp_path, project.answers)
    image.use((project.path / ".venv").resolve())
    key = re.findall("^SECRET_KEYS=(.*)$", project.read(".env"), re.MULTILINE)[0]
    variables = {"SECRET_KEYS": key, "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/app.db"}
    migrate = yaml.safe_load(project.read("compose.yaml"))["services"]["migrate"]["command"]
    image.run(f".venv/bin/{migrate[0]}", *migrate[1:], variables=variables)
    with serving_by(image, image_command(project), variables) as app:
        assert httpx2.get(f"{app.url}/health/ready", timeout=PATIENCE_SECONDS).status_code == 200
        check = [each.replace("8000", str(app.port)) for each in health_check(project)]
        # A container may be given a proxy, which is for what is outside of it.
        image.run(".venv/bin/python", *check[1:], variables={"http_proxy": "http://127.0.0.1:9"})
    check = [each.replace("8000", str(free_port())) for each in health_check(project)]
    assert image.run(".venv/bin/python", *check[1:], check=False).returncode == 1


def health_check(project: Project) -> list[str]:
    """Return the command that the image checks itself with."""
    [instruction] = instructions(project, "HEALTHCHECK")
    words: list[str] = json.loads(instruction.partition("CMD ")[2])
    assert words[:2] == ["python", "-c"]
    return words


@pytest.mark.parametrize("session_backend", ["database", "memory"])
def test_the_image_tells_uvicorn_what_the_service_does(
    bake_once: Bake, session_backend: str
) -> None:
    project = bake_once(session_backend=session_backend)
    of_the_image = options(image_command(project))
    [serve] = service(project)["ExecStart"]
    of_the_service = options(serve.split())
    if session_backend == "memory":
        assert of_the_image["workers"] == of_the_service["workers"] == "1"
    of_the_machine = {"host", "port", "workers"}
    shared = {name: said for name, said in of_the_service.items() if name not in of_the_machine}
    assert len(shared) == 7
    # It is reached through its container's own address.
    assert {**of_the_image, "workers": ""} == {**shared, "host": "0.0.0.0", "workers": ""}
    grace = yaml.safe_load(project.read("compose.yaml"))["services"]["app"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > int(shared["timeout-graceful-shutdown"])


PIPELINES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
LINTERS = {
    "github": (
        ("zizmor", "--offline", "--persona=auditor", ".github"),
        ("check-jsonschema", "--builtin-schema=vendor.github-workflows", PIPELINES["github"]),
        ("check-jsonschema", "--builtin-schema=vendor.dependabot", ".github/dependabot.yml"),
    ),
    "gitlab": (
        ("check-jsonschema", "--builtin-schema=vendor.gitlab-ci", "--data-transform=gitlab-ci",
         PIPELINES["gitlab"]),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("ci", PIPELINES)
@pytest.mark.parametrize(
    ("session_backend", "database"),
    [("database", "sqlite"), ("memory", "postgresql"), ("redis", "postgresql")],
)
def test_linters_find_nothing_in_the_pipeline_and_the_image(
    bake_once: Bake, ci: str, session_backend: str, database: str
) -> None:
    project = bake_once(ci=ci, session_backend=session_backend, database=database)
    for linter, *arguments in (*LINTERS[ci], ("hadolint", "Dockerfile")):
        project.run(str(Path(sys.executable).parent / linter), *arguments)


def test_every_action_is_fixed_and_says_its_version(bake_once: Bake) -> None:
    lines = re.findall("uses:.*", bake_once(ci="github").read(PIPELINES["github"]))
    assert lines
    for line in lines:
        assert re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)


@pytest.mark.parametrize("ci", PIPELINES)
def test_ci_tests_every_python_up_to_that_of_the_image_and_builds_it(
    bake_once: Bake, ci: str
) -> None:
    project = bake_once(ci=ci)
    oldest = tomllib.loads(project.read("pyproject.toml"))["project"]["requires-python"]
    [newest] = set(re.findall(r"^FROM python:3\.(\d+)-", project.read("Dockerfile"), re.MULTILINE))
    pythons = range(int(oldest.removeprefix(">=3.")), int(newest) + 1)
    text = project.read(PIPELINES[ci])
    assert re.findall(r'"3\.(\d+)"', text) == [str(python) for python in pythons]
    assert "docker build ." in text


def test_a_run_of_ci_may_read_the_code_and_nothing_else(bake_once: Bake) -> None:
    workflow = yaml.safe_load(bake_once(ci="github").read(PIPELINES["github"]))
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("ci", PIPELINES)
def test_ci_installs_the_services_that_the_choice_needs(bake_once: Bake, ci: str) -> None:
    for backend, needed in (("redis", True), ("database", False)):
        text = bake_once(session_backend=backend, ci=ci).read(PIPELINES[ci])
        assert ("redis-server" in text) == needed
        assert {"make check", "make test"} <= set(re.findall(r"make \w+", text))
        assert yaml.safe_load(text)


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True], ids=["as it is", "with a mistake"])
def test_actionlint_finds_what_is_wrong_in_a_workflow_and_so_nothing(
    bake_once: Bake, tmp_path: Path, broken: bool
) -> None:
    workflow = tmp_path / "ci.yml"
    text = bake_once(ci="github").read(PIPELINES["github"])
    workflow.write_text(
        text.replace("github.workflow", "github.workflou") if broken else text, "utf-8"
    )
    said = actionlint(workflow)
    found = re.findall(r'property "(\w+)" is not defined', said)
    assert found == ["workflou"] if broken else said == ""
