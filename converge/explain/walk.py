"""walk(resources, packet): who receives the first packet of a flow, and what address it shows. Pure.

It goes the kernel's way through a pod: in by a link (or a bridge, where frames pass the pod by), the rules of each hook, the
routing decision between them, out by a link. What it reads is the resources alone, so it says what *they* do, whoever made
them: a port that is missing from the set, a route that is gone, forwarding that is off.

Rules for editors: what cannot be told ends in UNKNOWN with its reason, never in the likeliest answer. What is not in the
resources (other tables, policy routing, rp_filter, whether a VMM has the tap open, what the guest itself refuses) is not seen.
The theory of the two cures, `route_localnet` and the route to ::1, is in reference kernel-effects.md section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Interface, IPv6Interface, ip_address

from converge.explain.pod import LOOPBACK, Pod, Way, first_address, pod
from converge.explain.rules import Header, Match, Passage, passed
from converge.model import Resources
from converge.resources import route
from converge.resources.sysctl import FORWARDING6
from converge.resources.wire import interface


class Receiver(Enum):
    """`LOST`: dropped, refused by a router, or sent to where nobody answers."""

    GUEST = "guest"
    POD = "pod"
    OUTSIDE = "outside"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a flow. `enters` is the handle of the link on which it comes in ("pod:default", "tap:default"), ""
    for one that the pod itself sends. `protocol` is in a rule's words ("tcp", "udp", "icmp", "ipv6-icmp"); `port` is the
    destination's, None where the protocol has none. `source` may be "" for the one that the kernel chooses, if the pod sends.
    """

    enters: str
    protocol: str
    destination: str
    port: int | None = None
    source: str = ""

    @property
    def family(self) -> int:
        return ip_address(self.destination).version


