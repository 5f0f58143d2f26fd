"""KubeVirt's own NAT rules, in `table ip nat` and `table ip6 nat`: seen where they are, so that ours can take their place in the
same transaction.

Nothing else of those tables is ever touched: of its two chains everything is KubeVirt's, of the base chains the
rules that jump to those, translate to the guest or exempt loopback (reference section 4.2). Base chains stay, even empty: they
are shared, and without any NAT chain the kernel would forget how established connections are translated.

A chain's rules are one resource. They can be written back, where a rollback needs that: each in front of the foreign rule that it
stood in front of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources import table

TRANSACTION: str | None = "nft"
INBOUND, OUTBOUND = "KUBEVIRT_PREINBOUND", "KUBEVIRT_POSTINBOUND"


@dataclass(frozen=True, slots=True)
class Rules:
    """`rules`: as nft prints them, without counts. `whole`: the chain itself is KubeVirt's.

    `handles` are those of the rules, and `before` those of the next foreign rule after each (0: none), which only the kernel
    knows.
    """

    rules: tuple[str, ...]
    whole: bool
    handles: tuple[int, ...] = field(default=(), compare=False)
    before: tuple[int, ...] = field(default=(), compare=False)


# --------------------------------------------------------------------------------------------------------- decoding

_CHAIN = re.compile(r"\tchain (\S+) \{")
_RULE = re.compile(r"\t\t(.+) # handle (\d+)")
_COUNTS = re.compile(r"counter packets \d+ bytes \d+")
_TO_GUEST = re.compile(r"\bdnat to (\S+)$")
_AS_GATEWAY = re.compile(r"\bsnat to (\S+)$")
_OWN_PORTS = ("49152, 49153", "15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090")
_EXEMPT = re.compile(rf"tcp dport \{{ ({'|'.join(_OWN_PORTS)}) \}} ip6? saddr (127\.0\.0\.1|::1) counter return")

Listed = list[tuple[str, int]]


def decode(listings: Mapping[str, str]) -> Iterator[tuple[Key, Rules]]:
    """`listings`: by family ("ip", "ip6"), table `nat` as `nft -a list table` prints it."""
    for family, text in listings.items():
        chains = _chains(text)
        guests = frozenset(_guests(chains))
        for name, rules in chains.items():
            whole = name in (INBOUND, OUTBOUND)
            found = [(rule, handle) for rule, handle in rules if whole or _is_theirs(name, rule, family, guests)]
            if not found and not whole:
                continue
            kept = {handle for _, handle in found}
            following = tuple(_following(handle, rules, kept) for _, handle in found)
            texts, handles = tuple(rule for rule, _ in found), tuple(handle for _, handle in found)
            yield Key("kubevirt", f"{family} nat", name), Rules(texts, whole, handles, following)


def _chains(listing: str) -> dict[str, Listed]:
    chains: dict[str, Listed] = {}
    name = ""
    for line in listing.splitlines():
        if match := _CHAIN.match(line):
            name = match.group(1)
            chains[name] = []
        elif name and (match := _RULE.fullmatch(line)):
            chains[name].append((_COUNTS.sub("counter", match.group(1)), int(match.group(2))))
    return chains


def _guests(chains: Mapping[str, Listed]) -> Iterator[str]:
    """The guest's address: what its chains translate to, or the one after the gateway's."""
    for rule, _ in chains.get(INBOUND, ()):
        if match := _TO_GUEST.search(rule):
            yield match.group(1)
    for rule, _ in chains.get(OUTBOUND, ()):
        if match := _AS_GATEWAY.search(rule):
            yield str(ip_address(match.group(1)) + 1)


def _is_theirs(chain: str, rule: str, family: str, guests: frozenset[str]) -> bool:
    if chain == "prerouting":
        return rule.endswith(f" counter jump {INBOUND}")
    if chain == "postrouting":
        return rule.endswith(f" counter jump {OUTBOUND}") or any(
            rule == f"{family} saddr {guest} counter masquerade" for guest in guests
        )
    if chain == "output":
        match = _TO_GUEST.search(rule)
        translated = match is not None and match.group(1) in guests and rule.startswith(f"{family} daddr ")
        return translated or _EXEMPT.fullmatch(rule) is not None
    return False


def _following(handle: int, rules: Listed, ours: set[int]) -> int:
    """The next rule that is not KubeVirt's."""
    passed = False
    for _, other in rules:
        if passed and other not in ours:
            return other
        passed |= other == handle
    return 0


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, rules: Rules, _among: Resources) -> Iterator[Key]:
    """The chain that its rules jump to."""
    for name in (INBOUND, OUTBOUND):
        if any(rule.endswith(f" jump {name}") for rule in rules.rules):
            yield Key("kubevirt", key.owner, name)


def within(_key: Key, _rules: Rules) -> Key | None:
    return None


def claims(_key: Key, _rules: Rules) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _rules: Rules, _names: Mapping[str, str]) -> str:
    return f"{key.owner.replace(' ', '/')}/{key.name}"


def operations(change: Change, _state: State) -> Sequence[Operation]:
    name = f"{change.key.owner} {change.key.name}"
    before: Rules | None = change.before
    wanted: Rules | None = change.after
    lines: list[str] = []
    if before is not None and before.whole:
        lines += [f"flush chain {name}", *([f"delete chain {name}"] if wanted is None else [])]
    elif before is not None:
        lines += [f"delete rule {name} handle {handle}" for handle in before.handles]
    if wanted is not None:
        lines += [f"add chain {name}"] if before is None and wanted.whole else []
        lines += [_written(name, rule, place) for rule, place in zip(wanted.rules, wanted.before, strict=True)]
    return (table.command(change, *lines),)


def _written(chain: str, rule: str, place: int) -> str:
    return f"insert rule {chain} handle {place} {rule}" if place else f"add rule {chain} {rule}"


def effect(operation: Operation, state: State) -> str | None:
    if operation.value is not None:
        state.put(operation.key, operation.value)
    elif state.get(operation.key) is None:
        return "No such file or directory"
    else:
        state.remove(operation.key)
    return None
