"""The same questions, asked in two pods that differ in who wired them: everything near what a case lists, from everywhere.

Questions are made from the document alone, so a case that is added is asked its own: each listed port and its neighbours, a few
that nobody lists, both protocols, pings, every direction, both families.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_interface

from tests.kernel.inside import OUTSIDE4, OUTSIDE6, GuestSpec, guest_on, serving, settle
from tests.kernel.peer_cases import Case, Place, reachable
from tests.kernel.probing import Probe, Verdict, send, tell_apart

CLOSED = 9
ALWAYS_ASKED = (22, 80, 81, 15001, 49152, 49153)
MESH_SOURCE = "127.0.0.6"
PROTOCOLS = ("tcp", "udp")

Outcomes = dict[tuple[str, Probe], Verdict]


@dataclass(frozen=True, slots=True)
class Subnets:
    """The guest's side of a case, of the families that it has: gateway and guest with their prefix length."""

    gateways: tuple[str, ...]
    guests: tuple[str, ...]


def subnets(case: Case) -> Subnets:
    """From what KubeVirt put on the bridge; a guest's address is the next one."""
    (bridge,) = [link for link in case.after["addresses"] if link["ifname"].startswith("k6t-")]
    found = [ip_interface(f"{each['local']}/{each['prefixlen']}") for each in bridge["addr_info"]]
    return Subnets(tuple(str(each.ip) for each in found), tuple(f"{each.ip + 1}/{each.network.prefixlen}" for each in found))


def ports(case: Case) -> list[int]:
    listed = {int(entry["port"]) for entry in case.interface.get("ports", ())}
    listed |= {int(entry[end]) for entry in case.interface.get("portRanges", ()) for end in ("start", "end")}
    return sorted({near for port in listed for near in (port - 1, port, port + 1)} | set(ALWAYS_ASKED))


def questions(case: Case, place: Place) -> dict[str, list[Probe]]:
    """By who asks: the outside, the pod, the guest."""
    own = {address for link, address in reachable(place.pod) if not link.startswith("k6t-")}
    net = subnets(case)
    guests = [each.partition("/")[0] for each in net.guests]
    outside = [OUTSIDE4 for each in own if ":" not in each][:1] + [OUTSIDE6 for each in own if ":" in each][:1]
    asked = {
        "outside": [_from_outside(probe) for probe in _all(own, ports(case))],
        "pod": [*_all({"127.0.0.1", "::1", *own, *guests}, ports(case)), *_all(outside, [80])],
        "guest": [*_all(outside, [80]), *_all([*net.gateways, *own] if guests else (), ports(case))],
    }
    if case.mesh:
        asked["pod"] += _from_sidecar(own, ports(case))
    return asked


def _from_sidecar(own: Iterable[str], among: list[int]) -> list[Probe]:
    """IPv4 only; without a mesh nobody sends from there, and nothing comes back."""
    return [Probe("tcp", to, port, MESH_SOURCE) for to in ("127.0.0.1", *own) if ":" not in to for port in among]


def _all(addresses: Iterable[str], among: list[int]) -> Iterator[Probe]:
    for address in sorted(addresses):
        yield from (Probe(protocol, address, port) for protocol in PROTOCOLS for port in (*among, CLOSED))
        yield Probe("icmp", address)


def _from_outside(probe: Probe) -> Probe:
    """The node has several addresses; ping takes the first anyway, which tells who answers just as well."""
    source = "" if probe.protocol == "icmp" else OUTSIDE6 if ":" in probe.address else OUTSIDE4
    return Probe(probe.protocol, probe.address, probe.port, source)


@contextmanager
def inhabited(case: Case, place: Place) -> Iterator[str]:
    """A guest on the pod's tap, and somebody who answers on every port, in the guest, the pod and outside."""
    net = subnets(case)
    spec = GuestSpec(addresses=net.guests, gateways=net.gateways, mtu=_mtu(case))
    listened = [f"{protocol}/{port}" for protocol in PROTOCOLS for port in sorted({*ports(case), 80})]
    with ExitStack() as stack:
        guest = stack.enter_context(guest_on(place.pod, spec))
        for name, netns in (("guest", guest), ("pod", place.pod), ("outside", place.node)):
            stack.enter_context(serving(netns, name, *listened))
        tell_apart(guest, "guest", "eth0")
        tell_apart(place.node, "outside", f"n-{case.pod_link}")
        settle(place.pod)
        yield guest


def _mtu(case: Case) -> int:
    return next(int(link["mtu"]) for link in case.after["links"] if link["ifname"] == "tap0")


def outcomes(asked: Mapping[str, list[Probe]], place: Place, guest: str) -> Outcomes:
    asking = {"outside": place.node, "pod": place.pod, "guest": guest}
    found: Outcomes = {}
    for role, probes in asked.items():
        found |= {(role, probe): verdict for probe, verdict in send(asking[role], probes).items()}
    return found
