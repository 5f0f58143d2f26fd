"""Tests with a real guest. Each makes its own namespaces, with names nobody else has, and loses them however it ends.

place     where the namespaces of one test file are: a prefix of its own
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.lab import pods

HERE = Path(__file__).parent
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test below this folder is a guest test, said or not. Where it cannot run it is skipped, and says why."""
    reason = _missing()
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.guest)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing() -> str:
    if os.geteuid():
        return "network namespaces are made by root only: run `sudo ./just test`"
    return "" if shutil.which("apt-get") else "the guest is built from Debian packages, and this is no Debian system"


@pytest.fixture(scope="module")
def place() -> Iterator[pods.Place]:
    """The process id keeps parallel test runs apart, the number this run's files. All pods made here go with it."""
    here = pods.Place(f"g{os.getpid()}-{next(_numbers)}-")
    yield here
    pods.down([name.removeprefix(here.prefix) for name in pods.pods_of(here)], here)
