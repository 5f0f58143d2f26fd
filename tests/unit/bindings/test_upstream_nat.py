"""Packets meet KubeVirt's rules and ours alike: every variant of reference section 10, row 20, in each family.

KubeVirt's are written from the reference (`kubevirt_rules`) and compared with its recorded runs; ours are what a plan leaves in a
pod. Each packet of a grid around every port that any rule names goes through both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from converge.explain import Packet as Asked
from converge.explain import pod as indexed
from converge.explain.walk import walked
from tests.unit.bindings.kubevirt_rules import MIGRATION, RESERVED, Masquerade, Packet, listed, receiver, rules
from tests.unit.universe import Pod, Wish, wired

RECORDED = Path(__file__).parents[2] / "cases" / "kubevirt"
V4 = Masquerade("ip", "10.0.2.1", "10.0.2.2", "10.244.1.5")
V6 = Masquerade("ip6", "fd10:0:2::1", "fd10:0:2::2", "fd10:244:1::5")
OUTSIDE = {"ip": "192.0.2.7", "ip6": "2001:db8:7::7"}
MESH_SOURCE = "127.0.0.6"

FAMILIES = {"IPv4": (V4,), "IPv6": (V6,), "dual-stack": (V4, V6)}
FORWARDED = {
    "no ports": ((), False),
    "ports": ((("tcp", 80, 80), ("udp", 53, 53)), False),
    "SSH": ((("tcp", 22, 22),), False),
    "ranges": ((("tcp", 8000, 8010), ("udp", 5000, 5000)), True),
    "range over SSH": ((("tcp", 20, 80),), True),
}
ENTRY = {"outside": "pod:default", "guest": "tap:default", "pod": ""}
PORTS = sorted(
    {
        port + off
        for port in (22, 53, 80, 5000, 8000, 8010, *MIGRATION, *RESERVED)
        for off in (-1, 0, 1)
    }
)  # fmt: skip


def directions(nic: Masquerade) -> Iterator[tuple[str, str, str]]:
    """Who asks, from which address, for which."""
    outside = OUTSIDE[nic.family]
    yield "outside", outside, nic.pod_address
    for source in (nic.loopback, nic.pod_address, *[MESH_SOURCE] * (nic.family == "ip")):
        yield "pod", source, nic.loopback
        yield "pod", source, nic.pod_address
    yield "pod", nic.gateway, nic.guest
    yield "pod", nic.pod_address, outside
    yield from (("guest", nic.guest, target) for target in (outside, nic.pod_address, nic.gateway))


def packets(nic: Masquerade) -> Iterator[Packet]:
    icmp = "icmp" if nic.family == "ip" else "ipv6-icmp"
    kinds = [*product(("tcp", "udp"), PORTS), (icmp, None)]
    for (asks, source, target), (protocol, port) in product(directions(nic), kinds):
        yield Packet(asks, protocol, port, source, target)


def differences(nics: tuple[Masquerade, ...], wish: Wish) -> list[str]:
    """`nics`: one a family that the pod has."""
    ours = indexed(wired(wish, Pod(tuple(f"{nic.pod_address}/{24 if nic.family == 'ip' else 64}" for nic in nics))))
    found = []
    for nic in nics:
        theirs = rules(nic)
        for packet in packets(nic):
            trace = walked(ours, Asked(ENTRY[packet.asks], packet.protocol, packet.destination, packet.port, packet.source))
            who, source = receiver(theirs, nic, packet)
            if (trace.receiver.value, trace.source) != (who, source):
                way = f"{packet.asks} {packet.source} -> {packet.destination} {packet.protocol} {packet.port}"
                found.append(f"{way}: {who} {source}, not {trace}")
    return found


@pytest.mark.parametrize("migration", [False, True], ids=["", "legacy migration"])
@pytest.mark.parametrize("istio", [False, True], ids=["", "mesh"])
@pytest.mark.parametrize("forwarded", FORWARDED)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_packets_reach_the_same(family: str, forwarded: str, istio: bool, migration: bool) -> None:
    ports, ranges = FORWARDED[forwarded]
    nics = tuple(replace(each, ports=ports, ranges=ranges, istio=istio, migration=migration) for each in FAMILIES[family])
    assert differences(nics, Wish(ports=ports, istio=istio, migration=migration)) == []


def test_a_port_less_is_noticed() -> None:
    """The control: packets around the port tell the two rule sets apart, from outside and from loopback."""
    ports = FORWARDED["ports"][0]
    found = differences((replace(V4, ports=ports),), Wish(ports=ports[:1]))
    assert {line.partition(" ")[0] for line in found} == {"outside", "pod"}
    assert all("udp 53:" in line for line in found)


def test_ssh_in_a_mesh_is_tcp() -> None:
    """`mesh-ssh`: of a UDP port 22 KubeVirt opens TCP 22 to the outside, which nobody has listed."""
    ports = (("udp", 22, 22),)
    found = differences((replace(V4, ports=ports, istio=True),), Wish(ports=ports, istio=True))
    assert [line.partition(":")[0] for line in found] == [f"outside {OUTSIDE['ip']} -> {V4.pod_address} tcp 22"]


# ------------------------------------------------------------------------------------------------------- the records


def records() -> Iterator[tuple[str, Masquerade, list[str]]]:
    """Every recorded run that has rules in a table which was KubeVirt's alone, a family at a time."""
    for path in sorted(RECORDED.glob("*.json")):
        found = json.loads(path.read_text())
        for nic in (V4, V6):
            if not found["before_nft"] and listed(found["after"]["nft"], nic.family):
                yield f"{path.stem} {nic.family}", as_recorded(found, nic), found["after"]["nft"]


