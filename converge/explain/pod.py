"""A pod's resources, indexed for the questions that a packet asks on its way: whose is this address, where does this route lead,
which rules see it. Nothing here knows what a binding writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from converge.explain.members import Members, members
from converge.model import Attributes, Resources
from converge.resources import route, table
from converge.resources.address import Address
from converge.resources.chain import Chain
from converge.resources.link import Link
from converge.resources.route import Route
from converge.resources.wire import interface

HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Way:
    """Where a packet leaves: `link` is a handle, or LOOPBACK for what stays in the pod. `trouble`: why it does not leave.
    `unsure`: the trouble is that it cannot be told.
    """

    link: str
    gateway: str | None = None
    source: str | None = None
    trouble: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """`addresses` are name and attributes by handle, in the kernel's order; `local` is the handle by plain address; `routes` are
    those of table main, longest prefix first; `bases` are the names of base chains by hook, in the order of their priorities.
    """

    links: Mapping[str, Link]
    addresses: Mapping[str, tuple[tuple[str, Address], ...]]
    local: Mapping[str, str]
    routes: tuple[tuple[IPv4Network | IPv6Network, str, Route], ...]
    served: frozenset[tuple[str, str]]
    sysctls: Mapping[tuple[str, str], str]
    chains: Mapping[str, Chain]
    bases: Mapping[str, tuple[str, ...]]
    sets: Mapping[str, Members]

    @property
    def elsewhere(self) -> str:
        """A chain with rules on a hook that no walk passes; "" for none."""
        return next(
            (name for hook, names in self.bases.items() if hook not in HOOKS for name in names if self.chains[name].rules), ""
        )

    def value(self, owner: str, name: str) -> str | None:
        """A sysctl; None where it was not read or does not exist."""
        return self.sysctls.get((owner, name))

    def ports(self, bridge: str) -> list[str]:
        """Handles of a bridge's ports that are up."""
        return [handle for handle, link in self.links.items() if link.master == bridge and link.up]

    def way(self, destination: str) -> Way:
        target = ip_address(destination)
        if destination in self.local or target.is_loopback:
            return Way(LOOPBACK)
        for network, handle, found in self.routes:
            if network.version == target.version and target in network:
                return self._over(handle, found)
        return Way("", trouble="the pod has no route there")

    def _over(self, handle: str, found: Route) -> Way:
        if found.type != "unicast":
            return Way("", trouble=f"a route of type {found.type} ends it")
        if found.hops or handle not in self.links:
            return Way("", trouble="the route leads over several links, or over one that is not seen", unsure=True)
        return Way(handle, found.gateway, found.source)


def pod(resources: Resources) -> Pod:
    by_kind: dict[str, list[tuple[str, str, Attributes]]] = {}
    for key, value in resources.items():
        by_kind.setdefault(key.kind, []).append((key.owner, key.name, value))
    links: dict[str, Link] = {owner: value for owner, _, value in by_kind.get("link", ())}
    addresses = _addresses(by_kind.get("address", []))
    asleep = getattr(resources.get(table.KEY), "dormant", False)
    chains: dict[str, Chain] = {} if asleep else {name: value for _, name, value in by_kind.get("chain", ())}
    routes = by_kind.get("route", [])
    return Pod(
        links,
        addresses,
        {name.split("/")[0]: owner for owner, found in addresses.items() for name, _ in found},
        _main(routes, links),
        frozenset((owner, name) for owner, name, value in routes if value.type == "local" and owner in links),
        {(owner, name): value.value for owner, name, value in by_kind.get("sysctl", ())},
        chains,
        _bases(chains),
        _sets(by_kind.get("set", []), by_kind.get("element", [])),
    )


def _addresses(found: list[tuple[str, str, Address]]) -> dict[str, tuple[tuple[str, Address], ...]]:
    by_owner: dict[str, list[tuple[str, Address]]] = {}
    for owner, name, value in found:
        by_owner.setdefault(owner, []).append((name, value))
    return {owner: tuple(sorted(held, key=lambda pair: pair[1].order)) for owner, held in by_owner.items()}


def _main(
    found: list[tuple[str, str, Route]], links: Mapping[str, Link]
) -> tuple[tuple[IPv4Network | IPv6Network, str, Route], ...]:
    """Of one prefix the route of the lowest metric comes first. What lies on a link that is down carries nothing."""
    usable: list[tuple[int, int, IPv4Network | IPv6Network, str, Route]] = []
    for owner, name, value in found:
        destination, number, metric, tos = route.parsed(name)
        if number != route.MAIN or tos or (owner in links and not links[owner].up):
            continue
        network = ip_network(destination)
        usable.append((-network.prefixlen, metric, network, owner, value))
    usable.sort(key=lambda entry: entry[:2])
    return tuple(entry[2:] for entry in usable)


def _bases(chains: Mapping[str, Chain]) -> dict[str, tuple[str, ...]]:
    hooked = sorted((chain.hook.priority, name, chain.hook.hook) for name, chain in chains.items() if chain.hook is not None)
    found: dict[str, tuple[str, ...]] = {}
    for _, name, hook in hooked:
        found[hook] = (*found.get(hook, ()), name)
    return found


def _sets(sets: list[tuple[str, str, Attributes]], elements: list[tuple[str, str, Attributes]]) -> dict[str, Members]:
    names: dict[str, list[str]] = {}
    for owner, name, _ in elements:
        names.setdefault(owner, []).append(name)
    return {name: members(value, names.get(name, ())) for _, name, value in sets}


def first_address(seen: Pod, handle: str, family: int) -> str | None:
    """The first address of a link that others can reach: neither loopback nor link-local nor multicast; without its prefix."""
    for name, _ in seen.addresses.get(handle, ()):
        ip = interface(name).ip
        if ip.version == family and not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified):
            return str(ip)
    return None
