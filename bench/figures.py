"""Samples, medians, ratios and verdicts. Pure.

A median ignores the one sample in thirty in which the kernel was busy destroying namespaces. The ratio is that of CPU times: wall
time also holds what other processes do, and is shown beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement, or a median of several, in milliseconds."""

    cpu: float
    wall: float

    def __add__(self, other: Sample) -> Sample:
        return Sample(self.cpu + other.cpu, self.wall + other.wall)

    def __sub__(self, other: Sample) -> Sample:
        return Sample(self.cpu - other.cpu, self.wall - other.wall)

    def per(self, count: int) -> Sample:
        return Sample(self.cpu / count, self.wall / count)


ZERO = Sample(0.0, 0.0)


def median(samples: Iterable[Sample]) -> Sample:
    """Of CPU and of wall time, each by itself: they need not come from the same sample."""
    taken = list(samples)
    return Sample(statistics.median(s.cpu for s in taken), statistics.median(s.wall for s in taken))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Without a floor there is no ratio; without a goal, no verdict. `stretch` is a better goal."""

    name: str
    candidate: Sample
    floor: Sample | None = None
    goal: float | None = None
    stretch: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if self.floor is None or self.floor.cpu <= 0 else self.candidate.cpu / self.floor.cpu

    @property
    def verdict(self) -> str:
        if self.ratio is None or self.goal is None:
            return ""
        if self.ratio > self.goal:
            return f"missed by {_excess(self.ratio, self.goal)}"
        if self.stretch is None:
            return "met"
        return f"met, stretch {'too' if self.ratio <= self.stretch else 'missed by ' + _excess(self.ratio, self.stretch)}"


def _excess(ratio: float, goal: float) -> str:
    return f"{100 * (ratio / goal - 1):.0f} %"
