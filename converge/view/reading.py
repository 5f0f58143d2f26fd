"""Rows of a snapshot -> resources, with a place for whatever is wrong with one. The way back of `spelling`, by the same fields.

A snapshot may come from anybody, so nothing is believed: each attribute must have its type, each name its form, and what is read
must be something that the kernel could have shown. What passes can be compiled and planned without an exception.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from converge.documents import nodes
from converge.documents.nodes import Node, Scalar, Sequence, is_null, shown
from converge.documents.scalars import as_boolean, as_integer, as_text
from converge.documents.text import Source, Span
from converge.model import Attributes, Diagnostic, Key, Resources
from converge.resources import route
from converge.view.forms import misshapen
from converge.view.spelling import CLASSES, HANDLES, ON_LINKS, UNDECODED

LARGEST = 1 << 63


class Wrong(Exception):
    """What is not a resource, and where."""

    def __init__(self, at: Span, detail: str) -> None:
        super().__init__(detail)
        self.at, self.detail = at, detail


def read(source: Source, listed: Sequence) -> tuple[Resources, list[Diagnostic]]:
    """The set, and everything that is wrong with it."""
    handles, wrong = _handles(listed)
    resources: Resources = {}
    addresses = 0
    for row in listed.items:
        try:
            key, value = _resource(row, handles)
        except Wrong as error:
            wrong.append(error)
            continue
        if key in resources:
            wrong.append(Wrong(row, f"{' '.join(filter(None, key))} stands here twice"))
        if key.kind == "address":
            value, addresses = replace(value, order=addresses), addresses + 1
        resources[key] = value
    if not wrong:
        wrong += _homeless(listed, resources)
    return resources, [source.diagnostic(each.at, "Not a snapshot", each.detail) for each in wrong]


def _handles(listed: Sequence) -> tuple[Mapping[str, str], list[Wrong]]:
    """Handles of links by what this text calls them, and links of one name or one index."""
    found: dict[str, str] = {}
    wrong: list[Wrong] = []
    for row in listed.items:
        if not isinstance(row, Sequence) or len(row.items) != 4 or _word(row.items[0]) != "link":
            continue
        name, attributes = _word(row.items[1]), row.items[3]
        index = attributes.entries.get("index") if isinstance(attributes, nodes.Mapping) else None
        number = as_integer(index.value) if index and isinstance(index.value, Scalar) else None
        if name is None or number is None or number < 1:
            wrong.append(Wrong(row, "a link needs a name and its index, a number from 1 on"))
        elif name in found or f"#{number}" in found.values():
            wrong.append(Wrong(row, f"link {name} stands here twice, by its name or its index"))
        else:
            found[name] = f"#{number}"
    return found, wrong


def _word(node: Node) -> str | None:
    return as_text(node) if isinstance(node, Scalar) else None


def _homeless(listed: Sequence, resources: Resources) -> Iterator[Wrong]:
    """Addresses of links that are not there, and what else no kernel shows."""
    links = {key.owner for key in resources if key.kind == "link"}
    for row, (key, value) in zip(listed.items, resources.items(), strict=True):
        if key.kind in ON_LINKS and key.owner not in links and key.owner not in ("", route.NO_LINK):
            yield Wrong(row, f"{key.kind} {key.name} lies on link {key.owner}, which is not in this snapshot")
        detail = misshapen(key, value)
        if detail is not None:
            yield Wrong(row, detail)


# ------------------------------------------------------------------------------------------------------- one row


def _resource(row: Node, handles: Mapping[str, str]) -> tuple[Key, Attributes]:
    if not isinstance(row, Sequence) or not 3 <= len(row.items) <= 4:
        raise Wrong(row, "a resource is [kind, owner, name, {attributes}]")
    kind, owner, name = (value_of(item, str) for item in row.items[:3])
    if kind not in CLASSES:
        raise Wrong(row.items[0], f"{shown(row.items[0])} is no kind of resource; the kinds are {', '.join(CLASSES)}")
    given = row.items[3] if len(row.items) == 4 else None
    if given is not None and not isinstance(given, nodes.Mapping):
        raise Wrong(given, f"attributes are a mapping, not {shown(given)}")
    value = _built(CLASSES[kind], row, given, {"name": owner} if kind == "link" else {})
    if kind in ON_LINKS and owner not in ("", route.NO_LINK):
        owner = _handle(owner, handles, row.items[1])
    for field in (name for of_kind, name in HANDLES if of_kind == kind):
        value = replace(value, **{field: _moved(getattr(value, field), handles, given or row)})
    return Key(kind, owner, name), value


def _moved(held: Any, handles: Mapping[str, str], at: Span) -> Any:
    if isinstance(held, tuple):
        return tuple(_handle(each, handles, at) for each in held)
    return None if held is None else _handle(held, handles, at)


def _handle(word: str, handles: Mapping[str, str], at: Span) -> str:
    if word in handles:
        return handles[word]
    if word.startswith("#") and word[1:].isascii() and word[1:].isdigit():
        return f"#{int(word[1:10])}"
    raise Wrong(at, f"there is no link {word!r} in this snapshot")


def _built(wanted: type[Any], at: Span, given: nodes.Mapping | None, implied: Mapping[str, Any]) -> Any:
    types = _types(cast(Hashable, wanted))
    values: dict[str, Any] = dict(implied)
    for name, entry in () if given is None else given.entries.items():
        if name not in types:
            raise Wrong(entry.key, f"{shown(entry.key)} is no attribute here; there are {', '.join(types) or 'none'}")
        values[name] = value_of(entry.value, types[name])
    for field in fields(wanted):
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise Wrong(given or at, f"{field.name} is missing")
    return wanted(**values)


@cache
def _types(wanted: Hashable) -> Mapping[str, Any]:
    return get_type_hints(cast(type[Any], wanted))


# ------------------------------------------------------------------------------------------------------ one value


def value_of(node: Node, wanted: Any) -> Any:
    """`wanted` is a type as a field of a resource has it. Raises Wrong."""
    if isinstance(wanted, UnionType):
        (inner,) = (each for each in get_args(wanted) if each is not NoneType)
        return None if is_null(node) else value_of(node, inner)
    if get_origin(wanted) is tuple:
        return _tuple(node, get_args(wanted))
    if isinstance(node, Scalar) and wanted in _SCALARS:
        value = _SCALARS[wanted](node)
        if value is not None and not (wanted is int and abs(value) >= LARGEST):
            return value
    if is_dataclass(wanted) and isinstance(node, nodes.Mapping):
        return _built(cast(type[Any], wanted), node, node, {})
    if hasattr(wanted, "_fields") and isinstance(node, Sequence) and 0 < len(node.items) <= len(wanted._fields):
        return wanted(*(value_of(item, str) for item in node.items))
    raise Wrong(node, f"{shown(node)} is not {_NAMES.get(wanted, 'what belongs here')}")


def _text(node: Scalar) -> str | None:
    found = as_text(node)
    return None if found is None else as_bytes_were(found)


def as_bytes_were(text: str) -> str:
    """Text with the bytes that are none (see spelling.UNDECODED)."""
    return text if text.isascii() else text.translate(_BYTES)


_BYTES = {character: byte for byte, character in UNDECODED.items()}
_SCALARS: Mapping[Any, Any] = {str: _text, int: as_integer, bool: as_boolean}
_NAMES: Mapping[Any, str] = {str: "text", int: "a number", bool: "true or false"}


def _tuple(node: Node, inner: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(node, Sequence):
        raise Wrong(node, f"{shown(node)} is not a list")
    if inner[-1] is Ellipsis:
        return tuple(value_of(item, inner[0]) for item in node.items)
    if len(node.items) != len(inner):
        raise Wrong(node, f"{len(inner)} values belong here, not {len(node.items)}")
    return tuple(value_of(item, each) for item, each in zip(node.items, inner, strict=True))
