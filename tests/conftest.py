"""Its being here puts this folder on the path: the builders beside it are shared by the tests."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# As in the converters' worker: without it, Keras lacks operators on CPUs that are not new.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

SEPARATE = "test_coverage.py"
"""Its tests share no fixture, so any worker can take any of them."""


class ByFile(LoadScopeScheduling):
    """Gives a file's tests to one of the parallel workers, so that none builds its fixtures twice.

    xdist's own ways are not enough: by file, one worker would convert all models of the coverage;
    by group, pytest 9 does not carry the names of the groups over.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file.endswith(SEPARATE) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """The hook by which xdist asks for a scheduler."""
    return ByFile(config, log)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of every search for garbage, half a second each."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Draw the same weights for a test in every run, whichever tests ran before it."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
