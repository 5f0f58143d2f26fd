"""Diagnostics for people and as JSON, from which all formats start. Lines and columns count from 1, columns in characters.

states/web.yaml:12:13: port 70000 is not a port
    ports: [{port: 70000}]
                   ^^^^^
  a port is a number from 1 to 65535
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converge.model import Diagnostic, Position, Severity
from converge.report import Json
from converge.report.style import Style, columns, shown

FORMAT = "1.0"


def as_json(diagnostic: Diagnostic, document: str | None = None) -> Json:
    """`document`: the pod that it is about, where it is about one."""
    found: Json = {
        "severity": diagnostic.severity.value,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "range": None if diagnostic.at is None else _range(diagnostic.at),
        "snippet": diagnostic.snippet,
    }
    optional = {"document": document, "nic": diagnostic.nic, "cause": _cause(diagnostic)}
    return found | {name: value for name, value in optional.items() if value is not None}


def _cause(diagnostic: Diagnostic) -> Json | None:
    return None if diagnostic.cause is None else {"type": diagnostic.cause[0], "field": diagnostic.cause[1]}


def _range(at: Position) -> Json:
    """A position without an end is one character wide nowhere: it ends where it starts."""
    end = (at.end_line, at.end_column) if at.end_line else (at.line, at.column)
    start = {"line": at.line, "column": at.column}
    return {"filename": at.filename, "start": start, "end": {"line": end[0], "column": end[1]}}


def validation(diagnostics: Iterable[Diagnostic]) -> Json:
    """The value that `validate -o json` prints."""
    found = [as_json(diagnostic) for diagnostic in diagnostics]
    errors = sum(each["severity"] == Severity.ERROR.value for each in found)
    return {
        "format_version": FORMAT,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": sum(each["severity"] == Severity.WARNING.value for each in found),
        "diagnostics": found,
    }


# ------------------------------------------------------------------------------------------------------ for people


def lines(found: Json, style: Style) -> Iterator[str]:
    """One diagnostic: place and sentence, the source line with a caret, what would be right."""
    first, *rest = found["detail"].split("\n") if found["detail"] else [found["summary"]]
    severity = found["severity"]
    place = _place(found["range"])
    word = "" if severity == "error" else f"{severity}: "
    about = f"{found['document']}: " if "document" in found else ""
    yield shown(f"{place}: ") + style.paint(severity, word) + shown(about + first)
    if found["snippet"] is not None and found["range"] is not None:
        yield from _source(found["snippet"], found["range"], style, severity)
    yield from (f"  {shown(line)}" for line in rest)


def _place(at: Json | None) -> str:
    return "converge" if at is None else f"{at['filename']}:{at['start']['line']}:{at['start']['column']}"


def _source(snippet: str, at: Json, style: Style, severity: str) -> Iterator[str]:
    start = at["start"]["column"] - 1
    one_line = at["end"]["line"] == at["start"]["line"]
    end = at["end"]["column"] - 1 if one_line else len(snippet.rstrip())
    before, through = columns(shown(snippet[:start])), columns(shown(snippet[: max(end, start)]))
    yield f"    {shown(snippet.rstrip())}"
    yield " " * (4 + before) + style.paint(severity, "^" * max(1, through - before))
