"""docs/kubevirt-cases.md: every case is there once, says what became of it, and names tests and pages that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "kubevirt-cases.md"
CASES = 78
LINK = re.compile(r"\]\(([^)#]+)(?:#([^)]+))?\)")


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    about: str
    case: str
    outcome: str
    tests: tuple[str, ...]

    @property
    def kind(self) -> str:
        return re.split(r"[:;]", self.outcome, maxsplit=1)[0]


def rows(text: str) -> list[Row]:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| \d", line)]
    return [
        Row(int(number), about, case, outcome, tuple(re.findall(r"`([^`]+)`", shown)))
        for number, about, case, outcome, shown in cells
    ]


ROWS = rows(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Ids of all tests in the files that the page names, with their brackets and without."""
    files = sorted({f"tests/{test.partition('::')[0]}" for row in ROWS for test in row.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line.removeprefix("tests/") for line in done.stdout.splitlines() if "::" in line}
    return found | {each.partition("[")[0] for each in found}


def test_every_case_is_there_once() -> None:
    assert [row.number for row in ROWS] == list(range(1, CASES + 1))
    assert all(row.about and row.case for row in ROWS)


def test_every_outcome_is_one_of_three() -> None:
    assert {row.kind for row in ROWS} == {"done", "different", "not applicable"}
    assert [row.number for row in ROWS if row.kind != "not applicable" and not row.tests] == []


def test_what_is_different_or_not_applicable_says_why() -> None:
    assert [row.number for row in ROWS if row.kind == "different" and not LINK.search(row.outcome)] == []
    reasons = {row.number: row.outcome.partition(": ")[2] for row in ROWS if row.kind == "not applicable"}
    assert [number for number, reason in reasons.items() if len(reason.split()) < 5] == []


def test_pages_that_are_named_have_the_section() -> None:
    links = {(page, section) for row in ROWS for page, section in LINK.findall(row.outcome)}
    assert links
    assert sorted(f"{page}#{section}" for page, section in links if section not in sections(page)) == []


def sections(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; "" is its top."""
    headings = re.findall(r"^#+ (.*)$", (PAGE.parent / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | {""}


def test_tests_that_are_named_exist(collected: set[str]) -> None:
    assert [(row.number, test) for row in ROWS for test in row.tests if test not in collected] == []


def test_a_row_that_is_wrong_is_noticed(collected: set[str]) -> None:
    """The control: a test of a neighbour's name, a row of none, a page without such a section."""
    known = ROWS[0].tests[-1]
    assert known in collected
    assert not {f"{known.partition('[')[0]}[no such row]", known.replace("test_", "tset_")} & collected
    assert "no-such-section" not in sections("dhcp.md")
