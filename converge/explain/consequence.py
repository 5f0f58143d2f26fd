"""The packet-level consequence of a plan, in words: which flows have another receiver, and that nothing else changes.

It is a comparison of two walks, before and after, over classes of flows (see `classes`), so it is as exact as the walk is, and
what the walk cannot tell is said in a sentence of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from converge.explain.classes import (
    Context,
    Difference,
    Outcome,
    Span,
    contexts,
    differences,
    ends,
    families,
    protocols,
    wired_nics,
    wiring,
)
from converge.explain.flow import Flow
from converge.explain.pod import Pod, pod
from converge.explain.walk import Receiver, guest_address
from converge.explain.words import Traffic, change_words, context_words, joined, traffic_words
from converge.model import Nic, Plan, Resources
from converge.resources import table
from converge.resources.identity import rekeyed


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` has no capital and no full stop. `kind`: "nic" (a NIC comes, goes or changes), "flow" (another receiver), "unsure"
    (cannot be told) or "rest" (the last one, always there). `about` are the classes that a "flow" or "unsure" is about.
    """

    text: str
    kind: str
    about: tuple[tuple[Context, Span], ...] = ()

    def __str__(self) -> str:
        return self.text

    def covers(self, flow: Flow) -> bool:
        return any(
            (context.origin, context.nic, context.source, context.destination)
            == (flow.origin, flow.nic, flow.source, flow.destination)
            and (context.nic != "" or context.link == flow.link)
            and (span.family, span.protocol) == (flow.family, flow.protocol)
            and span.first <= (flow.port or 0) <= span.last
            for context, span in self.about
        )


NOTHING = Sentence("nothing changes for any packet", "rest")
REST = Sentence("nothing else changes", "rest")
UNSURE_REST = Sentence("nothing else changes, as far as can be told", "rest")


def settled(observed: Resources, plan: Plan) -> Resources:
    """The set that a plan leads to, as it predicts it: what `consequences` takes as `after`."""
    found = dict(observed)
    for change in (change for step in plan.steps for change in step.delta):
        if change.after is None:
            found.pop(change.key, None)
        else:
            found[change.key] = change.after
    return found


def consequences(
    before: Resources, after: Resources, nics: Iterable[Nic], *, foreign: Collection[str] = ()
) -> tuple[Sentence, ...]:
    """Sentences in the order in which they are to be read; the last says that nothing else changes, or that nothing does.

    Both are whole sets as observed (addresses and routes of the pod included), or as `settled` from one. `nics`: the document's,
    none where the pod is to be unwired. `foreign`: names of other nft tables that are known to be in the pod.
    """
    if before == after:
        return (NOTHING,)
    before, after = _aligned(before, after), _aligned(after, before)
    old, new = pod(before), pod(after)
    known = {nic.name: nic for nic in nics}
    names = tuple(dict.fromkeys((*known, *wired_nics((old, new)))))
    asked = tuple(contexts(old, new, names))
    found = tuple(differences(old, new, asked))
    every = tuple(word for kind in protocols(old, new) for word in kind)
    words = _Words(families(old, new, ends(asked)), every, len(names) > 1)
    sentences = [*_nics((old, new), (_servers(before), _servers(after)), names, known), *words.flows(found)]
    unsure = [*words.unsure(found), *_unread(before, after, new, known, foreign)]
    if not sentences and not unsure:
        return (NOTHING,)
    return (*sentences, *unsure, UNSURE_REST if unsure else REST)


def _aligned(resources: Resources, other: Resources) -> Resources:
    """The same link under the same handle in both sets: one may know a role where the other has only the number."""
    roles = {f"#{value.index}": key.owner for key, value in other.items() if key.kind == "link" and value.index}
    own = {key.owner for key in resources if key.kind == "link"}
    return rekeyed(resources, {handle: role for handle, role in roles.items() if handle in own and role not in own})


# ----------------------------------------------------------------------------------------------------------- whole NICs


@dataclass(frozen=True, slots=True)
class _Place:
    """One NIC in one set: how its packets go ("" where nothing of it is there), and the guest's addresses as a clause."""

    way: str
    addresses: str
    clause: str


def _place(seen: Pod, nic: str, servers: Mapping[str, str]) -> _Place:
    way = wiring(seen, nic) or servers.get(nic, "")
    addresses = joined([address for family in (4, 6) if (address := guest_address(seen, nic, family))]) if way else ""
    verb = "takes over" if way == "bridge" else "is given"
    return _Place(way, addresses, f"; its guest {verb} {addresses}" if addresses else "")


def _nics(
    both: tuple[Pod, Pod], servers: tuple[Mapping[str, str], Mapping[str, str]], names: Iterable[str], known: Mapping[str, Nic]
) -> Iterator[Sentence]:
    for name in names:
        old, new = (_place(seen, name, served) for seen, served in zip(both, servers, strict=True))
        binding = (known[name].plugin or known[name].binding) if name in known else new.way
        was = f" (was {old.addresses})" if new.addresses and old.addresses else ""
        if not old.way and new.way:
            yield Sentence(f"NIC {name} is new ({binding}){new.clause}", "nic")
        elif old.way and not (new.way or name in known):
            yield Sentence(f"NIC {name} goes: its guest has no network any more", "nic")
        elif old.way != new.way:
            yield Sentence(f"NIC {name} changes from {old.way} to {binding}{new.clause}{was}", "nic")
        elif was and new.addresses != old.addresses:
            yield Sentence(f"the guest of NIC {name} is given {new.addresses} from its next lease on{was}", "nic")


