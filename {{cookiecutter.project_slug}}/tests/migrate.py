"""Runs the project's migrations against a database of the tests."""

from alembic import command
from alembic.config import Config

from app.config import ROOT


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade a database to a revision, or downgrade it to ``base``."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = database_url
    (command.downgrade if revision == "base" else command.upgrade)(config, revision)
