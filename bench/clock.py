"""Taking time: of a call, of a child process, of one function inside a larger call.

CPU time is that of the whole process, all threads, so a candidate cannot hide work in one; a child's is what `wait4` says of it.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bench.figures import ZERO, Sample

T = TypeVar("T")
_NS = 1e6  # nanoseconds in a millisecond


def timed(work: Callable[[], T]) -> tuple[Sample, T]:
    """Garbage of before is collected before; the collector stays on, as it is in real life."""
    gc.collect()
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    value = work()
    return Sample((time.process_time_ns() - cpu) / _NS, (time.perf_counter_ns() - wall) / _NS), value


class ChildFailed(Exception):
    """A child that was measured did not do what was measured."""


def spawned(command: Sequence[str], stdin: Path | None = None) -> Sample:
    """The CPU time of a child, and the wall time until it was reaped. It starts in the calling thread's network namespace."""
    program = shutil.which(command[0])
    if program is None:
        raise ChildFailed(f"{command[0]} is not installed")
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, stdin or os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    start = time.perf_counter_ns()
    child = os.posix_spawn(program, [*command], _environment(), file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    wall = (time.perf_counter_ns() - start) / _NS
    if status:
        raise ChildFailed(f"{' '.join(command)}: exit code {os.waitstatus_to_exitcode(status)}")
    return Sample((usage.ru_utime + usage.ru_stime) * 1000, wall)


def in_turns(rounds: int, actions: Mapping[str, Callable[[], Sample]]) -> dict[str, list[Sample]]:
    """Each action once a round, a different one first in each, so that what disturbs the machine disturbs all of them alike."""
    names = list(actions)
    taken: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            taken[name].append(actions[name]())
    return taken


def _environment() -> dict[str, str]:
    """An installed program has its byte code beside it, so a child may write its own, whatever this shell says."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Aside:
    """What the calls of one function took, while something around them was measured."""

    def __init__(self) -> None:
        self.total = ZERO

    def take(self) -> Sample:
        """The sum since the last time."""
        total, self.total = self.total, ZERO
        return total

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What yields one by one does so within the clock: its caller gets an iterator over what is there already."""

        def measured(*arguments: Any, **named: Any) -> Any:
            cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
            try:
                value = function(*arguments, **named)
                return iter(list(value)) if isinstance(value, Generator) else value
            finally:
                self.total += Sample((time.thread_time_ns() - cpu) / _NS, (time.perf_counter_ns() - wall) / _NS)

        return measured


@contextmanager
def aside(owner: Any, name: str) -> Iterator[Aside]:
    """While the block lasts, `owner.name` is timed each time it is called."""
    original, clock = getattr(owner, name), Aside()
    setattr(owner, name, clock.around(original))
    try:
        yield clock
    finally:
        setattr(owner, name, original)


def forget() -> None:
    """Empty every cache of converge, so that a pass finds what the first one in a new process finds."""
    for module in [module for name, module in sys.modules.items() if name.split(".")[0] == "converge"]:
        for value in list(vars(module).values()):
            clear = getattr(value, "cache_clear", None)
            if callable(clear):
                clear()
