"""For all tests. What needs root or a kernel stands in kernel/conftest.py."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository: where states/, schemas/ and docs/ are."""
    return ROOT
