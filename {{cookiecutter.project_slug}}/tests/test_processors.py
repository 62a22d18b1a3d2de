"""Passwords are hashed on the processors that this process may use, not on all of the machine."""

import os
from pathlib import Path

import pytest

from app.config import Settings
from app.processors import available_processors
from tests.conftest import KEY


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run on a machine with 64 processors, of which 8 are for this process."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def cgroup(root: Path, name: str, limit: str) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    (root / name / "cpu.max").write_text(f"{limit}\n", "utf-8")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("own", "parent", "limit", "count"),
    [
        ("max 100000", "max 100000", "max 100000", 8),
        ("300000 100000", "max 100000", "max 100000", 3),
        ("max 100000", "250000 100000", "max 100000", 2),
        ("300000 100000", "500000 100000", "max 100000", 3),
        ("max 100000", "max 100000", "400000 200000", 2),
        ("50000 100000", "max 100000", "max 100000", 1),
        ("3200000 100000", "max 100000", "max 100000", 8),
        ("nonsense", "", "x y z", 8),
    ],
)
def test_affinity_and_the_quotas_of_all_groups_around_count(
    tmp_path: Path, own: str, parent: str, limit: str, count: int
) -> None:
    for name, text in (("app.slice/app.service", own), ("app.slice", parent), ("", limit)):
        cgroup(tmp_path / "cgroup", name, text)
    membership = tmp_path / "membership"
    membership.write_text("1:name=systemd:/\n0::/app.slice/app.service\n", "utf-8")
    assert available_processors(tmp_path / "cgroup", membership) == count


@pytest.mark.usefixtures("machine")
def test_a_quota_of_the_first_version_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in {"quota": "250000\n", "period": "100000\n"}.items():
        (tmp_path / "cpu" / f"cpu.cfs_{name}_us").write_text(text, "utf-8")
    assert available_processors(tmp_path, tmp_path / "none") == 2


@pytest.mark.usefixtures("machine")
def test_without_control_groups_affinity_counts(tmp_path: Path) -> None:
    assert available_processors(tmp_path / "none", tmp_path / "none") == 8


def test_a_system_without_affinity_counts_all_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_processors(tmp_path, tmp_path / "none") == 3


@pytest.mark.parametrize(("available", "threads"), [(1, 1), (2, 1), (3, 2), (5, 4), (64, 4)])
def test_hashing_leaves_a_processor_to_everybody_else(
    monkeypatch: pytest.MonkeyPatch, available: int, threads: int
) -> None:
    monkeypatch.setattr("app.config.available_processors", lambda: available)
    settings = Settings.load(secret_keys=KEY)
    assert settings.password_hash_threads == threads
    assert Settings.load(secret_keys=KEY, password_hash_threads=7).password_hash_threads == 7
