"""Fixtures: the ledger, whether this is a soak, and an app for those who try to use it up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import LeaveOut
from tests.deploying import App, serving_as_the_service
from tests.ledger import Ledger, is_soak
from tests.project import Project
from tests.reliability.crowd import allow_many_connections
from tests.reliability.hosts import baked
from tests.reliability.strangers import direct, register, sign_in


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Take down what a test does, how often, and what was lost."""
    return Ledger(request.node.user_properties)


@pytest.fixture
def soak(leave_out: LeaveOut) -> bool:
    """Whether the long form was asked for."""
    if not is_soak():
        leave_out("the long forms of the tests of reliability: make soak")
    return is_soak()


@pytest.fixture(scope="session")
def project(
    cookiecutter_config: Path, environment_of: Callable[[Project], Path]
) -> Iterator[Project]:
    allow_many_connections()
    with baked(cookiecutter_config, environment_of) as project:
        yield project


@pytest.fixture(scope="session")
def app(project: Project) -> Iterator[App]:
    """Run the app as its service does, with an account."""
    with serving_as_the_service(project) as app:
        register(app)
        yield app


@pytest.fixture
def alice(app: App) -> Iterator[httpx2.Client]:
    """Return somebody who is signed in."""
    with direct(app) as client:
        sign_in(client)
        yield client
