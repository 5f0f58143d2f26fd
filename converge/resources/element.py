"""Elements of our sets. The key's owner is the set, its name the element as nft writes it: "tcp . 80", "tcp . 8000-8010",
"22".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources import table
from converge.resources.rule import protocol_name
from converge.resources.wire import attributes, messages, network, repeated

TRANSACTION: str | None = "nft"


@dataclass(frozen=True, slots=True)
class Element:
    """An element has nothing but its key."""


_ELEMENT = Element()
_ELEMENTS = 3  # NFTA_SET_ELEM_LIST_ELEMENTS
_KEY, _KEY_END = 1, 10
_PORT = Struct(">H")
_CONCATENATED = 8  # bytes: protocol and port, each padded to 4


def decode(set_name: str, dump: bytes) -> Iterator[tuple[Key, Element]]:
    """Elements in any order: the kernel lists them as its hash table has them."""
    for _, start, end in messages(dump):
        for _, entry in repeated(attributes(dump, start + 4, end).get(_ELEMENTS, b"")):
            found = attributes(entry)
            first = attributes(found.get(_KEY, b"")).get(1, b"")
            last = attributes(found[_KEY_END]).get(1, b"") if _KEY_END in found else first
            yield Key("element", set_name, _shown(first, last)), _ELEMENT


def _shown(first: bytes, last: bytes) -> str:
    if len(first) == _CONCATENATED:
        return name(protocol_name(first[0]), _PORT.unpack_from(first, 4)[0], _PORT.unpack_from(last, 4)[0])
    return str(network(first))


def name(protocol: str, first: int, last: int) -> str:
    """Name of an element of a set of type `inet_proto . inet_service`."""
    return f"{protocol} . {first}" if first == last else f"{protocol} . {first}-{last}"


def after(_key: Key, _attributes: Element, _among: Resources) -> Iterable[Key]:
    return ()


def within(key: Key, _attributes: Element) -> Key | None:
    return Key("set", "", key.owner)


def claims(key: Key, _attributes: Element) -> Iterator[str]:
    """The neighbourhoods of its ports: overlapping ranges cannot be in a set at once, so what goes makes room for what comes."""
    *protocol, ports = key.name.split(" . ")
    first, _, last = ports.partition("-")
    if first.isdigit():
        for neighbourhood in range(int(first) // _NEIGHBOURS, int(last or first) // _NEIGHBOURS + 1):
            yield f"{key.owner} {' '.join(protocol)} {neighbourhood}"


_NEIGHBOURS = 4096


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _attributes: Element, _names: Mapping[str, str]) -> str:
    return f"{key.owner}/{key.name.replace(' . ', '.')}"


def operations(change: Change, _state: State) -> Sequence[Operation]:
    verb = "delete" if change.after is None else "add"
    return (table.command(change, f"{verb} element {table.SPEC} {change.key.owner} {{ {change.key.name} }}"),)


def effect(operation: Operation, state: State) -> str | None:
    if operation.value is not None and state.get(Key("set", "", operation.key.owner)) is None:
        return "No such file or directory"
    return table.stored(operation, state)
