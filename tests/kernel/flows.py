"""The truth table itself: who asks whom, who answers, whom does it see. Only data; `test_flows` judges it.

A mesh (Istio) adds IPv4-only behaviour: the sidecar connects from 127.0.0.6, or to the pod's own address.
"""

from __future__ import annotations

from dataclasses import dataclass

OUTSIDE, POD, GUEST = "outside", "pod", "guest"
LOOPBACK, GATEWAY = "loopback", "gateway"
REFUSED = "refused"

BOTH, V4, V6 = (4, 6), (4,), (6,)
CLOSED = 9
"""A port on which nobody listens: whoever is asked must refuse at once. Silence would be a hang."""

MESH_SOURCE = "127.0.0.6"
MESH_PORTS = (15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090)


@dataclass(frozen=True, slots=True)
class Flow:
    """One row. `port` is 0 for icmp. An empty `sees` asks for nothing: nobody sees a source where nobody answers with words."""

    name: str
    asks: str
    protocol: str
    to: str
    port: int
    answers: str
    sees: str = ""
    families: tuple[int, ...] = BOTH
    source: str = ""

    def __str__(self) -> str:
        return self.name


def _tcp(asks: str, to: str, port: int, answers: str, sees: str = "", families: tuple[int, ...] = BOTH, source: str = "") -> Flow:
    by = f" from {source}" if source else ""
    return Flow(f"{asks} -> {to} {port}/tcp{by}", asks, "tcp", to, port, answers, sees, families, source)


def _udp(asks: str, to: str, port: int, answers: str, sees: str = "") -> Flow:
    return Flow(f"{asks} -> {to} {port}/udp", asks, "udp", to, port, answers, sees)


def _icmp(asks: str, to: str, answers: str) -> Flow:
    return Flow(f"{asks} -> {to} icmp", asks, "icmp", to, 0, answers)


ALWAYS = (  # whatever the document says
    _tcp(GUEST, OUTSIDE, 443, OUTSIDE, POD),
    _udp(GUEST, OUTSIDE, 53, OUTSIDE, POD),
    _icmp(GUEST, OUTSIDE, OUTSIDE),
    _tcp(GUEST, OUTSIDE, CLOSED, REFUSED),
    _tcp(GUEST, POD, 81, POD, GUEST),
    _tcp(GUEST, GATEWAY, 81, POD, GUEST),
    _udp(GUEST, GATEWAY, 53, POD, GUEST),
    _icmp(GUEST, GATEWAY, POD),
    _icmp(GUEST, POD, POD),
    _tcp(POD, OUTSIDE, 443, OUTSIDE, POD),
    _udp(POD, OUTSIDE, 53, OUTSIDE, POD),
    _icmp(POD, OUTSIDE, OUTSIDE),
    _tcp(POD, GUEST, 81, GUEST, GATEWAY),
    _tcp(POD, LOOPBACK, CLOSED, REFUSED),
    _udp(POD, LOOPBACK, CLOSED, REFUSED),
    _tcp(OUTSIDE, POD, CLOSED, REFUSED),
    _udp(OUTSIDE, POD, CLOSED, REFUSED),
)

OWN_ADDRESS = (  # no hairpin: the pod's own address stays with the pod, except in a mesh
    _tcp(POD, POD, 80, POD, POD),
    _tcp(POD, POD, 81, POD, POD),
    _tcp(GUEST, POD, 80, POD, GUEST),
)

EVERYTHING = (  # no ports: all of it is the guest's
    _tcp(OUTSIDE, POD, 80, GUEST, OUTSIDE),
    _tcp(OUTSIDE, POD, 81, GUEST, OUTSIDE),
    _tcp(OUTSIDE, POD, 49152, GUEST, OUTSIDE),
    _udp(OUTSIDE, POD, 53, GUEST, OUTSIDE),
    _icmp(OUTSIDE, POD, GUEST),
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY),
    _tcp(POD, LOOPBACK, 81, GUEST, GATEWAY),
    _udp(POD, LOOPBACK, 53, GUEST, GATEWAY),
    _icmp(POD, LOOPBACK, GUEST),
)

ONLY_LISTED = (  # 80/tcp and 53/udp
    _tcp(OUTSIDE, POD, 80, GUEST, OUTSIDE),
    _tcp(OUTSIDE, POD, 81, POD, OUTSIDE),
    _tcp(OUTSIDE, POD, 49152, POD, OUTSIDE),
    _tcp(OUTSIDE, POD, 53, POD, OUTSIDE),
    _udp(OUTSIDE, POD, 53, GUEST, OUTSIDE),
    _udp(OUTSIDE, POD, 80, POD, OUTSIDE),
    _icmp(OUTSIDE, POD, POD),
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY),
    _tcp(POD, LOOPBACK, 81, POD, LOOPBACK),
    _udp(POD, LOOPBACK, 53, GUEST, GATEWAY),
    _udp(POD, LOOPBACK, 80, POD, LOOPBACK),
    _tcp(POD, LOOPBACK, 49152, POD, LOOPBACK),
    _icmp(POD, LOOPBACK, POD),
)

