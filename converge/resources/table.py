"""Our nftables table, `inet converge`. All that is in it is ours, and nothing outside of it is ever looked at or touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources.wire import attributes, messages, network, text

TRANSACTION: str | None = "nft"
NAME = "converge"
SPEC = f"inet {NAME}"
KEY = Key("table", "", NAME)


@dataclass(frozen=True, slots=True)
class Table:
    """`dormant`: its chains see no packets."""

    dormant: bool = False


_NAME, _FLAGS, _DORMANT = 1, 2, 1


def decode(dump: bytes) -> Iterator[tuple[Key, Table]]:
    for _, start, end in messages(dump):
        found = attributes(dump, start + 4, end)
        yield Key("table", "", text(found[_NAME])), Table(bool(network(found.get(_FLAGS, b"")) & _DORMANT))


def after(_key: Key, _attributes: Table, _among: Resources) -> Iterable[Key]:
    return ()


def within(_key: Key, _attributes: Table) -> Key | None:
    return None


def claims(_key: Key, _attributes: Table) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _attributes: Table, _names: Mapping[str, str]) -> str:
    return key.name


def operations(change: Change, _state: State) -> Sequence[Operation]:
    if change.after is None:
        return (command(change, f"delete table {SPEC}"),)
    if change.before is None:
        return (command(change, f"add table {SPEC}"),)
    # A transaction of its own: the kernel refuses to wake a table and to change its base chains at once.
    return (replace(command(change, f"add table {SPEC} {{ }}"), call="nft alone"),)


def effect(operation: Operation, state: State) -> str | None:
    return stored(operation, state)


def command(change: Change, *lines: str) -> Operation:
    """An nft operation that leaves the resource as the change wants it."""
    return Operation("nft", change.key, tuple(("", line) for line in lines), value=change.after)


def stored(operation: Operation, state: State) -> str | None:
    """The effect of every nft command: the resource is as written, or gone. nftables has no side effects but containment."""
    if operation.value is None:
        if state.get(operation.key) is None:
            return "No such file or directory"
        state.remove(operation.key)
        return None
    if operation.key != KEY and state.get(KEY) is None:
        return "No such file or directory"
    state.put(operation.key, operation.value)
    return None
