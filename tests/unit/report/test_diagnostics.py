"""A caret stands under what it means, whatever the line is made of; machines get well-formed text."""

from __future__ import annotations

import json
import unicodedata
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from converge.model import Diagnostic, Position, Severity
from converge.report import diagnostics
from converge.report.annotations import github, sarif
from converge.report.style import REPLACEMENT, Style

PLAIN = Style()
letters = st.sampled_from("ab: {}\t日本é́\x1b\u202e\x07")
texts = st.text(letters, min_size=1, max_size=30)


def diagnostic(
    snippet: str | None, start: int, end: int, detail: str = "port 70000 is not a port\na port is 1 to 65535"
) -> Diagnostic:
    return Diagnostic("Value out of bounds", detail, Position("states/a b.yaml", 12, start, 12, end), snippet=snippet)


def screen(line: str) -> list[str]:
    """What stands in each column of a terminal."""
    cells: list[str] = []
    for character in line:
        if unicodedata.combining(character):
            continue
        cells += [character] * (2 if unicodedata.east_asian_width(character) in "WF" else 1)
    return cells


@given(texts, st.integers(1, 30), st.integers(1, 10))
def test_carets_stand_under_the_range(snippet: str, start: int, length: int) -> None:
    start = min(start, len(snippet))
    end = min(start + length, len(snippet) + 1)
    _, source, carets, _ = diagnostics.lines(diagnostics.as_json(diagnostic(snippet, start, end)), PLAIN)
    marked = snippet[start - 1 : end - 1]
    under = "".join(cell for cell, caret in zip(screen(source), carets, strict=False) if caret == "^")
    # Each wide character fills two columns, and a tab is blanks; what is left must be the same text.
    seen = [c if c.isprintable() else " " if c == "\t" else REPLACEMENT for c in marked.rstrip() if not unicodedata.combining(c)]
    assert [c for c in dict.fromkeys(under) if c != " "] == [c for c in dict.fromkeys(seen) if c != " "] or not seen
    assert "^" in carets
    assert set(carets) <= {" ", "^"}


def test_the_form_of_the_contract() -> None:
    found = diagnostics.as_json(diagnostic("    ports: [{port: 70000}]", 20, 25))
    assert list(diagnostics.lines(found, PLAIN)) == [
        "states/a b.yaml:12:20: port 70000 is not a port",
        "        ports: [{port: 70000}]",
        "                       ^^^^^",
        "  a port is 1 to 65535",
    ]


def test_tabs_and_wide_characters() -> None:
    found = diagnostics.as_json(diagnostic("日本:\tabc", 5, 8))
    assert list(diagnostics.lines(found, PLAIN))[1:3] == ["    日本:   abc", "            ^^^"]


def test_a_range_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    several = Diagnostic("Missing key", "no name", Position("a.yaml", 3, 3, 5, 1), snippet="  macAddress: x  ")
    assert list(diagnostics.lines(diagnostics.as_json(several), PLAIN))[2] == "      ^^^^^^^^^^^^^"


@given(st.text(max_size=60))
def test_nothing_that_is_printed_steers_a_terminal(text: str) -> None:
    found = diagnostics.as_json(diagnostic(text.replace("\n", " "), 1, 2, text or "x"))
    for line in diagnostics.lines(found, PLAIN):
        assert line.isprintable()


def test_without_a_place_the_program_speaks() -> None:
    found = diagnostics.as_json(Diagnostic("Path not found", "x does not exist", severity=Severity.WARNING))
    assert list(diagnostics.lines(found, PLAIN)) == ["converge: warning: x does not exist"]


# -------------------------------------------------------------------------------------------------------- machines

severities = st.sampled_from(Severity)
positions = st.builds(
    lambda name, line, column, more, width: Position(name, line, column, line + more, column + width),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    *[st.integers(1, 99)] * 2,
    *[st.integers(0, 3)] * 2,
)
anything = st.builds(Diagnostic, st.text(max_size=20), st.text(max_size=40), st.none() | positions, severities)


@given(st.lists(anything, max_size=5))
def test_validation_counts(found: list[Diagnostic]) -> None:
    value = diagnostics.validation(found)
    assert json.loads(json.dumps(value)) == value
    assert value["error_count"] == sum(each.severity is Severity.ERROR for each in found)
    assert value["warning_count"] == sum(each.severity is Severity.WARNING for each in found)
    assert value["valid"] == (value["error_count"] == 0)
    for each in value["diagnostics"]:
        assert {"severity", "summary", "detail", "range", "snippet"} <= each.keys()


def unescaped(text: str) -> str:
    for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


@given(anything)
def test_a_workflow_command_is_one_line_that_reads_back(found: Diagnostic) -> None:
    (line,) = github([diagnostics.as_json(found)])
    assert "\n" not in line
    assert "\r" not in line
    _, head, message = line.split("::", 2)
    command, _, words = head.partition(" ")
    properties = dict(word.split("=", 1) for word in words.split(","))
    assert command == {"error": "error", "warning": "warning", "note": "notice"}[found.severity.value]
    assert unescaped(message) == found.detail
    assert unescaped(properties["title"]) == found.summary
    if found.at is not None:
        assert (unescaped(properties["file"]), int(properties["line"])) == (found.at.filename, found.at.line)


@given(st.lists(anything, max_size=5))
def test_sarif_has_what_the_standard_requires(found: list[Diagnostic]) -> None:
    value = sarif([diagnostics.as_json(each) for each in found])
    assert json.loads(json.dumps(value)) == value
    assert value["version"] == "2.1.0"
    (run,) = value["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for each, told in zip(found, run["results"], strict=True):
        assert told["ruleId"] in rules
        assert told["level"] in ("none", "note", "warning", "error")
        assert told["message"]["text"] == (each.detail or each.summary)
        if each.at is None:
            assert "locations" not in told
            continue
        place = told["locations"][0]["physicalLocation"]
        assert unquote(place["artifactLocation"]["uri"]) == each.at.filename
        assert place["artifactLocation"]["uri"].isascii()
        assert all(number >= 1 for number in place["region"].values())