RANGES = tuple(  # 8000-8010/tcp and 5000/udp
    _flow
    for port, owner in ((7999, POD), (8000, GUEST), (8005, GUEST), (8010, GUEST), (8011, POD), (5000, POD))
    for _flow in (
        _tcp(OUTSIDE, POD, port, owner, OUTSIDE),
        _tcp(POD, LOOPBACK, port, owner, GATEWAY if owner == GUEST else LOOPBACK),
    )
) + tuple(
    _flow
    for port, owner in ((4999, POD), (5000, GUEST), (5001, POD), (8000, POD))
    for _flow in (
        _udp(OUTSIDE, POD, port, owner, OUTSIDE),
        _udp(POD, LOOPBACK, port, owner, GATEWAY if owner == GUEST else LOOPBACK),
    )
)

MESH = (
    _tcp(OUTSIDE, POD, 22, GUEST, OUTSIDE),
    _tcp(OUTSIDE, POD, 80, POD, OUTSIDE),
    _udp(OUTSIDE, POD, 53, POD, OUTSIDE),
    _icmp(OUTSIDE, POD, POD),
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY),
    _udp(POD, LOOPBACK, 53, GUEST, GATEWAY),
    *(_tcp(POD, LOOPBACK, port, POD, LOOPBACK) for port in MESH_PORTS),
    _tcp(POD, LOOPBACK, 15002, GUEST, GATEWAY),
    # The sidecar's own source is no loopback address of the exemption, so even a reserved port is the guest's from there.
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY, V4, MESH_SOURCE),
    _tcp(POD, LOOPBACK, 15001, GUEST, GATEWAY, V4, MESH_SOURCE),
    _tcp(POD, POD, 80, GUEST, POD, V4),
    _tcp(POD, POD, 80, GUEST, GATEWAY, V4, MESH_SOURCE),
    _tcp(POD, POD, 15001, GUEST, POD, V4),
    _tcp(POD, POD, 80, POD, POD, V6),
)

MESH_LISTED = (  # 22/tcp and 80/tcp: only SSH comes straight in
    _tcp(OUTSIDE, POD, 22, GUEST, OUTSIDE),
    _tcp(OUTSIDE, POD, 80, POD, OUTSIDE),
    _icmp(OUTSIDE, POD, POD),
    _tcp(POD, LOOPBACK, 22, GUEST, GATEWAY),
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY),
    _tcp(POD, LOOPBACK, 81, POD, LOOPBACK),
    _tcp(POD, LOOPBACK, 15001, POD, LOOPBACK),
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY, V4, MESH_SOURCE),
    _tcp(POD, LOOPBACK, 81, POD, "", V4, MESH_SOURCE),
    _tcp(POD, POD, 80, GUEST, POD, V4),
    _tcp(POD, POD, 80, GUEST, GATEWAY, V4, MESH_SOURCE),
    _tcp(POD, POD, 81, POD, POD, V4),
    _tcp(POD, POD, 80, POD, POD, V6),
)

MESH_WITHOUT_SSH = (
    _tcp(OUTSIDE, POD, 22, POD, OUTSIDE),
    _tcp(OUTSIDE, POD, 80, POD, OUTSIDE),
    _tcp(POD, LOOPBACK, 22, POD, LOOPBACK),
    _tcp(POD, LOOPBACK, 80, GUEST, GATEWAY),
)

MIGRATION = tuple(
    _flow
    for port in (49152, 49153)
    for _flow in (
        _tcp(OUTSIDE, POD, port, GUEST, OUTSIDE),
        _tcp(POD, LOOPBACK, port, POD, LOOPBACK),
        _udp(POD, LOOPBACK, port, GUEST, GATEWAY),
    )
)
NO_MIGRATION = (_tcp(POD, LOOPBACK, 49152, GUEST, GATEWAY), _tcp(POD, LOOPBACK, 49153, GUEST, GATEWAY))

FLOWS: dict[str, tuple[Flow, ...]] = {
    "no ports": (*ALWAYS, *OWN_ADDRESS, *EVERYTHING, *NO_MIGRATION),
    "ports": (*ALWAYS, *OWN_ADDRESS, *ONLY_LISTED),
    "legacy migration": (*ALWAYS, *OWN_ADDRESS, *EVERYTHING, *MIGRATION),
    "legacy migration, ports": (*ALWAYS, *OWN_ADDRESS, *ONLY_LISTED),
    "port ranges": (*ALWAYS, *OWN_ADDRESS, *RANGES),
    "mesh": (*ALWAYS, *MESH),
    "mesh, ports 22 and 80": (*ALWAYS, *MESH_LISTED),
    "mesh, port 80": (*ALWAYS, *MESH_WITHOUT_SSH),
    "mesh, range over 22": (*ALWAYS, *MESH_LISTED[:5]),
    "small subnets": (*ALWAYS, *OWN_ADDRESS, *EVERYTHING),
    "another pod link": (*ALWAYS, *OWN_ADDRESS, *ONLY_LISTED),
}

LISTENED = tuple(
    sorted(
        {f"{flow.protocol}/{flow.port}" for table in FLOWS.values() for flow in table if flow.protocol != "icmp"}
        - {f"tcp/{CLOSED}", f"udp/{CLOSED}"}
    )
)
