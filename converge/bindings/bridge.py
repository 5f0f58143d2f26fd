"""bridge: the guest takes over the pod's address, MAC and routes, so the pod must remember them (captured) to give them back.

    pod link (renamed `-nic`, no addresses, learning off) ── k6t-… (bridge) ── tap ── guest (the pod link's MAC and address)
    stand-in (a dummy, DOWN) carries the pod link's name, MAC and addresses, so that CNI CHECK and KubeVirt find them

What a NIC becomes: reference section 3.2. Different on purpose: the bridge's MAC is pinned (KubeVirt's follows whichever port
has the lowest), so the pod link's copy of it stays true; the pod link is not taken down (since Linux 6.2), so it also works
without carrier; and `accept_local` lets the guest's renewals in, which come from an address that the stand-in makes local and
would be martians.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from converge.bindings import dhcp
from converge.bindings.names import Names, names
from converge.bindings.parts import (
    bridge_role,
    global_address,
    pod_role,
    standin_role,
    tap,
    tap_role,
    taps_bridge,
    unknown_original,
)
from converge.model import Attributes, Desired, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, PodLink
from converge.resources import route
from converge.resources.address import Address
from converge.resources.link import Link, Port
from converge.resources.sysctl import Sysctl
from converge.resources.wire import interface

TAKES_OVER = True
ARP_IGNORE = "net.ipv4.conf.all.arp_ignore"
"""The stand-in's addresses are local to the namespace although it is down: without this the bridge would answer ARP for them."""

_SERVER = "169.254.75.1"
"""Text to which a NIC's position is appended: 0 gives .10, 10 gives .110 (reference section 3.2)."""


def sysctl_paths(_facts: PodFacts, _nic: Nic) -> Iterator[str]:
    yield ARP_IGNORE


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    link = facts.links[nic.name]
    refusals = tuple(_refusals(nic, link, facts))
    if refusals:
        return Desired({}, refusals=refusals)
    own = names(nic, link.original.name)  # type: ignore[union-attr]
    takes = tuple(_takes(nic, link))
    resources = dict(_links(document, nic, link, own, facts))
    resources.update(_addresses(nic, takes))
    server = server_address(document, nic, facts)
    if global_address(link, 4) is not None:
        resources[Key("address", bridge_role(nic), server)] = Address()
        resources[Key("sysctl", "", ARP_IGNORE)] = Sysctl("1")
        resources[Key("sysctl", bridge_role(nic), "ipv4.accept_local")] = Sysctl("1")
    lease6 = dhcp.handed_over6(nic, link) if nic.guest.ipv6 else None
    if lease6 is not None:
        resources.update(_private6(nic, str(lease6.server)))
    service = dhcp.served(document, nic, facts, own.bridge, (dhcp.handed_over(nic, link, server), lease6))
    resources.update(service.resources)
    origins = {key: Origin(nic.name, nic.at) for key in resources}
    return Desired(resources, origins, takes, service.refusals, service.warnings)


def _refusals(nic: Nic, link: PodLink, facts: PodFacts) -> Iterator[Diagnostic]:
    if link.original is None:
        yield unknown_original(nic, link)
    elif link.original.mac is None or link.resource.kind in ("bridge", "tun"):
        detail = f"{link.resource.name} is a {link.resource.kind or 'loopback'} link, which cannot be a port of a bridge"
        yield Diagnostic("pod link cannot be bridged", detail, nic.at, nic=nic.name)
    for key, way in link.routes if nic.name in facts.first else ():
        if way.other:
            detail = (
                f"the route {key.name} has attributes that cannot be given back ({', '.join(map(str, way.other))})\n"
                "a binding that takes over the pod's routes would lose it; use masquerade"
            )
            yield Diagnostic("route cannot be captured", detail, nic.at, nic=nic.name)
    for key, _ in link.tied if nic.name in facts.first else ():
        detail = (
            f"the route {key.name} leads over other links too, or names the pod's address as its source on one\n"
            "it would be lost with the address and could not be given back; use masquerade, or take the route away"
        )
        yield Diagnostic("route cannot be captured", detail, nic.at, nic=nic.name)


