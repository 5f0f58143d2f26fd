"""Pods, documents and tamperings that Hypothesis may combine: whole universes for the laws of the engine, none of them real.

A universe is made as the kernel would make it: a fresh pod by the effects of what a CNI does, a wired one by replaying a plan,
a tampered one by the effects of what an intruder does. So all sets are consistent, and all the engine's knowledge of the
kernel is used on both sides; whether that knowledge is true is asked by the kernel tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_interface

from hypothesis import strategies as st

from converge.bindings import REGISTRY, compile_document
from converge.engine import Scope, State, effect, plan
from converge.facts import discover
from converge.model import (
    Diagnostic,
    GuestNetwork,
    Key,
    Network,
    Nic,
    Operation,
    Plan,
    Ports,
    Position,
    Resources,
    Target,
    VirtualFunction,
    Vlan,
)
from converge.resources import KINDS, identity, route, sysctl
from converge.resources.address import Address
from converge.resources.link import Link
from converge.resources.route import Route
from converge.resources.sysctl import Sysctl
from converge.resources.vf import Vf

HERE = Position("universe.yaml", 1, 1)
POD_WIDE = {
    sysctl.IP_FORWARD: "0",
    sysctl.FORWARDING6: "0",
    "net.ipv4.conf.default.forwarding": "0",
    "net.ipv6.conf.default.forwarding": "0",
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "net.ipv4.conf.all.arp_ignore": "0",
    "net.ipv4.ping_group_range": "1 0",
    "net.ipv4.ip_unprivileged_port_start": "1024",
}


FUNCTIONS = 3
"""Of the stranger's link."""


def state_of(resources: Resources) -> State:
    return State(resources, lambda key, value: KINDS[key.kind].within(key, value))


# ------------------------------------------------------------------------------------------------------------ pods


@dataclass(frozen=True, slots=True)
class Pod:
    """What a CNI gave. `routed`: the namespace inherited forwarding from its host; `advertised`: a default route by RA.
    `stranger`: a link that nobody speaks of, but as the parent of SR-IOV functions.
    """

    addresses: tuple[str, ...] = ("10.244.1.5/24", "fd10:244:1::5/64")
    mtu: int = 1500
    routed: bool = False
    advertised: bool = False
    stranger: bool = True

    def resources(self) -> Resources:
        state = state_of({Key("sysctl", "", name): Sysctl(value) for name, value in POD_WIDE.items()})
        if self.routed:
            do(state, Operation("sysctl", Key("sysctl", "", sysctl.IP_FORWARD), (), Sysctl("1")))
        _plug(state, Link("lo", "", True, 65536, "00:00:00:00:00:00", index=1), ("127.0.0.1/8", "::1/128"))
        _plug(state, Link("eth0", "veth", True, self.mtu, "0a:58:0a:f4:01:05", index=2), self.addresses)
        for address in self.addresses:
            _default_route(state, address)
        if self.advertised and any(":" in address for address in self.addresses):
            state.put(Key("route", "#2", "::/0 metric 1024"), Route("fe80::1", protocol="ra"))
        if self.stranger:
            _plug(state, Link("net9", "veth", True, 1500, "0a:58:0a:f4:09:09", index=9), ("10.9.0.1/24", "fd09::1/64"))
            for number in range(FUNCTIONS):
                vlan = Vlan(number, number)
                value = Vf(f"0a:58:0a:f4:09:1{number}", vlan, False, False, "auto", parent="net9", ifindex=9)
                state.put(Key("vf", "#9", str(number)), value)
        return state.resources


def _plug(state: State, new: Link, addresses: Iterable[str]) -> None:
    owner = f"#{new.index}"
    state.put(Key("link", owner), new)
    sysctl.born(owner, new.mtu, state)
    for order, text in enumerate(addresses):
        interface = ip_interface(text)
        broadcast = (
            str(interface.network.broadcast_address) if interface.version == 4 and interface.network.prefixlen < 31 else None
        )
        value = Address(broadcast=broadcast, nodad=interface.version == 6, order=order)
        do(state, Operation("address replace", Key("address", owner, text), (), value))


def _default_route(state: State, address: str) -> None:
    interface = ip_interface(address)
    gateway, default = ("169.254.1.1", "0.0.0.0/0") if interface.version == 4 else ("fd00:169::1", "::/0")
    host, metric = f"{gateway}/{interface.max_prefixlen}", 1024 * (interface.version == 6)
    if Key("route", "#2", route.name(default, metric=metric)) in state.resources:
        return
    near = Route(scope="link") if interface.version == 4 else Route()
    do(state, Operation("route replace", Key("route", "#2", route.name(host, metric=metric)), (), near))
    do(state, Operation("route replace", Key("route", "#2", route.name(default, metric=metric)), (), Route(gateway)))


def do(state: State, operation: Operation) -> None:
    """What must work: a refusal is the universe's own mistake."""
    refusal = effect(operation, state, KINDS)
    assert refusal is None, f"{operation}: {refusal}"


# -------------------------------------------------------------------------------------------------------- documents


