"""Captured facts: what a plan destroys and unwiring must give back, as comments in the unhooked chain `captured` of our table.

One rule a fact, in order, readable with `nft list table inet converge`. The first line names the format. How a fact is
spelled is in fact_text. A comment holds 128 bytes: a longer fact continues in further rules that repeat the owner and say
"+".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources import chain, table
from converge.resources.rule import Rule

TRANSACTION: str | None = "nft"
VERSION = Key("fact", "", "converge facts 1")
NO_FACT = Key("fact", "", "")
"""All rules of the chain that have no comment. No version writes such a one: they are somebody's, in a table that is ours."""

LONGEST = 128
"""Bytes of a comment (libnftables)."""
_MORE = "+"


@dataclass(frozen=True, slots=True)
class Fact:
    """The key's owner is the NIC (or "pod"), its name the text. `handles` are the kernel's numbers of its rules, to delete
    them by; `order` is the place in the chain.
    """

    handles: tuple[int, ...] = field(default=(), compare=False)
    order: int = field(default=0, compare=False)


def decode(rules: Sequence[tuple[Rule, int]]) -> Iterator[tuple[Key, Fact]]:
    """Facts from the rules of `captured` and their handles. A rule without a comment is none, and interrupts none."""
    foreign = tuple(handle for rule, handle in rules if not rule.comment)
    if foreign:
        yield NO_FACT, Fact(foreign)
    key, fact = VERSION, Fact()
    for order, (rule, handle) in enumerate(each for each in rules if each[0].comment):
        owner, _, rest = rule.comment.partition(" ")
        if rest.startswith(_MORE + " ") and owner == key.owner:
            key = key._replace(name=f"{key.name} {rest.removeprefix(_MORE + ' ')}")
            fact = Fact((*fact.handles, handle), fact.order)
            continue
        if fact.handles:
            yield key, fact
        key = VERSION if rule.comment == VERSION.name else Key("fact", owner, rest)
        fact = Fact((handle,), order)
    if fact.handles:
        yield key, fact


def lines(key: Key) -> Iterator[str]:
    """The comments of one fact, cut at blanks."""
    start = f"{key.owner} " if key.owner else ""
    line = start
    for word in key.name.split(" "):
        if len(line) + len(word) > LONGEST:
            yield line.rstrip()
            line = f"{start}{_MORE} "
        line += f"{word} "
    yield line.rstrip()


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, value: Fact, among: Resources) -> Iterator[Key]:
    """The line that names the format, and the facts before it: their order is the order of addresses and routes."""
    if key == VERSION:
        return
    yield VERSION
    yield from (other for other, before in among.items() if other.kind == "fact" and before.order < value.order)


def within(_key: Key, _fact: Fact) -> Key | None:
    return Key("chain", "", chain.CAPTURED)


def claims(_key: Key, _fact: Fact) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _fact: Fact, _names: Mapping[str, str]) -> str:
    return f"{key.owner}/{key.name}" if key.owner else key.name or "rule without comment"


def operations(change: Change, _state: State) -> Sequence[Operation]:
    name = f"{table.SPEC} {chain.CAPTURED}"
    if change.after is None:
        assert change.before is not None
        return (table.command(change, *(f"delete rule {name} handle {handle}" for handle in change.before.handles)),)
    comments = [f' comment "{line}"' for line in lines(change.key)] if change.key != NO_FACT else [""]
    return (table.command(change, *(f"add rule {name} return{comment}" for comment in comments)),)


def effect(operation: Operation, state: State) -> str | None:
    if operation.value is not None and state.get(Key("chain", "", chain.CAPTURED)) is None:
        return "No such file or directory"
    return table.stored(operation, state)
