"""The changes of one pod as JSON values: what each is called, whom it concerns, why it is there, what it disturbs.

An address is a name that people and programs can hold on to, unique in the pod. Two keys may come to one address, since identity
is a role: where a NIC got another name in its document, its bridge is one resource deleted and one created, both called k6t-eth0.
That is one update with `replace`. What still collides (a link takes the name of one that goes) is told apart by its role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converge.model import Attributes, Change, Key, Plan, Resources, Result
from converge.report import Json
from converge.report.attributes import differing, plain
from converge.report.disruption import disruption
from converge.resources import KINDS
from converge.resources.fact_text import POD

NFT = frozenset(("table", "set", "element", "chain"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the report: one change, or a deletion and a creation under one address."""

    address: str
    key: Key
    before: Attributes | None
    after: Attributes | None
    replace: bool


def changes(result: Result) -> list[Json]:
    """In the order in which they happen."""
    observed, desired = link_names(result.observed), link_names(result.desired.resources)
    earlier, later = {**desired, **observed}, {**observed, **desired}
    return [_shown(entry, result, earlier, later) for entry in entries(result.plan, earlier, later)]


def link_names(resources: Resources) -> dict[str, str]:
    """Names of links by handle."""
    return {key.owner: value.name for key, value in resources.items() if key.kind == "link"}


def entries(plan: Plan, earlier: Mapping[str, str], later: Mapping[str, str]) -> list[Entry]:
    """`earlier` and `later`: link names by handle before and after the plan."""
    anew = {change.key for step in plan.steps for change in step.delta if change.after is None}
    found: dict[str, Entry] = {}
    for change in plan.changes:
        address = _address(change, earlier if change.after is None else later)
        replace = change.action == "update" and change.key in anew
        entry = Entry(address, change.key, change.before, change.after, replace)
        other = found.get(address)
        if other is None:
            found[address] = entry
        elif (pair := _paired(other, entry)) is not None:
            found[address] = pair
        else:
            kept, moved = (other, entry) if change.after is None else (entry, other)
            apart = _apart(moved, found)
            found[address] = kept
            found[apart] = Entry(apart, moved.key, moved.before, moved.after, moved.replace)
    return list(found.values())


def _address(change: Change, names: Mapping[str, str]) -> str:
    kind = change.key.kind
    attributes = change.before if change.after is None else change.after
    return f"{'nft' if kind in NFT else kind}/{KINDS[kind].address(change.key, attributes, names)}"


def _paired(one: Entry, other: Entry) -> Entry | None:
    """A deletion and a creation of the same kind, as the replacement that they are."""
    gone, come = (one, other) if one.after is None else (other, one)
    if one.key.kind != other.key.kind or gone.after is not None or come.before is not None:
        return None
    return Entry(one.address, come.key, gone.before, come.after, replace=True)


def _apart(entry: Entry, taken: Mapping[str, Entry]) -> str:
    short = f"{entry.address}@{entry.key.owner or entry.key.kind}"
    return short if short not in taken else f"{entry.address}@{':'.join(filter(None, entry.key))}"


def _shown(entry: Entry, result: Result, earlier: Mapping[str, str], later: Mapping[str, str]) -> Json:
    before, after = plain(entry.before, earlier), plain(entry.after, later)
    origin = result.desired.origins.get(entry.key)
    change = Change(entry.key, entry.before, entry.after)
    shown: Json = {
        "address": entry.address,
        "kind": entry.key.kind,
        "action": change.action,
        "before": before,
        "after": after,
        "nic": origin.nic if origin else nic_of(entry.key),
        "source": str(origin.at) if origin else None,
        "reason": _reason(change.action, differing(before, after), entry.replace),
        "disruption": disruption(entry.key.kind, entry.key.name, entry.before, entry.after, entry.replace),
    }
    return {**shown, "replace": True} if entry.replace else shown


def nic_of(key: Key) -> str | None:
    """The NIC that a key belongs to where no document tells: by its role, or a fact's owner."""
    if key.kind == "fact":
        return key.owner if key.owner not in ("", POD) else None
    if key.kind == "vf":
        return None
    return key.owner.partition(":")[2] or None


def _reason(action: str, differing_names: list[str], replace: bool) -> str:
    if action == "create":
        return "missing"
    if action == "delete":
        return "not desired"
    told = f"differs: {', '.join(differing_names)}" if differing_names else "belongs to another role"
    return f"{told}; cannot be changed in place" if replace else told
