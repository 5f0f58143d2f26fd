"""Diagnostics as machines of others read them: GitHub's workflow commands, and SARIF 2.1.0 (OASIS, section numbers below)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converge import __version__
from converge.report import Json

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def github(diagnostics: Iterable[Json]) -> Iterator[str]:
    """One workflow command a diagnostic. Columns are only understood within one line."""
    for found in diagnostics:
        properties = {**_place(found["range"]), "title": found["summary"]}
        words = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
        yield f"::{COMMANDS[found['severity']]} {words}::{_data(found['detail'])}"


def _place(at: Json | None) -> Json:
    if at is None:
        return {}
    start, end = at["start"], at["end"]
    place = {"file": at["filename"], "line": start["line"], "endLine": end["line"]}
    if start["line"] != end["line"]:
        return place
    return {**place, "col": start["column"], "endColumn": max(end["column"], start["column"])}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(diagnostics: Iterable[Json]) -> Json:
    """One run. A summary holds no names and is the same for one kind of mistake, so it makes the rule's id."""
    found = list(diagnostics)
    rules = {_rule(each["summary"]): each["summary"] for each in found}
    driver = {
        "name": "converge",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": text}} for rule, text in rules.items()],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(each) for each in found]}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(summary: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", summary.lower()).strip("-") or "other"


def _result(found: Json) -> Json:
    result: Json = {
        "ruleId": _rule(found["summary"]),
        "level": found["severity"],
        "message": {"text": found["detail"] or found["summary"]},
    }
    if found["range"] is not None:
        result["locations"] = [{"physicalLocation": _location(found["range"])}]
    return result


def _location(at: Json) -> Json:
    """Section 3.4.3: a URI reference. Section 3.30: columns from 1, the end exclusive."""
    from urllib.parse import quote

    start, end = at["start"], at["end"]
    region = {"startLine": start["line"], "startColumn": start["column"], "endLine": end["line"], "endColumn": end["column"]}
    return {"artifactLocation": {"uri": quote(at["filename"].encode("utf-8", "surrogateescape"))}, "region": region}
