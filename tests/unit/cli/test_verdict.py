"""Exit codes, as the contract has them."""

from __future__ import annotations

import itertools

import pytest

from converge.cli import verdict
from converge.model import Outcome

TABLE = {
    # outcome of a pod      plan, apply   --detailed-exitcode   diff, check
    Outcome.UNCHANGED: (0, 0, 0),
    Outcome.PLANNED: (0, 2, 1),
    Outcome.APPLIED: (0, 2, 0),
    Outcome.REFUSED: (1, 1, 2),
    Outcome.RESTORED: (1, 1, 1),
    Outcome.FAILED: (3, 3, 3),
}
CODES = (verdict.APPLY, verdict.DETAILED, verdict.DIFFERENCE)


def test_every_outcome_has_its_codes() -> None:
    assert set(TABLE) == set(Outcome)
    for outcome, expected in TABLE.items():
        assert tuple(codes[outcome] for codes in CODES) == expected


@pytest.mark.parametrize(("error", "order"), [(1, (3, 1, 2, 0)), (2, (2, 1, 0))])
def test_of_several_pods_the_worst_decides(error: int, order: tuple[int, ...]) -> None:
    for worse, better in itertools.combinations(order, 2):
        assert verdict.worst([better, worse, better], error) == worse
        assert verdict.worst([worse, better], error) == worse
    assert verdict.worst([], error) == 0
