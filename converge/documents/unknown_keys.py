"""Keys that a schema does not know, each with the known one nearest to it: errors in our kinds, warnings in KubeVirt's."""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.nearest import nearest
from converge.documents.nodes import Mapping, Node, Sequence, shown
from converge.documents.schema import Schema
from converge.documents.text import Source
from converge.model import Diagnostic, Severity

MAX_UNKNOWN = 30


def unknown_keys(source: Source, node: Mapping, about: Schema, severity: Severity) -> Iterator[Diagnostic]:
    known = about.get("properties", {})
    unknown = [entry.key for name, entry in node.entries.items() if name not in known]
    for key in unknown[:MAX_UNKNOWN]:
        detail = f"unknown key {shown(key)}\n{_suggestion(key.text, known)}"
        yield source.diagnostic(key, "Unknown key", detail, severity=severity)
    if len(unknown) > MAX_UNKNOWN:
        detail = f"{len(unknown) - MAX_UNKNOWN} more unknown keys in this mapping\nknown are: {', '.join(known) or 'none'}"
        yield source.diagnostic(unknown[MAX_UNKNOWN], "Unknown key", detail, severity=severity)


def _suggestion(name: str, known: Schema) -> str:
    if near := nearest(name, known):
        return f"did you mean {near!r}?"
    return f"known are: {', '.join(known)}" if known else "nothing may stand in it: write {}"


def unknown_below(source: Source, node: Node, about: Schema) -> Iterator[Diagnostic]:
    """Warnings for every key of a KubeVirt list that its schema does not know."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from unknown_below(source, item, about.get("items", {}))
    elif isinstance(node, Mapping) and "properties" in about:
        yield from unknown_keys(source, node, about, Severity.WARNING)
        for name, entry in node.entries.items():
            yield from unknown_below(source, entry.value, about["properties"].get(name, {}))
