"""bridge: the guest takes over the pod's address, MAC and routes (see takeover), and a DHCP server on the bridge hands them out.

What a NIC becomes: reference section 3.2. Different on purpose: the bridge's MAC is pinned (KubeVirt's follows whichever port
has the lowest), so the pod link's copy of it stays true; the pod link is not taken down (since Linux 6.2), so it also works
without carrier; and `accept_local` lets the guest's renewals in, which come from an address that the stand-in makes local and
would be martians.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from converge.bindings import dhcp, takeover
from converge.bindings.names import names
from converge.bindings.parts import bridge_role, global_address
from converge.model import Attributes, Desired, GuestNetwork, Key, Nic, Origin, PodFacts
from converge.resources import route
from converge.resources.address import Address
from converge.resources.sysctl import Sysctl

NETWORKS = frozenset({"pod", "multus"})
STATES = frozenset({"up", "down", "absent"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = True
NEEDS_POD_LINK = True
MAKES = takeover.MAKES
sysctl_paths = takeover.sysctl_paths

_SERVER = "169.254.75.1"
"""Text to which a NIC's position is appended: 0 gives .10, 10 gives .110 (reference section 3.2)."""


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    link = facts.links[nic.name]
    taken = takeover.compile(document, nic, facts)
    if taken.refusals:
        return taken
    own = names(nic, link.original.name)  # type: ignore[union-attr]
    resources = dict(taken.resources)
    server = server_address(document, nic, facts)
    if global_address(link, 4) is not None:
        resources[Key("address", bridge_role(nic), server)] = Address()
        resources[Key("sysctl", bridge_role(nic), "ipv4.accept_local")] = Sysctl("1")
    lease6 = dhcp.handed_over6(nic, link) if nic.guest.ipv6 else None
    if lease6 is not None:
        resources.update(_private6(nic, str(lease6.server)))
    service = dhcp.served(document, nic, facts, own.bridge, (dhcp.handed_over(nic, link, server), lease6))
    resources.update(service.resources)
    origins = {key: Origin(nic.name, nic.at) for key in resources}
    return Desired(resources, origins, taken.takes, service.refusals, service.warnings, taken.devices)


def _private6(nic: Nic, interface: str) -> Iterator[tuple[Key, Attributes]]:
    """The bridge's own IPv6 network, by which dnsmasq finds the one whose address is handed over."""
    bridge = bridge_role(nic)
    yield Key("address", bridge, interface), Address(nodad=True)
    yield Key("sysctl", bridge, "ipv6.disable_ipv6"), Sysctl("0")
    connected = route.connected(bridge, interface, 0, None)
    if connected is not None:
        yield connected


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
