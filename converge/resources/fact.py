"""Captured facts: what a plan destroys and unwiring must give back, as comments in the unhooked chain `captured` of our table.

One rule a fact, in order, readable with `nft list table inet converge`. The first line names the format. A fact is a resource
written as words: owner, kind, name, attributes. Text longer than a comment may be (128 bytes) continues in further rules that
repeat the owner and begin with "+".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from converge.engine import State
from converge.model import Attributes, Change, Key, Operation, Resources
from converge.resources import chain, table
from converge.resources.rule import Rule
from converge.resources.sysctl import Sysctl

TRANSACTION: str | None = "nft"
VERSION = Key("fact", "", "converge facts 1")
POD = "pod"
"""The owner word of what belongs to the whole pod."""


@dataclass(frozen=True, slots=True)
class Fact:
    """The key's owner is the NIC (or "pod"), its name the text. `handle` is the kernel's number of the rule, to delete it by."""

    handle: int = field(default=0, compare=False)


def decode(rules: Sequence[tuple[Rule, int]]) -> Iterator[tuple[Key, Fact]]:
    """Facts from the rules of `captured` and their handles."""
    for rule, handle in rules:
        if rule.comment == VERSION.name:
            yield VERSION, Fact(handle)
            continue
        owner, _, rest = rule.comment.partition(" ")
        yield Key("fact", owner, rest), Fact(handle)


def of_sysctl(key: Key, value: Sysctl) -> tuple[Key, Fact]:
    """The fact that a sysctl had this value: `pod sysctl NAME VALUE`, or `NIC sysctl ipv6.accept_ra VALUE`."""
    owner = key.owner.partition(":")[2] if key.owner else POD
    return Key("fact", owner, f"sysctl {key.name} {value.value}"), Fact()


def read(facts: Iterable[Key]) -> tuple[dict[Key, Attributes], list[Key]]:
    """The resources that facts describe, and the facts that cannot be understood."""
    known: dict[Key, Attributes] = {}
    strange: list[Key] = []
    for key in facts:
        if key == VERSION:
            continue
        kind, _, rest = key.name.partition(" ")
        name, _, value = rest.partition(" ")
        if kind != "sysctl" or not value:
            strange.append(key)
            continue
        owner = "" if key.owner == POD else f"pod:{key.owner}"
        known[Key("sysctl", owner, name)] = Sysctl(value)
    return known, strange


def after(key: Key, _fact: Fact, _among: Resources) -> Iterator[Key]:
    if key != VERSION:
        yield VERSION


def within(_key: Key, _fact: Fact) -> Key | None:
    return Key("chain", "", chain.CAPTURED)


def claims(_key: Key, _fact: Fact) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _fact: Fact, _names: Mapping[str, str]) -> str:
    return f"{key.owner}/{key.name}" if key.owner else key.name


def operations(change: Change, _state: State) -> Sequence[Operation]:
    name = f"{table.SPEC} {chain.CAPTURED}"
    if change.after is None:
        assert change.before is not None
        return (table.command(change, f"delete rule {name} handle {change.before.handle}"),)
    text = f"{change.key.owner} {change.key.name}".strip()
    return (table.command(change, f'add rule {name} return comment "{text}"'),)


def effect(operation: Operation, state: State) -> str | None:
    if operation.value is not None and state.get(Key("chain", "", chain.CAPTURED)) is None:
        return "No such file or directory"
    return table.stored(operation, state)
