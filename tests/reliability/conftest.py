"""Fixtures: the ledger, and whether this is a soak."""

import pytest

from tests.ledger import Ledger, is_soak


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Take down what a test does, how often, and what was lost."""
    return Ledger(request.node.user_properties)


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the long form was asked for."""
    return is_soak()
