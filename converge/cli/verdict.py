"""Exit codes. Of several pods the worst decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from converge.model import Outcome

APPLY: Mapping[Outcome, int] = {
    Outcome.UNCHANGED: 0,
    Outcome.PLANNED: 0,
    Outcome.APPLIED: 0,
    Outcome.REFUSED: 1,
    Outcome.RESTORED: 1,
    Outcome.FAILED: 3,
}
"""plan and apply."""

DETAILED: Mapping[Outcome, int] = {**APPLY, Outcome.PLANNED: 2, Outcome.APPLIED: 2}
"""The same with --detailed-exitcode."""

DIFFERENCE: Mapping[Outcome, int] = {**APPLY, Outcome.PLANNED: 1, Outcome.REFUSED: 2}
"""diff and check."""

WORST_LAST: Mapping[int, tuple[int, ...]] = {1: (0, 2, 1, 3), 2: (0, 1, 2)}
"""By the verb's code for an error: for plan and apply 2 is a change, and 1 is worse."""


def worst(codes: Iterable[int], error: int) -> int:
    return max(codes, key=WORST_LAST[error].index, default=0)
