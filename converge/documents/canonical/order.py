"""The order of keys: first what names the document, then as the schema has it; unknown keys keep their order behind those."""

from __future__ import annotations

from typing import Any

from converge.documents.canonical.reader import nodes
from converge.documents.canonical.tree import Collection, Entry, Leaf, Node
from converge.documents.schema import KINDS, schema

ENVELOPE = ("apiVersion", "kind", "metadata", "spec", "status")
MERGE = "<<"


def order(root: Node) -> None:
    """Sort the keys of a document in place."""
    if not isinstance(root, Collection) or not root.mapping:
        return
    named = {entry.key.text: entry.value for entry in root.entries if entry.key is not None}
    kind = named.get("kind")
    about = schema(kind.text) if isinstance(kind, Leaf) and kind.text in KINDS else {}
    _sort(root, [MERGE, *ENVELOPE])
    for entry in root.entries:
        _below(entry, about)
    listed = named.get("items")
    if isinstance(listed, Collection) and not listed.mapping:
        for item in listed.entries:
            order(item.value)


def _below(entry: Entry, about: dict[str, Any]) -> None:
    key = entry.key.text if entry.key is not None else ""
    other = about.get("additionalProperties")
    inner = about.get("properties", {}).get(key, other if isinstance(other, dict) else {})
    _ordered(entry.value, inner)


def _ordered(node: Node, about: dict[str, Any]) -> None:
    if not isinstance(node, Collection) or not about:
        return
    if node.mapping:
        _sort(node, [MERGE, *about.get("properties", {})])
        for entry in node.entries:
            _below(entry, about)
    else:
        for entry in node.entries:
            _ordered(entry.value, about.get("items", {}))


def _sort(node: Collection, names: list[str]) -> None:
    ranks = {name: rank for rank, name in enumerate(names)}
    wanted = sorted(node.entries, key=lambda entry: ranks.get(entry.key.text if entry.key else "", len(ranks)))
    if _anchors_stay_first(node.entries, wanted):
        node.entries = wanted


def _anchors_stay_first(entries: list[Entry], wanted: list[Entry]) -> bool:
    """Whether entries that share an anchor are still in the same order: an alias must come after what it stands for."""
    places = {id(entry): place for place, entry in enumerate(wanted)}
    last: dict[str, int] = {}
    for entry in entries:
        place = places[id(entry)]
        for name in _anchors(entry):
            if last.get(name, place) > place:
                return False
            last[name] = place
    return True


def _anchors(entry: Entry) -> set[str]:
    found = [*nodes(entry.value), *([entry.key] if entry.key is not None else [])]
    named = {prop[1:] for node in found for prop in node.props if prop.startswith("&")}
    return named | {node.text[1:] for node in found if isinstance(node, Leaf) and node.lines and node.lines[0].startswith("*")}
