"""Tests in real namespaces. Each test makes its own, with names nobody else has, and loses them however it ends.

pod       a factory: `pod()` or `pod(mtu=1450)` gives a `Pod`, with a node and an outside host that reach it
helpers   `inside.py` (commands, traffic), `judge.py` (what is there), `listening.py` (what happens there)
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from converge.lab import pods
from tests.kernel.inside import Pod

HERE = Path(__file__).parent
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test below this folder is a kernel test, said or not; without root it is skipped, and says why."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.kernel)
        if os.geteuid():
            item.add_marker(pytest.mark.skip(reason="network namespaces are made by root only: run `sudo ./just test`"))


@pytest.fixture
def place() -> pods.Place:
    """The process id keeps parallel test runs apart, the number this run's tests."""
    return pods.Place(f"t{os.getpid()}-{next(_numbers)}-")


@pytest.fixture
def pod(place: pods.Place) -> Iterator[Callable[..., Pod]]:
    """`pod(name="web", mtu=1450, …)`: the fields of `PodSpec`."""
    made: list[str] = []

    def make(name: str = "web", **fields: Any) -> Pod:
        spec = pods.PodSpec(name, **fields)
        made.append(name)
        pods.up([spec], place)
        return Pod(place.netns(name), place.node, place.outside, spec)

    yield make
    pods.down(made, place)
