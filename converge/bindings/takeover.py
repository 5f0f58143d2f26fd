"""What bindings have in common that take the pod link over: it becomes a port of a bridge with the guest's tap, and a stand-in
keeps its name, MAC and addresses. Whatever is lost by that is captured.

    pod link (renamed `-nic`, no addresses, learning off) ── k6t-… (bridge) ── tap ── guest (the pod link's MAC and address)
    stand-in (a dummy, DOWN) carries the pod link's name, MAC and addresses, so that CNI CHECK and KubeVirt find them
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converge.bindings.names import Names, names
from converge.bindings.parts import (
    bridge_role,
    derived_mac,
    global_address,
    pod_role,
    standin_role,
    tap,
    tap_device,
    tap_role,
    taps_bridge,
    unknown_original,
)
from converge.model import Attributes, Desired, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, PodLink
from converge.resources.address import Address
from converge.resources.link import Link, Port
from converge.resources.sysctl import Sysctl
from converge.resources.wire import interface

ARP_IGNORE = "net.ipv4.conf.all.arp_ignore"
"""The stand-in's addresses are local to the namespace although it is down: without this the bridge would answer ARP for them."""

MAKES: tuple[str, ...] = ("bridge", "renamed", "tap")


def sysctl_paths(_facts: PodFacts, _nic: Nic) -> Iterator[str]:
    yield ARP_IGNORE


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    """The links, the stand-in's addresses and what is captured; no service and no address for the bridge."""
    link = facts.links[nic.name]
    refusals = tuple(_refusals(nic, link, facts))
    if refusals or link.original is None:
        return Desired({}, refusals=refusals)
    own = names(nic, link.original.name)
    takes = tuple(_takes(nic, link))
    resources = dict(_links(document, nic, link, own, facts))
    resources.update(_addresses(nic, takes))
    if global_address(link, 4) is not None:
        resources[Key("sysctl", "", ARP_IGNORE)] = Sysctl("1")
    origins = {key: Origin(nic.name, nic.at) for key in resources}
    return Desired(resources, origins, takes, devices=(tap_device(nic, own.tap, link),))


def _refusals(nic: Nic, link: PodLink, facts: PodFacts) -> Iterator[Diagnostic]:
    if link.original is None:
        yield unknown_original(nic, link)
    elif link.original.mac is None or link.resource.kind in ("bridge", "tun", "macvtap"):
        detail = f"{link.resource.name} is a {link.resource.kind or 'loopback'} link, which cannot be a port of a bridge"
        yield Diagnostic("pod link cannot be bridged", detail, nic.at, nic=nic.name)
    for key, way in link.routes if nic.name in facts.first else ():
        if way.other and way.protocol != "ra":
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
            further_marks=(),
            port=Port(learning=False),
        ),
    )
    yield Key("link", tap_role(nic)), tap(document, nic, own.tap, original.mtu)
    yield (
        Key("link", standin_role(nic)),
        Link(original.name, standin, up=False, mtu=original.mtu, mac=original.mac, mark=standin_role(nic)),
    )


def _addresses(nic: Nic, taken: tuple[tuple[Key, Attributes], ...]) -> Iterator[tuple[Key, Attributes]]:
    """The stand-in's: the same, with the broadcast address that KubeVirt computes for all but point-to-point prefixes."""
    for key, _ in taken:
        if key.kind != "address":
            continue
        own = interface(key.name)
        wide = own.version == 4 and own.network.prefixlen < 31
        scope = 253 if own.version == 6 and own.is_link_local else 0
        value = Address(broadcast=str(own.network.broadcast_address) if wide else None, scope=scope, nodad=own.version == 6)
        yield Key("address", standin_role(nic), key.name), value


def bridge_mac(pod_mac: str) -> str:
    return derived_mac("bridge", pod_mac)
