"""Sets of our table and their elements. A port is one element, so adding one touches nothing else and costs the same at any
size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources import table
from converge.resources.wire import attributes, messages, network, text

TRANSACTION: str | None = "nft"


@dataclass(frozen=True, slots=True)
class NftSet:
    """`type` in nft's words ("inet_proto . inet_service"). `map`: it also holds data, which no set of ours does. `forgets`:
    it has a timeout, a size, or is filled by rules, so that it may refuse or lose an element.
    """

    type: str
    interval: bool = False
    map: bool = False
    forgets: bool = False


_NAME, _FLAGS, _KEY_TYPE, _DESCRIPTION, _TIMEOUT = 2, 3, 4, 9, 11
_ANONYMOUS, _INTERVAL, _MAP, _FORGETS = 0x1, 0x4, 0x8, 0x30
_SIZE = 1  # NFTA_SET_DESC_SIZE
_TYPES = {12: "inet_proto", 13: "inet_service"}
_TYPE_BITS = 6  # libnftables: a concatenation is its parts, 6 bits each


def decode(dump: bytes) -> Iterator[tuple[Key, NftSet]]:
    """Named sets; anonymous ones belong to their rule."""
    for _, start, end in messages(dump):
        found = attributes(dump, start + 4, end)
        flags = network(found.get(_FLAGS, b""))
        if not flags & _ANONYMOUS:
            kind = _type(network(found.get(_KEY_TYPE, b"")))
            limited = _TIMEOUT in found or _SIZE in attributes(found.get(_DESCRIPTION, b""))
            value = NftSet(kind, bool(flags & _INTERVAL), bool(flags & _MAP), limited or bool(flags & _FORGETS))
            yield Key("set", "", text(found[_NAME])), value


def _type(number: int) -> str:
    parts: list[str] = []
    while number:
        part = number & ((1 << _TYPE_BITS) - 1)
        parts.insert(0, _TYPES.get(part, str(part)))
        number >>= _TYPE_BITS
    return " . ".join(parts)


def after(_key: Key, value: NftSet, among: Resources) -> Iterator[Key]:
    """A map may hold verdicts, and so jump to any chain that is not hooked."""
    if value.map:
        yield from (key for key, chain in among.items() if key.kind == "chain" and chain.hook is None)


def within(_key: Key, _attributes: NftSet) -> Key | None:
    return table.KEY


def claims(_key: Key, _attributes: NftSet) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _attributes: NftSet, _names: Mapping[str, str]) -> str:
    return key.name


def operations(change: Change, state: State) -> Sequence[Operation]:
    """A set of another type is made anew; the chains that look into it are emptied first, and filled again by their own
    change.
    """
    name = f"{table.SPEC} {change.key.name}"
    drop = f"delete {'map' if change.before and change.before.map else 'set'} {name}"
    if change.after is None:
        return (table.command(change, drop),)
    make = f"add set {name} {{ type {change.after.type};{' flags interval;' if change.after.interval else ''} }}"
    if change.before is None:
        return (table.command(change, make),)
    emptied = (
        Operation("nft", key, (("", f"flush chain {table.SPEC} {key.name}"),), value=replace(chain, rules=()))
        for key, chain in state.of("chain")
        if any(statement.value == change.key.name for rule in chain.rules for statement in rule.statements)
    )
    return (*emptied, Operation("nft", change.key, (("", drop),)), table.command(change, make))


def effect(operation: Operation, state: State) -> str | None:
    return table.stored(operation, state)