def as_recorded(found: dict[str, Any], nic: Masquerade) -> Masquerade:
    vmi = found["vmi"]
    (interface,) = vmi["spec"]["domain"]["devices"]["interfaces"]
    (status,) = vmi["status"].get("interfaces", [{}])
    ports = [(each.get("protocol", "TCP").lower(), each["port"], each["port"]) for each in interface.get("ports", ())]
    ports += [(each["protocol"].lower(), each["start"], each["end"]) for each in interface.get("portRanges", ())]
    link = status.get("podInterfaceName", "eth0")
    links = {each["ifname"]: [address["local"] for address in each["addr_info"]] for each in found["after"]["addresses"]}
    six = nic.family == "ip6"
    own, gateway = (next(each for each in links[name] if (":" in each) is six) for name in (link, f"k6t-{link}"))
    head, _, last = gateway.rpartition("." if nic.family == "ip" else ":")
    guest = f"{head}.{int(last) + 1}" if nic.family == "ip" else f"{head}:{int(last, 16) + 1:x}"
    return replace(
        nic,
        gateway=gateway,
        guest=guest,
        pod_address=own,
        ports=tuple(ports),
        ranges="portRanges" in interface,
        istio=bool(vmi["metadata"].get("annotations")),
        migration="migrationTransport" not in vmi["status"],
        pod_link=link,
    )


RECORDS = {name: (nic, lines) for name, nic, lines in records()}


@pytest.mark.parametrize("name", RECORDS)
def test_the_rules_are_those_that_kubevirt_wrote(name: str) -> None:
    nic, lines = RECORDS[name]
    assert rules(nic) == listed(lines, nic.family)


def test_the_records_have_each_variant() -> None:
    found = [nic for nic, _ in RECORDS.values()]
    assert {(nic.family, bool(nic.ports), nic.ranges, nic.istio, nic.migration) for nic in found} >= {
        (family, ports, ranges, istio, migration)
        for family in ("ip", "ip6")
        for ports, ranges, istio, migration in (
            (False, False, False, False),
            (True, False, False, False),
            (True, True, False, False),
            (True, False, True, False),
            (False, False, False, True),
        )
    }