def _servers(resources: Resources) -> dict[str, str]:
    """Programs by NIC that take packets themselves, past the rules."""
    served = (key for key in resources if key.kind == "process" and key.name not in _READ)
    return {key.owner.partition(":")[2]: key.name for key in sorted(served)}


_READ = ("dnsmasq",)
"""Programs that take no packet away from the rules."""


def _unread(
    before: Resources, after: Resources, new: Pod, known: Mapping[str, Nic], foreign: Collection[str]
) -> Iterator[Sentence]:
    """What also decides, and is not in the rules."""
    served = _servers(before) | _servers(after)
    for nic, program in sorted(served.items()):
        yield Sentence(f"{program} serves NIC {nic}: which packets it takes is not in the rules", "unsure")
    for document in known.values():
        if not wiring(new, document.name) and document.name not in served:
            binding = document.plugin or document.binding
            text = f"what reaches the guest by NIC {document.name} ({binding}) is not in the rules"
            yield Sentence(text, "unsure")
    others = sorted({*foreign, *(key.name for key in (*before, *after) if key.kind == "table")} - {table.NAME})
    if others:
        yield Sentence(
            f"other nft tables are in the pod ({joined(others)}): they are not read, and may decide otherwise", "unsure"
        )


# ---------------------------------------------------------------------------------------------------------------- flows

_ELSEWHERE = Outcome(Receiver.LOST, "", "", "")
_Told = tuple[Outcome, Outcome]


@dataclass(frozen=True, slots=True)
class _Words:
    """`families`: those that the pod uses; `protocols`: all there are; `several`: there is more than one NIC."""

    families: frozenset[int]
    protocols: tuple[str, ...]
    several: bool

    def flows(self, found: Iterable[Difference]) -> Iterator[Sentence]:
        told: dict[_Told, list[Difference]] = {}
        for each in found:
            if Receiver.UNKNOWN not in (each.before.receiver, each.after.receiver):
                told.setdefault(_told(each.before, each.after), []).append(each)
        for (before, after), same in told.items():
            for subject, plural, about in self.subjects(same):
                yield Sentence(f"{subject} {change_words(before, after, plural)}", "flow", about)

    def unsure(self, found: Iterable[Difference]) -> Iterator[Sentence]:
        told: dict[tuple[str, str], list[Difference]] = {}
        for each in found:
            if each.after.receiver is Receiver.UNKNOWN:
                told.setdefault(("becomes", each.after.reason), []).append(each)
            elif each.before.receiver is Receiver.UNKNOWN:
                told.setdefault(("has so far become", each.before.reason), []).append(each)
        for (becomes, reason), same in told.items():
            subjects = list(self.subjects(same))
            about = tuple(place for _, _, places in subjects for place in places)
            yield Sentence(
                f"what {becomes} of {joined([text for text, _, _ in subjects])} cannot be told: {reason}", "unsure", about
            )

    def subjects(self, same: Iterable[Difference]) -> Iterator[tuple[str, bool, tuple[tuple[Context, Span], ...]]]:
        """Traffic with who sends it, joined where it is the same from several places."""
        by_context: dict[Context, dict[int, dict[str, list[tuple[int, int]]]]] = {}
        for each in same:
            ranges = by_context.setdefault(each.context, {}).setdefault(each.span.family, {})
            ranges.setdefault(each.span.protocol, []).append((each.span.first, each.span.last))
        groups: dict[tuple[Traffic, str], list[tuple[Context, tuple[int, ...]]]] = {}
        for context, by_family in by_context.items():
            for traffic, versions in _agreed(by_family):
                groups.setdefault((traffic, self.family_words(context, versions)), []).append((context, versions))
        for (traffic, family), places in groups.items():
            words, plural = traffic_words(traffic, self.protocols)
            about = tuple(
                (context, Span(version, protocol, *range_))
                for context, versions in places
                for version in versions
                for protocol, ranges in traffic
                for range_ in ranges
            )
            whence = joined(list(dict.fromkeys(context_words(context, self.several) for context, _ in places)))
            yield f"{words}{family} {whence}", plural, about

    def family_words(self, context: Context, versions: tuple[int, ...]) -> str:
        """Said only where the other family is not alike."""
        used = {context.family} if context.family is not None else self.families
        return "" if used and used <= set(versions) else f" over {joined([f'IPv{version}' for version in versions])}"


def _told(before: Outcome, after: Outcome) -> _Told:
    """What of two outcomes is told: whose address is seen only where that is the change, or where it leaves the pod; where it
    went before only if that was the guest, or if it ends.
    """
    lost = after.receiver is Receiver.LOST
    alike = (before.receiver, before.nic) == (after.receiver, after.nic)
    shown = alike or after.receiver is Receiver.OUTSIDE
    here = after.receiver in (Receiver.GUEST, Receiver.POD) and before.receiver is not Receiver.GUEST and not alike
    return (
        _ELSEWHERE if here else Outcome(before.receiver, before.nic, before.shows if alike else "", ""),
        Outcome(after.receiver, after.nic, after.shows if shown else "", after.reason if lost else ""),
    )


def _agreed(by_family: Mapping[int, Mapping[str, list[tuple[int, int]]]]) -> Iterator[tuple[Traffic, tuple[int, ...]]]:
    found: dict[Traffic, tuple[int, ...]] = {}
    for family, ranges in by_family.items():
        traffic = tuple((protocol, tuple(held)) for protocol, held in ranges.items())
        found[traffic] = (*found.get(traffic, ()), family)
    yield from found.items()
