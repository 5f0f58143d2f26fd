"""The rules of a masqueraded NIC, for each variant, as nft text: the whole table, so that a reader sees what a packet sees."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from converge.bindings import nat
from converge.bindings.nat import Nat, Side
from converge.model import Ports, Position

AT = Position("nat.yaml", 1, 1)
V4 = Side(ip_address("10.0.2.1"), ip_address("10.0.2.2"), ip_address("10.244.1.5"))
V6 = Side(ip_address("fd10:0:2::1"), ip_address("fd10:0:2::2"), ip_address("fd10:244:1::5"))
PLAIN = Nat("eth0", "k6t-eth0", (V4,), (), istio=False, migration=False)
TCP80 = (Ports("tcp", 80, 80, AT),)
MESH = ", ".join(str(port) for port in sorted((15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090)))
LISTED = "meta l4proto . th dport @ports"
EXEMPT4 = "ip saddr 127.0.0.1 tcp dport @exempt return"
OUT = 'oifname "k6t-eth0"'

Table = dict[str, list[str]]
VARIANTS: dict[str, tuple[Nat, Table]] = {
    "everything, IPv4": (
        PLAIN,
        {
            "prerouting": ['iifname "eth0" dnat ip to 10.0.2.2'],
            "output": ["ip daddr 127.0.0.1 dnat ip to 10.0.2.2"],
            "postrouting": ["ip saddr 10.0.2.2 masquerade", f"{OUT} ip saddr 127.0.0.1 snat ip to 10.0.2.1"],
        },
    ),
    "everything, IPv6": (
        replace(PLAIN, sides=(V6,)),
        {
            "prerouting": ['iifname "eth0" dnat ip6 to fd10:0:2::2'],
            "output": ["ip6 daddr ::1 dnat ip6 to fd10:0:2::2"],
            "postrouting": ["ip6 saddr fd10:0:2::2 masquerade", f"{OUT} ip6 saddr ::1 snat ip6 to fd10:0:2::1"],
        },
    ),
    "listed ports": (
        replace(PLAIN, ports=TCP80),
        {
            "prerouting": [f'iifname "eth0" {LISTED} dnat ip to 10.0.2.2'],
            "output": [f"ip daddr 127.0.0.1 {LISTED} dnat ip to 10.0.2.2"],
            "postrouting": ["ip saddr 10.0.2.2 masquerade", f"{OUT} ip saddr 127.0.0.1 {LISTED} snat ip to 10.0.2.1"],
            "ports": ["tcp . 80"],
        },
    ),
    "a range": (
        replace(PLAIN, ports=(Ports("udp", 5000, 6000, AT),)),
        {
            "prerouting": [f'iifname "eth0" {LISTED} dnat ip to 10.0.2.2'],
            "output": [f"ip daddr 127.0.0.1 {LISTED} dnat ip to 10.0.2.2"],
            "postrouting": ["ip saddr 10.0.2.2 masquerade", f"{OUT} ip saddr 127.0.0.1 {LISTED} snat ip to 10.0.2.1"],
            "ports": ["udp . 5000-6000"],
        },
    ),
    "migration ports": (
        replace(PLAIN, migration=True),
        {
            "prerouting": ['iifname "eth0" dnat ip to 10.0.2.2'],
            "output": [EXEMPT4, "ip daddr 127.0.0.1 dnat ip to 10.0.2.2"],
            "postrouting": [
                "ip saddr 10.0.2.2 masquerade",
                f"{OUT} {EXEMPT4}",
                f"{OUT} ip saddr 127.0.0.1 snat ip to 10.0.2.1",
            ],
            "exempt": ["49152", "49153"],
        },
    ),
    "mesh": (
        replace(PLAIN, istio=True),
        {
            "prerouting": ['iifname "eth0" tcp dport 22 dnat ip to 10.0.2.2'],
            "output": [EXEMPT4, "ip daddr 127.0.0.1 dnat ip to 10.0.2.2", "ip daddr 10.244.1.5 dnat ip to 10.0.2.2"],
            "postrouting": [
                "ip saddr 10.0.2.2 masquerade",
                f"{OUT} {EXEMPT4}",
                f"{OUT} ip saddr 127.0.0.1 snat ip to 10.0.2.1",
                f"{OUT} ip saddr 127.0.0.6 snat ip to 10.0.2.1",
            ],
            "exempt": MESH.split(", "),
        },
    ),
    "mesh, IPv6 has no sidecar's addresses": (
        replace(PLAIN, istio=True, sides=(V6,)),
        {
            "prerouting": ['iifname "eth0" tcp dport 22 dnat ip6 to fd10:0:2::2'],
            "output": ["ip6 saddr ::1 tcp dport @exempt return", "ip6 daddr ::1 dnat ip6 to fd10:0:2::2"],
            "postrouting": [
                "ip6 saddr fd10:0:2::2 masquerade",
                f"{OUT} ip6 saddr ::1 tcp dport @exempt return",
                f"{OUT} ip6 saddr ::1 snat ip6 to fd10:0:2::1",
            ],
            "exempt": MESH.split(", "),
        },
    ),
    "mesh, a port": (
        replace(PLAIN, istio=True, ports=TCP80),
        {
            "prerouting": [],
            "output": [f"ip daddr {to} {LISTED} dnat ip to 10.0.2.2" for to in ("127.0.0.1", "10.244.1.5")],
            "postrouting": [
                "ip saddr 10.0.2.2 masquerade",
                *(f"{OUT} ip saddr {source} {LISTED} snat ip to 10.0.2.1" for source in ("127.0.0.1", "127.0.0.6")),
            ],
            "ports": ["tcp . 80"],
        },
    ),
    "mesh, SSH among the ports": (
        replace(PLAIN, istio=True, ports=(Ports("tcp", 20, 80, AT),)),
        {
            "prerouting": ['iifname "eth0" tcp dport 22 dnat ip to 10.0.2.2'],
            "output": [f"ip daddr {to} {LISTED} dnat ip to 10.0.2.2" for to in ("127.0.0.1", "10.244.1.5")],
            "postrouting": [
                "ip saddr 10.0.2.2 masquerade",
                *(f"{OUT} ip saddr {source} {LISTED} snat ip to 10.0.2.1" for source in ("127.0.0.1", "127.0.0.6")),
            ],
            "ports": ["tcp . 20-80"],
        },
    ),
    "mesh, 22/udp is not SSH": (
        replace(PLAIN, istio=True, ports=(Ports("udp", 22, 22, AT),)),
        {
            "prerouting": [],
            "output": [f"ip daddr {to} {LISTED} dnat ip to 10.0.2.2" for to in ("127.0.0.1", "10.244.1.5")],
            "postrouting": [
                "ip saddr 10.0.2.2 masquerade",
                *(f"{OUT} ip saddr {source} {LISTED} snat ip to 10.0.2.1" for source in ("127.0.0.1", "127.0.0.6")),
            ],
            "ports": ["udp . 22"],
        },
    ),
}


def shown(translation: Nat) -> Table:
    """Rules by chain, elements by set."""
    found: Table = {}
    for key, value in nat.resources(translation):
        if key.kind == "chain":
            found[key.name] = [str(rule) for rule in value.rules]
        elif key.kind == "element":
            found.setdefault(key.owner, []).append(key.name)
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_the_rules_of(name: str) -> None:
    translation, wanted = VARIANTS[name]
    assert shown(translation) == wanted


def test_both_families_share_chains_and_sets() -> None:
    both = shown(replace(PLAIN, sides=(V4, V6), ports=TCP80))
    one = [shown(replace(PLAIN, sides=(side,), ports=TCP80)) for side in (V4, V6)]
    for name in ("prerouting", "output"):
        assert both[name] == one[0][name] + one[1][name]
    assert sorted(both["postrouting"]) == sorted(one[0]["postrouting"] + one[1]["postrouting"])
    assert both["ports"] == ["tcp . 80"]


def test_one_more_port_is_one_more_element() -> None:
    less = dict(nat.resources(replace(PLAIN, ports=TCP80)))
    more = dict(nat.resources(replace(PLAIN, ports=(*TCP80, Ports("udp", 53, 53, AT)))))
    assert {key.name for key in more.keys() - less.keys()} == {"udp . 53"}
    assert all(more[key] == value for key, value in less.items())


def test_base_chains_are_at_kubevirts_places() -> None:
    hooks = {key.name: value.hook for key, value in nat.resources(PLAIN) if key.kind == "chain"}
    assert {name: (hook.type, hook.hook, hook.priority, hook.policy) for name, hook in hooks.items()} == {
        "prerouting": ("nat", "prerouting", -100, "accept"),
        "output": ("nat", "output", -100, "accept"),
        "postrouting": ("nat", "postrouting", 100, "accept"),
    }
