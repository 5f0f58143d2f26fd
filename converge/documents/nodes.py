"""What a YAML document is made of. Scalars stay text: what a scalar *is* depends on what is expected where it stands.

`size` counts the nodes below and including this one with every alias spelled out, `height` the levels; both are known when
a node is closed, so that an alias is judged before anything is multiplied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """`plain`: YAML is free to read it as something other than text."""

    text: str
    plain: bool
    start: int
    end: int
    size: int = 1
    height: int = 1


class Entry(NamedTuple):
    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: dict[str, Entry]
    start: int
    end: int
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    start: int
    end: int
    size: int
    height: int


Node = Scalar | Mapping | Sequence


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text in NULLS


def shown(node: Node) -> str:
    """A value as the user wrote it, or nearly."""
    if not isinstance(node, Scalar):
        return "a list" if isinstance(node, Sequence) else "a mapping"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return text if node.plain and text.isprintable() else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text) + '"'
