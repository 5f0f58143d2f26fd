"""The DHCP and router advertisement service of a NIC, as one dnsmasq on its bridge. One instance a bridge: a change of one NIC's
options restarts nobody else's server.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface

from converge.bindings.parts import Interface, bridge_role, global_address
from converge.model import Attributes, Desired, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, PodLink, Severity
from converge.resources import process, route
from converge.services import dnsmasq, resolv
from converge.services.dnsmasq import Lease4, Lease6, Service
from converge.services.options import Route

PROGRAM = "dnsmasq"


def served(
    document: GuestNetwork, nic: Nic, facts: PodFacts, bridge: str, leases: tuple[Lease4 | None, Lease6 | None]
) -> Desired:
    """The process of a NIC that leases something; nothing where it does not."""
    lease4, lease6 = leases
    if lease4 is None and lease6 is None:
        return Desired({})
    text = facts.resolv.get(nic.guest.resolv_conf or "", "")
    told = resolv.translate(text, document.dns, document.subdomain)
    original = facts.links[nic.name].original
    service = Service(
        bridge=bridge,
        mtu=nic.guest.mtu or (original.mtu if original is not None else 1500),
        lease4=lease4,
        lease6=lease6,
        resolver=told.resolver,
        hostname=document.hostname,
        options=nic.dhcp,
        router=nic.guest.dhcp_router,
        dns=nic.guest.dhcp_dns,
        advertise=nic.guest.router_advertisements and not (lease6 is not None and lease6.handed_over),
    )
    refusals = tuple(Diagnostic("NIC cannot be served", problem, nic.at, nic=nic.name) for problem in dnsmasq.problems(service))
    if refusals:
        return Desired({}, refusals=refusals)
    key = Key("process", bridge_role(nic), PROGRAM)
    running = facts.servers.get(nic.name)
    if facts.links[nic.name].derived and running is not None and running.serving:
        # The routes that the guest was told are known to nobody else any more.
        return Desired({key: running}, {key: Origin(nic.name, nic.at)})
    warnings = tuple(Diagnostic("DNS left out", each, nic.at, Severity.WARNING, nic.name) for each in told.warnings)
    return Desired({key: _process(service)}, {key: Origin(nic.name, nic.at)}, warnings=warnings)


@lru_cache(maxsize=4096)
def _process(service: Service) -> process.Process:
    return process.of(dnsmasq.text(service))


def masqueraded(nic: Nic, link: PodLink, sides: tuple[Interface, ...]) -> tuple[Lease4 | None, Lease6 | None]:
    """`sides`: the gateway address of each family that the pod has; the guest's is the next one. Any MAC is served, known
    ones first.
    """
    macs = tuple(dict.fromkeys(mac for mac in (nic.mac, *nic.known_macs, link.original and link.original.mac) if mac))
    lease4, lease6 = None, None
    for gateway in sides:
        if isinstance(gateway, IPv4Interface):
            guest = IPv4Interface((gateway.ip + 1, gateway.network.prefixlen))
            lease4 = Lease4(guest, gateway.ip, router=gateway.ip, macs=macs)
        else:
            lease6 = Lease6(IPv6Interface((gateway.ip + 1, gateway.network.prefixlen)), gateway, macs=macs)
    return lease4, lease6


def handed_over(nic: Nic, link: PodLink, server: str) -> Lease4 | None:
    """The pod's own address, for one MAC only; the way out is the pod's first route, and all its routes but the connected one."""
    address = global_address(link, 4)
    if not isinstance(address, IPv4Interface):
        return None
    mac = next(mac for mac in (nic.mac, *nic.known_macs, link.original and link.original.mac) if mac)
    routes = [(key, way) for key, way in link.routes if ":" not in key.name and route.parsed(key.name)[1] == route.MAIN]
    first = routes[0][1].gateway if routes else None
    return Lease4(
        address,
        IPv4Address(server.split("/", maxsplit=1)[0]),
        router=None if first is None else IPv4Address(first),
        routes=tuple(_told(routes, address.network)),
        macs=(mac,),
        handed_over=True,
    )


def handed_over6(nic: Nic, link: PodLink) -> Lease6 | None:
    """The pod's own IPv6 address, by DHCPv6 only, for a guest that asks for it.

    Nothing is advertised: on this bridge a router advertisement would reach the CNI's network too. Answers are unicast, and to
    one MAC only, so they do not. The bridge gets an address in a private network of its own, which dnsmasq needs to find itself.
    """
    from hashlib import sha256

    address = global_address(link, 6)
    if not isinstance(address, IPv6Interface):
        return None
    mac = next(mac for mac in (nic.mac, *nic.known_macs, link.original and link.original.mac) if mac)
    network = bytes([0xFD]) + sha256(f"bridge {mac}".encode()).digest()[:5] + bytes(9) + b"\1"
    return Lease6(address, IPv6Interface((network, 64)), macs=(mac,), handed_over=True, routes=False)


def _told(routes: list[tuple[Key, Attributes]], own: IPv4Network) -> Iterator[Route]:
    for key, way in routes:
        destination = IPv4Network(route.parsed(key.name)[0])
        if destination != own:
            yield Route(destination, None if way.gateway is None else IPv4Address(way.gateway))
