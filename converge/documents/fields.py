"""Reading nodes for those who know what they look for. Absent, null and wrongly typed are all None; the schema reports the last.

null counts as absent, as the Kubernetes API reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.nodes import Mapping, Node, Scalar, Sequence, is_null
from converge.documents.scalars import as_boolean, as_integer, as_text


def get(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        if not isinstance(node, Mapping) or key not in node.entries:
            return None
        node = node.entries[key].value
    return None if node is None or is_null(node) else node


def key_of(node: Mapping, name: str) -> Scalar:
    return node.entries[name].key


def text(node: Node | None, *keys: str) -> str | None:
    found = get(node, *keys)
    return as_text(found) if isinstance(found, Scalar) else None


def integer(node: Node | None, *keys: str) -> int | None:
    found = get(node, *keys)
    return as_integer(found) if isinstance(found, Scalar) else None


def flag(node: Node | None, *keys: str) -> bool | None:
    found = get(node, *keys)
    return as_boolean(found) if isinstance(found, Scalar) else None


def items(node: Node | None, *keys: str) -> tuple[Node, ...]:
    found = get(node, *keys)
    return found.items if isinstance(found, Sequence) else ()


def parts(node: Node | None, path: str) -> Iterator[tuple[str, Mapping]]:
    """The mappings of a list, each with its field path."""
    for index, item in enumerate(items(node)):
        if isinstance(item, Mapping):
            yield f"{path}[{index}]", item