@dataclass(frozen=True, slots=True)
class Wish:
    """A document's choices. No binding: a document without NICs, which gives the pod its own network back."""

    binding: str | None = "masquerade"
    ports: tuple[tuple[str, int, int], ...] = ()
    istio: bool = False
    migration: bool = False
    owner: int = 107
    queues: int = 0
    cidr4: str = "10.0.2.0/24"
    cidr6: str = "fd10:0:2::/120"
    mac: str | None = None
    function: VirtualFunction | None = None

    def document(self) -> GuestNetwork:
        network = Network("default", "pod", HERE, IPv4Network(self.cidr4), IPv6Network(self.cidr6))
        ports = tuple(Ports(*port, HERE) for port in self.ports)
        nic = Nic("default", self.binding or "", network, HERE, ports=ports, mac=self.mac, queues=self.queues)
        if self.binding == "sriov":
            nic = replace(nic, virtual_function=self.function)
        nics = () if self.binding is None else (nic,)
        target = Target("netns", "universe", HERE)
        return GuestNetwork(
            "shop",
            "web",
            target,
            nics,
            HERE,
            istio=self.istio,
            tap_owner=self.owner,
            tap_group=self.owner,
            legacy_migration_ports=self.migration,
        )


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a pod, as the reconciler takes it."""

    observed: Resources
    desired: Resources
    in_scope: Scope
    refusals: tuple[Diagnostic, ...]

    def plan(self) -> Plan:
        return plan(self.observed, self.desired, self.in_scope, KINDS)


def look(wish: Wish, resources: Resources) -> Look:
    """`resources` may have roles or numbers for handles: what is compiled sees numbers only."""
    document, observed = wish.document(), numbered(resources)
    facts, unreadable = discover(document, observed)
    facts = replace(facts, standin="dummy")
    desired = compile_document(document, facts, REGISTRY)
    pod_links = {f"#{found.resource.index}": f"{identity.POD_LINK}{nic}" for nic, found in facts.links.items()}
    roles, conflicts = identity.assign(observed, desired.resources, pod_links)
    held = {key.owner for key in facts.captured if key.kind == "link"}
    held |= {key.owner for key, value in desired.resources.items() if key.kind == "link" and value.master is not None}
    taken = frozenset(role for role in held if role.startswith(identity.POD_LINK))
    captured = {*facts.captured, *dict(desired.takes)}
    refusals = (*unreadable, *conflicts, *desired.refusals)
    return Look(identity.rekeyed(observed, roles), desired.resources, identity.scope(taken, captured), refusals)


def numbered(resources: Resources) -> Resources:
    """As the kernel would show it at the next look: every link has a number, and nothing else says which is which."""
    links = {key.owner: value for key, value in resources.items() if key.kind == "link"}
    free = max((value.index for value in links.values()), default=0)
    handles: dict[str, str] = {}
    for owner, value in sorted(links.items()):
        free += not value.index
        handles[owner] = f"#{value.index or free}"
    found: Resources = {}
    for key, value in resources.items():
        if key.kind == "link":
            index = int(handles[key.owner][1:])
            lower = handles.get(value.lower or "", value.lower)
            value = replace(value, index=index, master=handles.get(value.master or ""), lower=lower)  # noqa: PLW2901
        found[key._replace(owner=handles.get(key.owner, key.owner))] = value
    return found


def wired(wish: Wish, pod: Pod) -> Resources:
    """The pod after the first plan, as that plan predicts it."""
    seen = look(wish, pod.resources())
    assert not seen.refusals, seen.refusals
    state = state_of(seen.observed)
    for step in seen.plan().steps:
        do(state, step.operation)
    return state.resources


# ------------------------------------------------------------------------------------------------------- strategies

PORTS = (("tcp", 80, 80), ("udp", 53, 53), ("tcp", 22, 22), ("tcp", 8000, 8010), ("tcp", 8005, 8005), ("udp", 5000, 6000))


def _disjoint(ports: Sequence[tuple[str, int, int]]) -> bool:
    return not any(a[0] == b[0] and a[1] <= b[2] and b[1] <= a[2] for n, a in enumerate(ports) for b in ports[:n])


port_lists = st.lists(st.sampled_from(PORTS), max_size=4, unique=True).map(tuple).filter(_disjoint)
pods = st.builds(
    Pod,
    addresses=st.sampled_from(
        (
            ("10.244.1.5/24", "fd10:244:1::5/64"),
            ("10.244.1.5/24",),
            ("fd10:244:1::5/64",),
            ("10.9.9.9/32", "fd99::9/128"),
            ("10.244.1.5/24", "10.244.1.6/24", "fd10:244:1::5/64", "fd10:244:1::6/64"),
            (),
        )
    ),
    mtu=st.sampled_from((1500, 1450, 9000)),
    routed=st.booleans(),
    advertised=st.booleans(),
    stranger=st.booleans(),
)
bindings = st.sampled_from(sorted(REGISTRY))
switches = st.sampled_from((None, False, True))
functions = st.builds(
    VirtualFunction,
    parent=st.just("net9"),
    index=st.integers(0, FUNCTIONS - 1),
    vlan=st.sampled_from((None, Vlan(0), Vlan(1, 1), Vlan(100, 3, "802.1ad"))),
    spoof_check=switches,
    trust=switches,
    link_state=st.sampled_from((None, "auto", "disable")),
)
wishes = st.builds(
    Wish,
    binding=bindings,
    ports=port_lists,
    istio=st.booleans(),
    migration=st.booleans(),
    owner=st.sampled_from((107, 0)),
    queues=st.sampled_from((0, 4)),
    cidr4=st.sampled_from(("10.0.2.0/24", "10.77.0.0/30")),
    cidr6=st.sampled_from(("fd10:0:2::/120", "fd77::/126")),
    mac=st.sampled_from((None, "02:00:00:00:00:07")),
    function=functions,
)