def _takes(nic: Nic, link: PodLink) -> Iterator[tuple[Key, Attributes]]:
    """The link, its addresses, its routes. What router advertisements taught comes back with the next one, and is not
    captured.
    """
    yield Key("link", pod_role(nic)), link.original
    for key, address in link.addresses:
        if not (address.dynamic and ":" in key.name):
            yield key, address
    for key, way in link.routes:
        if way.protocol != "ra" and not (key.name.startswith("fe80:") and way.protocol == "kernel"):
            yield key, way


def _links(document: GuestNetwork, nic: Nic, link: PodLink, own: Names, facts: PodFacts) -> Iterator[tuple[Key, Attributes]]:
    original: Link = link.original  # type: ignore[assignment]
    mac = bridge_mac(str(original.mac))
    standin = facts.standins.get(nic.name) or facts.standin
    yield Key("link", bridge_role(nic)), taps_bridge(nic, own.bridge, original.mtu, mac)
    yield (
        Key("link", pod_role(nic)),
        replace(
            link.resource,
            name=own.renamed,
            mac=mac,
            mtu=original.mtu,
            up=True,
            master=bridge_role(nic),
            mark=pod_role(nic),
            port=Port(learning=False),
        ),
    )
    yield Key("link", tap_role(nic)), tap(document, nic, own.tap, original.mtu)
    yield (
        Key("link", standin_role(nic)),
        Link(original.name, standin, up=False, mtu=original.mtu, mac=original.mac, mark=standin_role(nic)),
    )


def _addresses(nic: Nic, takes: tuple[tuple[Key, Attributes], ...]) -> Iterator[tuple[Key, Attributes]]:
    """The stand-in's: the same, with the broadcast address that KubeVirt computes for all but point-to-point prefixes."""
    for key, _ in takes:
        if key.kind != "address":
            continue
        own = interface(key.name)
        wide = own.version == 4 and own.network.prefixlen < 31
        scope = 253 if own.version == 6 and own.is_link_local else 0
        value = Address(broadcast=str(own.network.broadcast_address) if wide else None, scope=scope, nodad=own.version == 6)
        yield Key("address", standin_role(nic), key.name), value


def _private6(nic: Nic, interface: str) -> Iterator[tuple[Key, Attributes]]:
    """The bridge's own IPv6 network, by which dnsmasq finds the one whose address is handed over."""
    bridge = bridge_role(nic)
    yield Key("address", bridge, interface), Address(nodad=True)
    yield Key("sysctl", bridge, "ipv6.disable_ipv6"), Sysctl("0")
    connected = route.connected(bridge, interface, 0, None)
    if connected is not None:
        yield connected


def bridge_mac(pod_mac: str) -> str:
    """A locally administered address that is the same whenever this pod link is wired, and is not the guest's."""
    from hashlib import sha256

    return "02:" + sha256(f"bridge {pod_mac}".encode()).digest()[:5].hex(":")


def server_address(document: GuestNetwork, nic: Nic, facts: PodFacts) -> str:
    """The bridge's own address, which is also the DHCP server's. One that it has is kept, so that a NIC's leaving moves no other;
    a new one is numbered by the NIC's position, or the next free number.
    """
    given = dict(facts.bridge_addresses)
    for position, other in enumerate(document.nics):
        if other.name not in given and other.binding == nic.binding:
            given[other.name] = _free(position, set(given.values()))
    return given[nic.name]


def _free(position: int, taken: set[str]) -> str:
    for number in range(position, position + 256):
        text = f"{_SERVER}{number % 100}"
        if f"{ip_address(text)}/32" not in taken:
            return f"{text}/32"
    return f"{_SERVER}{position % 100}/32"
