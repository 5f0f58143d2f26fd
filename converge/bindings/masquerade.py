"""masquerade: the guest sits behind a bridge with a private subnet, and the pod's address is translated to it.

The pod keeps its link, address and routes; the guest gets the second address of the subnet, the bridge the first. What a NIC
becomes (reference sections 3.1, 3.3, 4):

    pod link (untouched) ── nat ── k6t-eth0 (bridge, 02:00:00:00:00:00, gateway addresses) ── tap0 ── guest

Two things are better than in KubeVirt: `::1` inside the pod reaches the guest as 127.0.0.1 does (a local route on the bridge
makes the strict look-up of ::1 succeed, and the bridge must not un-NAT replies before the IP layer), and a pod configured by
router advertisements keeps its default route when forwarding goes on (accept_ra=2 comes first).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converge.bindings import dhcp, nat
from converge.bindings.names import Names, names
from converge.bindings.parts import (
    Interface,
    bridge_role,
    global_address,
    pod_role,
    tap,
    tap_device,
    tap_role,
    taps_bridge,
    unknown_original,
)
from converge.model import Attributes, Desired, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, PodLink
from converge.resources import route
from converge.resources.address import Address
from converge.resources.link import Link
from converge.resources.route import Route
from converge.resources.sysctl import DISABLE6_DEFAULT, FORWARDING6, IP_FORWARD, Sysctl
from converge.resources.wire import interface

GATEWAY_MAC = "02:00:00:00:00:00"
"""The same for every VM, so that a migrated guest's ARP entry stays true."""

BRIDGE_NETFILTER6 = "net.bridge.bridge-nf-call-ip6tables"
LOOPBACK_METRIC = 2048
"""Behind the kernel's own route to ::1 on lo (metric 0), which must go on serving everything else."""

NETWORKS = frozenset({"pod"})
STATES = frozenset({"up", "down"})
RESERVED_MACS = frozenset({GATEWAY_MAC})
TAKES_OVER = False
NEEDS_POD_LINK = True
MAKES: tuple[str, ...] = ("bridge", "tap")


def sysctl_paths(facts: PodFacts, nic: Nic) -> Iterator[str]:
    """Sysctls that netlink does not give and this NIC may need: read by path, so only where IPv6 is in play."""
    link = facts.links.get(nic.name)
    if link is not None and global_address(link, 6) is not None:
        yield BRIDGE_NETFILTER6
        yield DISABLE6_DEFAULT


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    """Resources of one masqueraded NIC. Facts are added by the caller, for all NICs alike."""
    link = facts.links[nic.name]
    if link.original is None:
        return Desired({}, refusals=(unknown_original(nic, link),))
    sides = tuple(_sides(nic, link))
    overlaps = (*_overlaps(nic, link, sides), *(_routed(nic, link, sides) if nic.name in facts.first else ()))
    if overlaps:
        return Desired({}, refusals=overlaps)
    own = names(nic, link.original.name)
    resources = dict(_links(document, nic, link, own))
    for side in sides:
        resources.update(_family(nic, side, facts))
    resources.update(_pod_link(nic, link, sides, facts))
    rules: dict[Key, Attributes] = {}
    if sides:
        translation = nat.Nat(
            own.pod_link,
            own.bridge,
            tuple(_nat_side(s, link) for s in sides),
            nic.ports,
            document.istio,
            document.legacy_migration_ports,
        )
        rules = dict(nat.resources(translation))
    service = dhcp.served(document, nic, facts, own.bridge, dhcp.masqueraded(nic, link, sides))
    found = rules | resources | service.resources
    origins = {key: Origin(nic.name, nic.at) for key in found}
    origins |= {nat.port_key(port): Origin(nic.name, port.at) for port in nic.ports if sides}
    device = tap_device(nic, own.tap, link)
    return Desired(found, origins, refusals=service.refusals, warnings=service.warnings, devices=(device,))


def _sides(nic: Nic, link: PodLink) -> Iterator[Interface]:
    """The gateway address of each family that the pod has."""
    for network in (nic.network.cidr4, nic.network.cidr6):
        if global_address(link, network.version) is not None:
            yield interface(f"{network.network_address + 1}/{network.prefixlen}")


