"""The nftables rules of a masqueraded NIC: a pure function of addresses and ports.

One table of the family inet serves IPv4 and IPv6. Every packet must go where KubeVirt's rules in `ip nat` and `ip6 nat` would
send it (reference section 4); the ports are elements of a set, so a port more is an element more and established connections
do not notice. Base chains carry KubeVirt's hooks and priorities; `output` takes the number, since its name is refused on that
hook.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from converge.model import Attributes, Key, Ports
from converge.resources import element, table
from converge.resources.chain import Chain, Hook
from converge.resources.element import Element
from converge.resources.nftset import NftSet
from converge.resources.rule import Rule, Statement, lookup, match
from converge.resources.table import Table

Address = IPv4Address | IPv6Address

PORTS, EXEMPT = "ports", "exempt"
MIGRATION_PORTS = (49152, 49153)
MESH_PORTS = (15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090)
"""Istio's own ports: on loopback they stay with the sidecar (reference section 4.2, row 7b)."""
MESH_SOURCE = IPv4Address("127.0.0.6")
"""Envoy connects to the application from here."""
SSH = 22


@dataclass(frozen=True, slots=True)
class Side:
    """One address family of a NIC. `pod_address`: the first on the pod link, to which a mesh's sidecar connects."""

    gateway: Address
    guest: Address
    pod_address: Address

    @property
    def family(self) -> str:
        return "ip" if self.guest.version == 4 else "ip6"

    @property
    def protocol(self) -> Statement:
        return match("meta nfproto", f"ipv{self.guest.version}")

    @property
    def loopback(self) -> Address:
        return IPv4Address("127.0.0.1") if self.guest.version == 4 else IPv6Address("::1")

    def source(self, address: Address) -> tuple[Statement, ...]:
        return self.protocol, match(f"{self.family} saddr", str(address))

    def destination(self, address: Address) -> tuple[Statement, ...]:
        return self.protocol, match(f"{self.family} daddr", str(address))

    def to_guest(self) -> Statement:
        return Statement("dnat", self.family, str(self.guest))

    def from_gateway(self) -> Statement:
        return Statement("snat", self.family, str(self.gateway))


@dataclass(frozen=True, slots=True)
class Nat:
    """What the rules are made of. `ports` empty: everything goes to the guest."""

    pod_link: str
    bridge: str
    sides: tuple[Side, ...]
    ports: tuple[Ports, ...]
    istio: bool
    migration: bool

    def exempt(self) -> tuple[int, ...]:
        """TCP ports on loopback that stay with the pod."""
        mesh = MESH_PORTS if self.istio and not self.ports else ()
        return (MIGRATION_PORTS if self.migration else ()) + mesh

    def listed(self) -> tuple[Statement, ...]:
        return (lookup("meta l4proto . th dport", PORTS),) if self.ports else ()


def resources(nat: Nat) -> Iterator[tuple[Key, Attributes]]:
    yield table.KEY, Table()
    if nat.ports:
        yield Key("set", "", PORTS), NftSet("inet_proto . inet_service", interval=True)
        for port in nat.ports:
            yield port_key(port), Element()
    if nat.exempt():
        yield Key("set", "", EXEMPT), NftSet("inet_service")
        yield from ((Key("element", EXEMPT, str(port)), Element()) for port in nat.exempt())
    for name, hook, rules in (
        ("prerouting", Hook("nat", "prerouting", -100), _prerouting(nat)),
        ("output", Hook("nat", "output", -100), _output(nat)),
        ("postrouting", Hook("nat", "postrouting", 100), _postrouting(nat)),
    ):
        yield Key("chain", "", name), Chain(hook, tuple(Rule(statements) for statements in rules))


def port_key(port: Ports) -> Key:
    return Key("element", PORTS, element.name(port.protocol, port.start, port.end))


Rules = Iterator[tuple[Statement, ...]]


def _prerouting(nat: Nat) -> Rules:
    """From outside. In a mesh only SSH comes straight in; the rest passes the sidecar."""
    ssh = match("meta l4proto", "tcp"), match("th dport", str(SSH))
    if nat.istio and nat.ports and not any(p.protocol == "tcp" and p.start <= SSH <= p.end for p in nat.ports):
        return
    for side in nat.sides:
        yield (match("iifname", nat.pod_link), *(ssh if nat.istio else nat.listed()), side.to_guest())


def _output(nat: Nat) -> Rules:
    """From the pod itself to loopback, and in a mesh to the pod's first IPv4 address."""
    yield from _exemption(nat)
    for side in nat.sides:
        for address in (side.loopback, *_mesh(nat, side, side.pod_address)):
            yield (*side.destination(address), *nat.listed(), side.to_guest())


def _postrouting(nat: Nat) -> Rules:
    """The guest goes out as the pod; loopback reaches the guest as the gateway."""
    for side in nat.sides:
        yield (*side.source(side.guest), Statement("masquerade"))
    yield from ((match("oifname", nat.bridge), *rule) for rule in _exemption(nat))
    for side in nat.sides:
        for address in (side.loopback, *_mesh(nat, side, MESH_SOURCE)):
            yield (match("oifname", nat.bridge), *side.source(address), *nat.listed(), side.from_gateway())


def _exemption(nat: Nat) -> Rules:
    if not nat.exempt():
        return
    for side in nat.sides:
        tcp = match("meta l4proto", "tcp"), lookup("th dport", EXEMPT)
        yield (*side.source(side.loopback), *tcp, Statement("return"))


def _mesh(nat: Nat, side: Side, address: Address) -> tuple[Address, ...]:
    """The further address of a rule in a mesh; IPv4 only, as KubeVirt has it."""
    return (address,) if nat.istio and side.guest.version == 4 else ()
