"""Runs the project's migrations against a database of the tests."""

from alembic import command
from alembic.config import Config

from app.config import ROOT


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade a database to a revision, or downgrade it to ``base``."""
    config = alembic_config(database_url)
    (command.downgrade if revision == "base" else command.upgrade)(config, revision)


def alembic_config(database_url: str) -> Config:
    """Return what alembic's commands need to work on a database, from any folder."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config
