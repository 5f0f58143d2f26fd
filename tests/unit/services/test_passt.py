"""What passt is told, row by row of reference section 6.4."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from converge.model import Ports, Position
from converge.services.passt import NOBODY, Service, text
from converge.services.resolv import Resolver

AT = Position("a.yaml", 1, 1)
PLAIN = Service("eth0", "/run/s/socket", 1400, (), (), 107, 108, Resolver())
MESH = (15000, 15001)


def port(number: int, protocol: str = "tcp") -> Ports:
    return Ports(protocol, number, number, AT)


def words(service: Service) -> list[str]:
    return text(service).splitlines()


@pytest.mark.parametrize(
    ("ports", "kept", "tcp", "udp"),
    [
        ((), (), "all", "all"),
        ((port(80), port(22)), (), "80 22", "none"),
        ((port(53, "udp"),), (), "none", "53"),
        ((port(80), port(53, "udp")), (), "80", "53"),
        ((), MESH, "~15000,~15001", "none"),
        ((port(80), port(15001)), MESH, "80", "none"),
        ((port(15001, "udp"),), MESH, "none", "15001"),
    ],
)
def test_ports(ports: tuple[Ports, ...], kept: tuple[int, ...], tcp: str, udp: str) -> None:
    found = words(replace(PLAIN, ports=ports, kept=kept))
    assert [word.removeprefix("--tcp-ports=") for word in found if word.startswith("--tcp")] == tcp.split()
    assert [word.removeprefix("--udp-ports=") for word in found if word.startswith("--udp")] == udp.split()


def test_root_becomes_nobody() -> None:
    assert "--runas=107:108" in words(PLAIN)
    assert f"--runas={NOBODY}:{NOBODY}" in words(replace(PLAIN, user=0, group=0))


def test_names() -> None:
    servers = Resolver((IPv4Address("10.96.0.10"),), (IPv6Address("fd10::a"),), ("a.b", "c.d"), "a.b")
    told = words(replace(PLAIN, resolver=servers))
    assert [w for w in told if w.startswith(("--dns", "--search"))] == ["--dns=10.96.0.10", "--dns=fd10::a", "--search=a.b c.d"]
    silent = words(replace(PLAIN, resolver=servers, dns=False, advertise=False))
    assert silent[-3:] == ["--no-ra", "--no-dhcp-dns", "--no-dhcp-search"]
    assert not any(word.startswith(("--dns", "--search")) for word in silent)
