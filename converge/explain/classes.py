"""All flows that two sets of resources could treat differently, as classes: nothing that either set names lies inside of one.

The port space is cut at every boundary of every element and rule of either set; protocols and addresses that they name stand
for themselves, one more of each for all others. So what holds for one flow of a class holds for all of it: exact, not sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import pairwise

from converge.bindings.names import bridge_name
from converge.explain.flow import LOOPBACKS, Flow, Origin, follow, pod_address, shows
from converge.explain.members import ANY
from converge.explain.pod import LOOPBACK, Pod, first_address
from converge.explain.rules import OTHER, holds_port, named
from converge.explain.walk import Receiver, guest_address

LAST = 65535
FAMILIES = (4, 6)
_WITH_PORTS = ("tcp", "udp")
_ALSO_WITH_PORTS = frozenset(("sctp", "33", "136"))  # DCCP and UDP-Lite, which rules know by number
_PORTLESS = ("icmp",)


@dataclass(frozen=True, slots=True)
class Context:
    """Flows that differ in family, protocol and port only. `source` and `destination` are set where rules name them; `device` is
    the name of a link that is no NIC's.
    """

    origin: Origin
    nic: str = ""
    link: str = ""
    source: str = ""
    destination: str = ""
    device: str = ""

    @property
    def family(self) -> int | None:
        """The only family that it has, where an address says so."""
        given = self.source or self.destination
        return ip_address(given).version if given else None


@dataclass(frozen=True, slots=True)
class Span:
    """Ports of one protocol and family, both ends included; (0, 0) for a protocol without ports."""

    family: int
    protocol: str
    first: int
    last: int

    def flow(self, context: Context) -> Flow:
        port = None if self.last == 0 else self.first
        return Flow(
            context.origin, self.family, self.protocol, port, context.nic, context.link, context.source, context.destination
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a class: see `Trace`, and `flow.shows`. Lost is lost, for whatever reason."""

    receiver: Receiver
    nic: str
    shows: str
    reason: str

    def same(self, other: Outcome) -> bool:
        return (self.receiver, self.nic, self.shows) == (other.receiver, other.nic, other.shows)


@dataclass(frozen=True, slots=True)
class Difference:
    context: Context
    span: Span
    before: Outcome
    after: Outcome


def outcome(seen: Pod, flow: Flow) -> Outcome:
    trace = follow(seen, flow)
    gone = trace.receiver in (Receiver.LOST, Receiver.UNKNOWN)
    return Outcome(trace.receiver, "" if gone else trace.nic, "" if gone else shows(seen, flow, trace), trace.reason)


def differences(before: Pod, after: Pod, found: Iterable[Context]) -> Iterator[Difference]:
    """What is not the same, or cannot be told, neighbours joined."""
    found = tuple(found)
    spans = [(span, _signature((before, after), span)) for span in _spans(before, after)]
    for context in found:
        known: dict[_Signature, tuple[Outcome, Outcome]] = {}
        last: Difference | None = None
        for span, signature in spans:
            if context.family not in (None, span.family):
                continue
            if signature not in known:
                flow = span.flow(context)
                known[signature] = outcome(before, flow), outcome(after, flow)
            difference = Difference(context, span, *known[signature])
            if last is not None and _joins(last, difference):
                joined = Span(span.family, span.protocol, last.span.first, span.last)
                last = Difference(context, joined, last.before, last.after)
                continue
            if last is not None and _matters(last):
                yield last
            last = difference
        if last is not None and _matters(last):
            yield last


_Signature = tuple[object, ...]


def _signature(both: Iterable[Pod], span: Span) -> _Signature:
    """What rules can tell of its port: spans of one signature go the same ways, so a thousand ports are a few walks."""
    port = span.first or None
    told: list[object] = [span.family, span.protocol]
    for seen in both:
        told += [held.holds(span.protocol, port) for held in seen.sets.values()]
        told += [holds_port(item, port) for item in named(seen) if item.subject == "th dport" and item.verb == "match"]
    return tuple(told)


def _joins(first: Difference, second: Difference) -> bool:
    one, two = first.span, second.span
    adjacent = (one.family, one.protocol) == (two.family, two.protocol) and one.last + 1 == two.first
    return adjacent and (first.before, first.after) == (second.before, second.after)


def _matters(difference: Difference) -> bool:
    before, after = difference.before, difference.after
    return not before.same(after) or Receiver.UNKNOWN in (before.receiver, after.receiver)


# ------------------------------------------------------------------------------------------------- protocols and ports


def families(before: Pod, after: Pod, links: Iterable[str]) -> frozenset[int]:
    """Those of which one of the links has an address that others can reach, or that rules are about. Of another family only
    loopback is left, which is asked about too; but nobody misses it.
    """
    handles = tuple(links)
    return frozenset(family for family in FAMILIES if any(_has(seen, family, handles) for seen in (before, after)))


def _has(seen: Pod, family: int, links: Iterable[str]) -> bool:
    own = any(first_address(seen, handle, family) for handle in links)
    prefix = {4: ("ip", "ip "), 6: ("ip6", "ip6 ")}[family]
    said = (
        item.value == f"ipv{family}" or item.subject == prefix[0] or item.subject.startswith(prefix[1]) for item in named(seen)
    )
    return own or any(said)


