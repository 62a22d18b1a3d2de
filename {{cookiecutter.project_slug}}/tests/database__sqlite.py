"""A database for each test, copied from one that was migrated once."""

import shutil
from pathlib import Path

import pytest

from tests.migrate import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "migrated.db"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def database_url(migrated: Path, tmp_path: Path) -> str:
    path = tmp_path / "test.db"
    shutil.copy(migrated, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def empty_database_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def unreachable_database_url(tmp_path: Path) -> str:
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is no database " * 1000)
    return f"sqlite+aiosqlite:///{path}"
