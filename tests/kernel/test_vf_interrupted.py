"""Setting SR-IOV functions, killed everywhere and failed everywhere: the next apply and the next unwire reach what they should.

As test_interrupted does for links; the functions are those of a simulated card, for which see `cards`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from converge.kernel.writer import OperationFailed
from converge.model import Operation, Outcome
from tests.kernel.cards import MAC, OTHER, PARENT, WHOLE, cards, missing, netns, settled, wish
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import ns
from tests.kernel.test_interrupted import interfering, killed_before

__all__ = ["cards", "netns"]

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

WAYS: dict[str, tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]] = {
    "wired": ((), (WHOLE,)),
    "unwired": ((WHOLE,), ()),
    "changed": ((WHOLE,), ({"macAddress": OTHER, "virtualFunction": {"trust": False}},)),
    "moved": (({"macAddress": MAC},), ({"macAddress": MAC, "virtualFunction": {"index": 2}},)),
}


@pytest.mark.parametrize("way", WAYS)
def test_killed_anywhere(netns: str, way: str) -> None:
    before, after, nothing = wish(netns, *WAYS[way][0]), wish(netns, *WAYS[way][1]), wish(netns)
    ns(netns, f"ip link set dev {PARENT} vf 1 mac {OTHER} vlan 7")
    new = settled(netns)
    applied(before)
    number = len(plan(after).plan.steps)
    assert number >= 2
    applied(after)
    target = settled(netns)
    for point in range(number):
        applied(nothing)
        applied(before)
        assert killed_before(after, point)
        applied(after)
        assert settled(netns) == target, f"killed before operation {point}"
        applied(nothing)
        applied(before)
        assert killed_before(after, point)
        applied(nothing)
        assert settled(netns) == new, f"killed before operation {point}, then unwired"


@pytest.mark.parametrize("half", [False, True], ids=["refused", "half done"])
@pytest.mark.parametrize("way", WAYS)
def test_fails_anywhere(netns: str, way: str, half: bool) -> None:
    before, after = wish(netns, *WAYS[way][0]), wish(netns, *WAYS[way][1])
    ns(netns, f"ip link set dev {PARENT} vf 1 mac {OTHER} vlan 7")
    applied(before)
    start = settled(netns)
    for point in range(len(plan(after).plan.steps)):

        def hook(count: int, do: Callable[[], None], operation: Operation, point: int = point) -> None:
            if count != point or half:
                do()
            if count == point:
                raise OperationFailed(operation, "injected")

        with interfering(hook):
            result = apply(after)
        assert result.outcome is Outcome.RESTORED, told(result)
        assert settled(netns) == start, str(result.plan.steps[point].operation)
