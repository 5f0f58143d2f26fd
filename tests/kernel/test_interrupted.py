"""Killed everywhere, failed everywhere: for each transition of the matrix, at each of its operations.

Killed: a child process applies and is SIGKILLed between two operations; the next apply must reach what an undisturbed run
reaches, and the next unwire the pod as the CNI left it. Failed: an operation raises before, or after, the kernel has done it;
the pod must then be as it was before the apply. Pods are used again after each try, which is itself the test that they are as
new.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from converge.kernel.session import Session
from converge.kernel.writer import OperationFailed
from converge.model import GuestNetwork, Operation, Outcome
from tests.kernel.driving import apply, plan, told
from tests.kernel.inside import Pod
from tests.kernel.matrix import NOTHING, ROWS, Row, made, settled, wish

EXECUTE = Session.execute
Hook = Callable[[int, Callable[[], None], Operation], None]


@contextmanager
def interfering(hook: Hook) -> Iterator[None]:
    """`hook(number, do, operation)` is called in place of each operation's execution; `do()` executes it."""
    count = 0

    def execute(self: Session, operation: Operation) -> None:
        nonlocal count
        count += 1
        hook(count - 1, lambda: EXECUTE(self, operation), operation)

    Session.execute = execute  # type: ignore[method-assign]
    try:
        yield
    finally:
        Session.execute = EXECUTE  # type: ignore[method-assign]


def killed_before(document: GuestNetwork, number: int) -> bool:
    """Apply in a child that dies right before that operation. False: it had nothing more to do."""

    def hook(count: int, do: Callable[[], None], _operation: Operation) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        do()

    child = os.fork()
    if child == 0:
        try:
            with interfering(hook):
                apply(document)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def reached(document: GuestNetwork) -> None:
    result = apply(document)
    assert result.outcome in (Outcome.APPLIED, Outcome.UNCHANGED), told(result)


def operations(document: GuestNetwork) -> int:
    result = plan(document)
    assert result.outcome is Outcome.PLANNED, told(result)
    return len(result.plan.steps)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_killed_anywhere(row: Row, pod: Callable[..., Pod], record_property: Callable[[str, Any], None]) -> None:
    """After a kill before each operation, and after the last: apply reaches the target, unwire the beginning."""
    here = made(row, pod)
    before, after, nothing = wish(here, row.before), wish(here, row.after), wish(here, NOTHING)
    new = settled(here)
    reached(before)
    number = operations(after)
    reached(after)
    target = settled(here)
    reached(nothing)
    assert settled(here) == new
    kills = 0
    for point in range(number + 1):
        reached(before)
        kills += killed_before(after, point)
        reached(after)
        assert settled(here) == target, f"killed before operation {point}"
        assert plan(after).outcome is Outcome.UNCHANGED
        reached(nothing)
        assert settled(here) == new, f"killed before operation {point}, then unwired"
    assert kills == number
    record_property("kills", kills)
    print(f"{row.name}: {kills} kills")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_killed_then_unwired(row: Row, pod: Callable[..., Pod]) -> None:
    """The same kills, but the next thing that happens is the unwiring."""
    here = made(row, pod)
    before, after, nothing = wish(here, row.before), wish(here, row.after), wish(here, NOTHING)
    new = settled(here)
    reached(before)
    for point in range(operations(after)):
        reached(before)
        assert killed_before(after, point)
        reached(nothing)
        assert settled(here) == new, f"killed before operation {point}"


@pytest.mark.parametrize("half", [False, True], ids=["refused", "half done"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_fails_anywhere(row: Row, half: bool, pod: Callable[..., Pod]) -> None:
    """Injected where operations meet the kernel; `half done`: the kernel has done it and the failure comes all the same."""
    here = made(row, pod)
    before, after = wish(here, row.before), wish(here, row.after)
    reached(before)
    start = settled(here)
    for point in range(operations(after)):

        def hook(count: int, do: Callable[[], None], operation: Operation, point: int = point) -> None:
            if count != point or half:
                do()
            if count == point:
                raise OperationFailed(operation, "injected")

        with interfering(hook):
            result = apply(after)
        assert result.outcome is Outcome.RESTORED, told(result)
        assert settled(here) == start, f"operation {point}: {result.plan.steps[point].operation}"
