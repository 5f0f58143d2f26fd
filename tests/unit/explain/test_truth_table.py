"""Who receives what, walked through compiled documents: the measured table of the reference (section 4.4), and every row that
the kernel tests judge with real packets.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from converge.explain import Flow, Origin, Packet, Receiver, Trace, follow, pod, walk
from converge.explain.flow import LOOPBACKS, SOMEWHERE
from converge.model import Resources
from tests.kernel import flows  # data alone
from tests.unit.universe import Pod, Wish, wired

GUEST, POD, OUTSIDE = Receiver.GUEST, Receiver.POD, Receiver.OUTSIDE
OWN = {4: "10.244.1.5", 6: "fd10:244:1::5"}
GATEWAY = {4: "10.0.2.1", 6: "fd10:0:2::1"}


@dataclass(frozen=True, slots=True)
class Row:
    """`sees`: the source address that the receiver sees, where it is not the sender's own."""

    origin: Origin
    protocol: str
    port: int | None
    without_ports: Receiver
    with_port_80: Receiver
    sees: dict[int, str] | None = None


ROWS = (  # reference 4.4, legacy migration ports; `::1` reaches the guest here, as 127.0.0.1 does
    Row(Origin.OUTSIDE, "tcp", 80, GUEST, GUEST),
    Row(Origin.OUTSIDE, "tcp", 81, GUEST, POD),
    Row(Origin.OUTSIDE, "tcp", 49152, GUEST, POD),
    Row(Origin.OUTSIDE, "icmp", None, GUEST, POD),
    Row(Origin.LOOPBACK, "tcp", 80, GUEST, GUEST, GATEWAY),
    Row(Origin.LOOPBACK, "tcp", 81, GUEST, POD, GATEWAY),
    Row(Origin.LOOPBACK, "tcp", 49152, POD, POD),
    Row(Origin.OWN, "tcp", 80, POD, POD),
    Row(Origin.GUEST, "tcp", 443, OUTSIDE, OUTSIDE, OWN),
)
WISHES = {
    "no ports": Wish(migration=True),
    "port 80": Wish(ports=(("tcp", 80, 80),), migration=True),
}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("column", list(WISHES))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.origin.name} {row.protocol} {row.port}")
def test_the_table_of_the_reference(row: Row, column: str, family: int) -> None:
    flow = Flow(row.origin, family, row.protocol, row.port, "default")
    trace = follow(pod(wired(WISHES[column], Pod())), flow)
    expected = row.without_ports if column == "no ports" else row.with_port_80
    assert trace.receiver is expected, trace
    if row.sees is not None and expected is not POD:
        assert trace.source == row.sees[family], trace
    if row.origin is Origin.OUTSIDE:
        assert trace.source == SOMEWHERE[family], trace


@pytest.mark.parametrize("column", list(WISHES))
@pytest.mark.parametrize("to", [OWN, GATEWAY], ids=["own address", "gateway"])
def test_the_guest_reaches_the_pod_and_not_itself(column: str, to: dict[int, str]) -> None:
    trace = walk(wired(WISHES[column], Pod()), Packet("tap:default", "tcp", to[4], 80, "10.0.2.2"))
    assert (trace.receiver, trace.source) == (POD, "10.0.2.2")


# ------------------------------------------------------------------------------------- the rows of the kernel tests

MESH = Wish(istio=True)
LISTED = (("tcp", 80, 80), ("udp", 53, 53))
SCENES: dict[str, Wish] = {
    "no ports": Wish(),
    "ports": Wish(ports=LISTED),
    "legacy migration": Wish(migration=True),
    "legacy migration, ports": Wish(migration=True, ports=LISTED),
    "port ranges": Wish(ports=(("tcp", 8000, 8010), ("udp", 5000, 5000))),
    "mesh": MESH,
    "mesh, ports 22 and 80": Wish(istio=True, ports=(("tcp", 22, 22), ("tcp", 80, 80))),
    "mesh, port 80": Wish(istio=True, ports=(("tcp", 80, 80),)),
    "mesh, range over 22": Wish(istio=True, ports=(("tcp", 20, 80),)),
    "small subnets": Wish(cidr4="10.77.0.0/30", cidr6="fd77::/126"),
}
WIRED: dict[str, Resources] = {name: wired(wish, Pod()) for name, wish in SCENES.items()}
KERNEL_ROWS = [
    pytest.param(name, flow, family, id=f"{name}: {flow} ({family})")
    for name in SCENES
    for flow in flows.FLOWS[name]
    for family in flow.families
]


def addresses(name: str, family: int) -> dict[str, str]:
    small = name == "small subnets"
    gateway = {4: "10.77.0.1", 6: "fd77::1"} if small else GATEWAY
    guest = {4: "10.77.0.2", 6: "fd77::2"} if small else {4: "10.0.2.2", 6: "fd10:0:2::2"}
    found = {flows.OUTSIDE: SOMEWHERE, flows.POD: OWN, flows.LOOPBACK: LOOPBACKS, flows.GATEWAY: gateway, flows.GUEST: guest}
    return {role: by_family[family] for role, by_family in found.items()}


def walked(name: str, flow: flows.Flow, family: int) -> Trace:
    own = addresses(name, family)
    enters = {flows.OUTSIDE: "pod:default", flows.GUEST: "tap:default", flows.POD: ""}[flow.asks]
    protocol = "ipv6-icmp" if flow.protocol == "icmp" and family == 6 else flow.protocol
    source = flow.source or ("" if flow.asks == flows.POD else own[flow.asks])
    return walk(WIRED[name], Packet(enters, protocol, own[flow.to], flow.port or None, source))


@pytest.mark.parametrize(("name", "flow", "family"), KERNEL_ROWS)
def test_every_row_of_the_kernel_tests(name: str, flow: flows.Flow, family: int) -> None:
    """A refusal is not the rules' doing: who would refuse is not in the table."""
    trace = walked(name, flow, family)
    if flow.answers == flows.REFUSED:
        assert trace.receiver in (GUEST, POD, OUTSIDE), trace
        return
    assert trace.receiver.value == flow.answers, trace
    if flow.sees:
        assert trace.source == addresses(name, family)[flow.sees], trace
    assert trace.nic == ("default" if trace.receiver is GUEST else "")
