"""What people read when a document is wrong: one folder a case, `input.yaml` (or another name) and `expected.txt`.

A new case needs no Python: write the input, run the tests once, and read what `expected.txt` should hold from the failure.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from converge.documents import Text, load
from tests.unit.documents.examples import rendered

CASES = Path(__file__).parents[2] / "cases" / "documents"


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_message(case: Path) -> None:
    inputs = sorted(path for path in case.iterdir() if path.name != "expected.txt")
    result = load(Text(path.name, path.read_bytes()) for path in inputs)
    assert rendered(result) == (case / "expected.txt").read_text(encoding="utf-8")
