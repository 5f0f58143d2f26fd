"""Chains of our table, rules included: their order is their meaning, so a chain's rules are one attribute, rewritten in one
transaction.

Flushing a NAT chain and filling it again in one transaction leaves established connections alone (measured, kernel-effects.md 4).
The rules of the chain `captured` are facts, a kind of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources import table
from converge.resources.rule import Rule
from converge.resources.wire import attributes, messages, network, text

TRANSACTION: str | None = "nft"
CAPTURED = "captured"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a base chain sits: `type` "nat", `hook` "prerouting" ..., `priority` as a number; `policy` "accept" or "drop"."""

    type: str
    hook: str
    priority: int
    policy: str = "accept"


@dataclass(frozen=True, slots=True)
class Chain:
    """`hook` is None for a chain that only rules jump to."""

    hook: Hook | None = None
    rules: tuple[Rule, ...] = ()


_TABLE, _NAME, _HOOK, _POLICY, _TYPE = 1, 3, 4, 5, 7
_HOOKS = {0: "prerouting", 1: "input", 2: "forward", 3: "output", 4: "postrouting"}


def decode(dump: bytes, rules: Mapping[str, Sequence[Rule]]) -> Iterator[tuple[Key, Chain]]:
    """Chains of our table, out of a dump of all chains of the family. `rules` are by chain, in order."""
    for _, start, end in messages(dump):
        found = attributes(dump, start + 4, end)
        if text(found[_TABLE]) != table.NAME:
            continue
        name = text(found[_NAME])
        yield Key("chain", "", name), Chain(_hook(found), () if name == CAPTURED else tuple(rules.get(name, ())))


def _hook(found: Mapping[int, bytes]) -> Hook | None:
    if _HOOK not in found:
        return None
    place = attributes(found[_HOOK])
    hook, priority = network(place[1]), int.from_bytes(place[2], "big", signed=True)
    policy = "accept" if network(found.get(_POLICY, b"\1")) == 1 else "drop"
    return Hook(text(found.get(_TYPE, b"filter")), _HOOKS.get(hook, str(hook)), priority, policy)


def after(_key: Key, chain: Chain, _among: Resources) -> Iterator[Key]:
    """The sets that its rules look into, and the chains that they jump to."""
    for rule in chain.rules:
        for statement in rule.statements:
            if statement.verb in ("lookup", "map"):
                yield Key("set", "", statement.value)
            elif statement.verb in ("jump", "goto"):
                yield Key("chain", "", statement.value)


def within(_key: Key, _chain: Chain) -> Key | None:
    return table.KEY


def claims(_key: Key, _chain: Chain) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _chain: Chain, _names: Mapping[str, str]) -> str:
    return key.name


def operations(change: Change, _state: State) -> Sequence[Operation]:
    name = f"{table.SPEC} {change.key.name}"
    before: Chain | None = change.before
    wanted: Chain | None = change.after
    if wanted is None:
        return (table.command(change, f"flush chain {name}", f"delete chain {name}"),)
    lines: list[str] = []
    if before is not None and before.rules:
        lines.append(f"flush chain {name}")
    if before is None or before.hook != wanted.hook:
        lines += [f"delete chain {name}"] if before is not None else []
        lines.append(f"add chain {name}{_base(wanted.hook)}")
    lines += [f"add rule {name} {rule}" for rule in wanted.rules]
    return (table.command(change, *lines),)


def _base(hook: Hook | None) -> str:
    if hook is None:
        return ""
    return f" {{ type {hook.type} hook {hook.hook} priority {hook.priority}; policy {hook.policy}; }}"


def effect(operation: Operation, state: State) -> str | None:
    return table.stored(operation, state)