def protocols(before: Pod, after: Pod) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those with ports, and those without, OTHER last."""
    said = {word for seen in (before, after) for held in seen.sets.values() for word in held.ranges if word != ANY}
    said |= {item.value for seen in (before, after) for item in named(seen) if item.subject == "meta l4proto"}
    said -= {*_WITH_PORTS, *_PORTLESS, "ipv6-icmp"}
    said = {word for word in said if not word.startswith("@") and _is_protocol(word, (before, after))}
    with_ports = sorted(said & _ALSO_WITH_PORTS)
    return (*_WITH_PORTS, *with_ports), (*_PORTLESS, *sorted(said - _ALSO_WITH_PORTS), OTHER)


def _is_protocol(word: str, both: Iterable[Pod]) -> bool:
    """Not the name of a set, which stands in the same place of a look-up."""
    return not any(word in seen.sets for seen in both)


def _spans(before: Pod, after: Pod) -> Iterator[Span]:
    with_ports, without = protocols(before, after)
    for family in FAMILIES:
        for protocol in with_ports:
            cuts = sorted({1, LAST + 1, *(cut for seen in (before, after) for cut in _cuts(seen, protocol))})
            cuts = [cut for cut in cuts if 1 <= cut <= LAST + 1]
            for first, following in pairwise(cuts):
                yield Span(family, protocol, first, following - 1)
        for protocol in without:
            yield Span(family, protocol, 0, 0)


def _cuts(seen: Pod, protocol: str) -> Iterator[int]:
    """First ports behind which something may be different."""
    for held in seen.sets.values():
        for first, last in (*held.ranges.get(protocol, ()), *held.ranges.get(ANY, ())):
            yield first
            yield last + 1
    for item in named(seen):
        if item.subject == "th dport" and item.verb == "match" and item.value.isdigit():
            yield int(item.value)
            yield int(item.value) + 1


# --------------------------------------------------------------------------------------------------- who asks whom


def contexts(before: Pod, after: Pod, nics: Iterable[str]) -> Iterator[Context]:
    """`nics`: all that either set has. Addresses that rules name are asked about on their own."""
    both = before, after
    names = tuple(nics)
    sources, destinations = _named(both, "saddr"), _named(both, "daddr")
    own = {address for seen in both for address in seen.local}
    own |= {address for seen in both for nic in names for family in FAMILIES if (address := guest_address(seen, nic, family))}
    looped = [address for address in sources if _looped(address)]
    far = ("", *(address for address in destinations if address not in own and not ip_address(address).is_loopback))
    for nic, link, device in _links(both, names):
        usual = {pod_address(seen, Flow(Origin.OWN, family, "", nic=nic, link=link)) for seen in both for family in FAMILIES}
        on_link = {name.split("/")[0] for seen in both for name, _ in seen.addresses.get(link, ())}
        further = ("", *(address for address in destinations if address in on_link - usual))
        strangers = ("", *(each for each in sources if each not in own and not ip_address(each).is_loopback))
        if link:
            yield from _product(Context(Origin.OUTSIDE, nic, link, device=device), strangers, further)
            yield from _product(Context(Origin.OWN, nic, link, device=device), ("", *looped), further)
        if nic:
            yield from _product(Context(Origin.GUEST, nic, link), ("",), far)
    yield from _product(Context(Origin.LOOPBACK), ("", *looped), ("", *filter(_looped, destinations)))
    yield from _product(Context(Origin.POD), ("",), far)


def ends(found: Iterable[Context]) -> list[str]:
    """Handles of the links that the NICs have to the outside, and of what stands in for them."""
    links = {handle for each in found for handle in (each.link, f"standin:{each.nic}") if each.nic}
    return sorted(links)


def _looped(address: str) -> bool:
    return ip_address(address).is_loopback and address not in LOOPBACKS.values()


def _product(base: Context, sources: Iterable[str], destinations: Iterable[str]) -> Iterator[Context]:
    targets = tuple(destinations)
    for source in sources:
        for target in targets:
            if not source or not target or (":" in source) == (":" in target):
                yield replace(base, source=source, destination=target)


def _named(both: Iterable[Pod], field: str) -> list[str]:
    return sorted({item.value for seen in both for item in named(seen) if item.subject in (f"ip {field}", f"ip6 {field}")})


def _links(both: tuple[Pod, Pod], names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """NIC and handle of each pod link; then handle and name of each further link that was there and stays, which rules may be
    about too.
    """
    taken = {nic: _pod_link(both, nic) for nic in names}
    yield from ((nic, handle, "") for nic, handle in taken.items())
    before, after = both
    for handle, link in before.links.items():
        foreign = handle.startswith("#") and link.name != LOOPBACK and handle in after.links
        if foreign and handle not in taken.values() and before.addresses.get(handle):
            yield "", handle, link.name


def _pod_link(both: Iterable[Pod], nic: str) -> str:
    """By role, or for a NIC that leaves no mark on it, by the name that its bridge was made of; "" where nothing tells."""
    for seen in both:
        if f"pod:{nic}" in seen.links:
            return f"pod:{nic}"
    bridges = {seen.links[f"bridge:{nic}"].name for seen in both if f"bridge:{nic}" in seen.links}
    found = (handle for seen in both for handle, link in seen.links.items() if bridge_name(link.name) in bridges)
    return next(found, "")


def wiring(seen: Pod, nic: str) -> str:
    """How its packets go: "bridge", "masquerade", or "" where nothing of it is there."""
    if f"standin:{nic}" in seen.links or any(
        link.master == f"bridge:{nic}" for h, link in seen.links.items() if h == f"pod:{nic}"
    ):
        return "bridge"
    return "masquerade" if f"bridge:{nic}" in seen.links or f"tap:{nic}" in seen.links else ""


def wired_nics(both: Iterable[Pod]) -> Mapping[str, None]:
    """In a stable order."""
    roles = (handle.partition(":") for seen in both for handle in seen.links)
    return dict.fromkeys(sorted(nic for role, colon, nic in roles if colon))
