"""Boards are prepared before the first test: what cannot be had is an error, never a skip."""

from __future__ import annotations

import fcntl

import dense_models
import prepare
import pytest


@pytest.fixture(scope="session", autouse=True)
def prepared():
    """Packages, emulation, file systems; a second process waits for the first."""
    prepare.CACHE.mkdir(parents=True, exist_ok=True)
    with (prepare.CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert prepare.main() == 0


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Small models, and data for them."""
    return dense_models.write(tmp_path_factory.mktemp("files"))


@pytest.fixture
def told():
    """What happened, in words."""
    return []