@dataclass(frozen=True, slots=True)
class Trace:
    """`nic` is set where a guest receives it, or where it would. `source` and `destination` are as the receiver sees them, ""
    where that is not known. `matched` are the rules that decided, in order; `reason` says why it is lost or unknown.
    """

    receiver: Receiver
    nic: str = ""
    source: str = ""
    destination: str = ""
    matched: tuple[Match, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        who = f"the guest's NIC {self.nic}" if self.receiver is Receiver.GUEST else self.receiver.value
        words = [who, f"source {self.source}" if self.source else "", self.reason, *map(str, self.matched)]
        return "; ".join(word for word in words if word)


def walk(resources: Resources, packet: Packet) -> Trace:
    return walked(pod(resources), packet)


def walked(seen: Pod, packet: Packet) -> Trace:
    """`walk` for who asks often: the pod is indexed once."""
    if seen.elsewhere:
        return Trace(Receiver.UNKNOWN, reason=f"chain {seen.elsewhere} sits on a hook that converge does not know")
    if not packet.enters:
        return _Walk(seen, packet).sent()
    link = seen.links.get(packet.enters)
    if link is None:
        return Trace(Receiver.UNKNOWN, reason=f"the link {packet.enters} is not in this set")
    if not link.up:
        return Trace(Receiver.LOST, reason=f"{link.name} is down")
    return _Walk(seen, packet).switched() if link.master else _Walk(seen, packet).arrived(packet.enters)


def guest_address(seen: Pod, nic: str, family: int) -> str | None:
    """What the guest is told by DHCP: the one after its bridge's, or where it took the pod's over, that one."""
    if is_bridged(seen, nic):
        return first_address(seen, f"standin:{nic}", family)
    gateway = next((own for own in _own(seen, f"bridge:{nic}") if own.version == family and not own.is_link_local), None)
    return None if gateway is None else str(gateway.ip + 1)


def is_bridged(seen: Pod, nic: str) -> bool:
    """Are frames handed on between the pod link and the tap?"""
    bridge = f"bridge:{nic}"
    return any(link.master == bridge and handle != f"tap:{nic}" for handle, link in seen.links.items())


def _own(seen: Pod, handle: str) -> Iterator[IPv4Interface | IPv6Interface]:
    return (interface(name) for name, _ in seen.addresses.get(handle, ()))


@dataclass(frozen=True, slots=True)
class _Walk:
    """One packet's way. Each method is one place in the kernel, and hands over to the next."""

    pod: Pod
    packet: Packet
    matched: tuple[Match, ...] = ()

    def header(self, iif: str = "", source: str = "") -> Header:
        packet = self.packet
        return Header(packet.family, packet.protocol, packet.port, source or packet.source, packet.destination, iif)

    def lost(self, reason: str, nic: str = "") -> Trace:
        return Trace(Receiver.LOST, nic, matched=self.matched, reason=reason)

    def unknown(self, reason: str) -> Trace:
        return Trace(Receiver.UNKNOWN, matched=self.matched, reason=reason)

    def received(self, by: Receiver, header: Header, nic: str = "") -> Trace:
        return Trace(by, nic, header.source, header.destination, self.matched)

    def after(self, passage: Passage) -> _Walk:
        return replace(self, matched=(*self.matched, *passage.matched))

    def stopped(self, passage: Passage) -> Trace | None:
        """The end, if a hook's rules were one."""
        if passage.verdict == "accept":
            return None
        last = f" ({passage.matched[-1]})" if passage.matched and not passage.reason else ""
        return self.unknown(passage.reason) if passage.verdict == "unknown" else self.lost(passage.reason or f"dropped{last}")

    # -------------------------------------------------------------------------------------------------- frames

    def switched(self) -> Trace:
        """In by a port of a bridge: on to its other ports, unless it is for the bridge itself."""
        port = self.pod.links[self.packet.enters]
        bridge = self.pod.links.get(str(port.master))
        if bridge is None:
            return self.unknown(f"the bridge of {port.name} is not in this set")
        if not bridge.up:
            return self.lost(f"{bridge.name} is down")
        handle = str(port.master)
        others = [other for other in self.pod.ports(handle) if other != self.packet.enters]
        if self.pod.local.get(self.packet.destination) == handle or not others:
            return self.arrived(handle)
        if len(others) > 1 or not others[0].startswith(("pod:", "tap:")):
            return self.unknown(f"{bridge.name} has further ports, on which the receiver may be")
        return self.frame(handle, others[0])

    def frame(self, bridge: str, out: str) -> Trace:
        port, other = self.pod.links[self.packet.enters].port, self.pod.links[out].port
        if port is not None and other is not None and port.isolated and other.isolated:
            return self.lost("both ports of the bridge are isolated")
        if self.contested(out):
            return self.unknown("the pod answers ARP for an address that the guest has too (arp_ignore is off)")
        header = self.header(self.pod.links[bridge].name)
        for hook in ("prerouting", "forward", "postrouting"):
            passage = passed(self.pod, hook, replace(header, oif="" if hook == "prerouting" else header.iif))
            if passage.verdict != "accept" or passage.header.source != header.source or passage.masqueraded:
                return self.after(passage).unknown(
                    "a rule is about bridged frames; whether they meet it is br_netfilter's affair"
                )
            if passage.header.destination != header.destination:
                return self.after(passage).unknown(
                    "a rule is about bridged frames; whether they meet it is br_netfilter's affair"
                )
        if out.startswith("tap:"):
            return self.received(Receiver.GUEST, header, out.removeprefix("tap:"))
        return self.received(Receiver.OUTSIDE, header)

    def contested(self, out: str) -> bool:
        local = self.packet.family == 4 and out.startswith("tap:") and self.packet.destination in self.pod.local
        return local and self.pod.value("", "net.ipv4.conf.all.arp_ignore") == "0"

    # -------------------------------------------------------------------------------------------------- packets

    def arrived(self, handle: str) -> Trace:
        """In by a link that the IP layer listens on."""
        start = self.header(self.pod.links[handle].name)
        passage = passed(self.pod, "prerouting", start)
        walk = self.after(passage)
        if (end := walk.stopped(passage)) is not None:
            return end
        header = passage.header
        if header.family == 4 and header.source in self.pod.local and self.pod.value(handle, "ipv4.accept_local") != "1":
            return walk.lost(f"{header.source} is an address of the pod itself: a martian")
        way = self.pod.way(header.destination)
        if way.trouble:
            return walk.unknown(way.trouble) if way.unsure else walk.lost(way.trouble)
        if way.link == LOOPBACK:
            return walk.delivered(header)
        return walk.forwarded(header, handle, way)

    def delivered(self, header: Header) -> Trace:
        passage = passed(self.pod, "input", header, translated=header.iif == LOOPBACK)
        walk = self.after(passage)
        return walk.stopped(passage) or walk.received(Receiver.POD, passage.header)

    def forwarded(self, header: Header, handle: str, way: Way) -> Trace:
        owner, name = (handle, "ipv4.forwarding") if header.family == 4 else ("", FORWARDING6)
        switch = self.pod.value(owner, name)
        if switch is None:
            return self.unknown(f"whether the pod forwards IPv{header.family} was not read")
        if switch == "0":
            return self.lost(f"the pod does not forward IPv{header.family} packets that come in by {header.iif}")
        header = replace(header, oif=self.pod.links[way.link].name)
        passage = passed(self.pod, "forward", header)
        walk = self.after(passage)
        return walk.stopped(passage) or walk.leaving(passage.header, way)

    def sent(self) -> Trace:
        """By the pod itself. Where a translation gives it another destination, it is routed anew."""
        first = self.pod.way(self.packet.destination)
        if first.trouble:
            return self.unknown(first.trouble) if first.unsure else self.lost(first.trouble)
        header = self.header(source=self.packet.source or _chosen(self.pod, first, self.packet.destination))
        header = replace(header, oif=LOOPBACK if first.link == LOOPBACK else self.pod.links[first.link].name)
        passage = passed(self.pod, "output", header)
        walk = self.after(passage)
        if (end := walk.stopped(passage)) is not None:
            return end
        way = self.pod.way(passage.header.destination)
        if way.trouble:
            return walk.unknown(way.trouble) if way.unsure else walk.lost(way.trouble)
        if way.link == LOOPBACK:
            return walk.looped(passage.header)
        header = replace(passage.header, oif=self.pod.links[way.link].name)
        if _is_loopback(header.source) and not walk.lets_loopback_out(header.family, way.link):
            return walk.lost(walk.why_loopback_stays(header.family, header.oif), _nic(way.link))
        return walk.leaving(header, way)

    def looped(self, header: Header) -> Trace:
        """Over lo, where the flow's translations are already decided."""
        passage = passed(self.pod, "postrouting", replace(header, oif=LOOPBACK))
        walk = self.after(passage)
        if (end := walk.stopped(passage)) is not None:
            return end
        again = passed(self.pod, "prerouting", replace(passage.header, iif=LOOPBACK, oif=""), translated=True)
        walk = walk.after(again)
        return walk.stopped(again) or walk.delivered(again.header)

    def lets_loopback_out(self, family: int, link: str) -> bool:
        """And its answers in again: for IPv4 a sysctl, for IPv6 a local route, and no netfilter in the bridge."""
        if family == 4:
            everywhere = self.pod.value("", "net.ipv4.conf.all.route_localnet")
            return "1" in (self.pod.value(link, "ipv4.route_localnet"), everywhere)
        routes = (name for owner, name in self.pod.served if owner == link)
        served = any(route.parsed(name)[:2] == ("::1/128", route.LOCAL) for name in routes)
        return served and self.pod.value("", "net.bridge.bridge-nf-call-ip6tables") != "1"

    def why_loopback_stays(self, family: int, name: str) -> str:
        if family == 4:
            return f"route_localnet is off on {name}"
        return f"answers to ::1 do not come in by {name} (its local route is missing, or br_netfilter is in the way)"

    def leaving(self, header: Header, way: Way) -> Trace:
        passage = passed(self.pod, "postrouting", header)
        walk = self.after(passage)
        if (end := walk.stopped(passage)) is not None:
            return end
        source = _chosen(self.pod, way, header.destination) if passage.masqueraded else passage.header.source
        header = replace(passage.header, source=source)
        if not self.pod.links[way.link].up:
            return walk.lost(f"{header.oif} is down", _nic(way.link))
        if way.link.startswith("bridge:"):
            return walk.to_guest(header, way.link)
        return walk.received(Receiver.OUTSIDE, header)

    def to_guest(self, header: Header, bridge: str) -> Trace:
        nic = _nic(bridge)
        if f"tap:{nic}" not in self.pod.ports(bridge):
            return self.lost(f"no tap is up on {header.oif}", nic)
        if _is_loopback(header.source):
            return self.lost(f"it would leave with the source {header.source}, which no guest takes from a wire", nic)
        if header.destination != guest_address(self.pod, nic, header.family):
            return self.unknown(f"{header.destination} is not the address that the guest is given")
        return self.received(Receiver.GUEST, header, nic)


def _is_loopback(source: str) -> bool:
    return source != "" and ip_address(source).is_loopback


def _nic(handle: str) -> str:
    return handle.partition(":")[2]


def _chosen(seen: Pod, way: Way, destination: str) -> str:
    """The source that the kernel chooses; "" where several IPv6 addresses could be it (RFC 6724)."""
    if way.link == LOOPBACK:
        return destination
    if way.source is not None:
        return way.source
    target = ip_address(way.gateway or destination)
    own = [each for each in _own(seen, way.link) if each.version == target.version and not each.is_link_local]
    near = [each for each in own if target in each.network]
    if target.version == 6:
        held = near or own
        return str(held[0].ip) if len(held) == 1 else ""
    return str((near or own)[0].ip) if own else ""