def _nat_side(gateway: Interface, link: PodLink) -> nat.Side:
    first = next(interface(key.name).ip for key, _ in link.addresses if interface(key.name).version == gateway.version)
    return nat.Side(gateway.ip, gateway.ip + 1, first)


def _overlaps(nic: Nic, link: PodLink, sides: tuple[Interface, ...]) -> Iterator[Diagnostic]:
    for gateway in sides:
        for key, _ in link.addresses:
            network = interface(key.name).network
            if network.version == gateway.version and network.overlaps(gateway.network):
                detail = (
                    f"{gateway.network} overlaps {key.name} of the pod's own network\n"
                    "choose a subnet that neither the pod nor anything the guest must reach is in"
                )
                yield Diagnostic("guest subnet overlaps the pod's", detail, nic.network.at, nic=nic.name)


def _routed(nic: Nic, link: PodLink, sides: tuple[Interface, ...]) -> Iterator[Diagnostic]:
    """The pod's own route to just that subnet, as preferred as the bridge's: the kernel would ask the older one."""
    own = {found[0].name: gateway for gateway in sides if (found := route.connected("", str(gateway), 0, None))}
    for key, way in link.routes:
        if key.name in own and way.protocol not in ("kernel", "ra"):
            detail = (
                f"the pod has a route to {own[key.name].network} of its own, over {link.resource.name}\n"
                "choose a subnet that neither the pod nor anything the guest must reach is in"
            )
            yield Diagnostic("guest subnet overlaps the pod's", detail, nic.network.at, nic=nic.name)


def _links(document: GuestNetwork, nic: Nic, link: PodLink, own: Names) -> Iterator[tuple[Key, Attributes]]:
    mtu = link.original.mtu  # type: ignore[union-attr]
    yield Key("link", bridge_role(nic)), taps_bridge(nic, own.bridge, mtu, GATEWAY_MAC)
    yield Key("link", tap_role(nic)), tap(document, nic, own.tap, mtu)


def _family(nic: Nic, gateway: Interface, facts: PodFacts) -> Iterator[tuple[Key, Attributes]]:
    bridge = bridge_role(nic)
    connected = route.connected(bridge, str(gateway), 0, None)
    if gateway.version == 4:
        broadcast = str(gateway.network.broadcast_address)
        yield Key("address", bridge, str(gateway)), Address(broadcast=broadcast)
        yield Key("sysctl", bridge, "ipv4.route_localnet"), Sysctl("1")
    else:
        yield Key("address", bridge, str(gateway)), Address(nodad=True)
        yield Key("sysctl", bridge, "ipv6.disable_ipv6"), Sysctl("0")
        yield Key("route", bridge, route.name("::1/128", route.LOCAL, LOOPBACK_METRIC)), Route(protocol=route.OURS, type="local")
        if BRIDGE_NETFILTER6 in facts.sysctls:
            yield Key("sysctl", "", BRIDGE_NETFILTER6), Sysctl("0")
    if connected is not None:
        yield connected
    if not gateway.ip.is_link_local:
        switch, name = (IP_FORWARD, "ipv4.forwarding") if gateway.version == 4 else (FORWARDING6, "ipv6.forwarding")
        yield Key("sysctl", "", switch), Sysctl("1")
        yield Key("sysctl", bridge, name), Sysctl("1")
        yield Key("sysctl", pod_role(nic), name), Sysctl("1")


def _pod_link(nic: Nic, link: PodLink, sides: tuple[Interface, ...], facts: PodFacts) -> Iterator[tuple[Key, Attributes]]:
    """accept_ra 1 becomes 2 before IPv6 forwarding goes on; then the pod link is marked, since a fact is about it."""
    key = Key("sysctl", pod_role(nic), "ipv6.accept_ra")
    if not any(gateway.version == 6 for gateway in sides):
        return
    if key in facts.captured or (nic.name in facts.first and link.sysctls.get("ipv6.accept_ra") == "1"):
        yield key, Sysctl("2")
        original: Link = link.original  # type: ignore[assignment]
        yield Key("link", pod_role(nic)), replace(original, mark=pod_role(nic))
