"""Every effect equals what the kernel shows: plans of many kinds are carried out step by step, and each step is compared.

The rows are transitions: how the pod was made, what happened to it, and the document that is then planned. `None` for a document
is one without NICs, whose plan leads back to the facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from converge.engine import State
from converge.model import Change, GuestNetwork, Key, Operation
from converge.reconcile.view import Look
from converge.resources import KINDS
from converge.resources.address import Address
from converge.resources.route import Route
from tests.kernel import driving
from tests.kernel.inside import Pod, settle, shell
from tests.kernel.stepping import Choose, disagreements, stepped
from tests.kernel.tampering import ADDRESSES, LINKS, ROUTES, SYSCTLS, Tampering
from tests.kernel.tampering_nft import CHAINS, SETS
from tests.kernel.wiring import shared, tamper, wired, wish

__all__ = ["shared", "wired"]

MakePod = Callable[..., Pod]
ROWS = (*LINKS, *ADDRESSES, *ROUTES, *SYSCTLS, *CHAINS, *SETS)


@dataclass(frozen=True, slots=True)
class Transition:
    pod: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    script: str = ""
    after: Mapping[str, Any] | None = field(default_factory=dict)


V4 = {"addresses6": [], "gateway6": ""}
V6 = {"addresses4": [], "gateway4": ""}
NONE = V4 | {"addresses4": [], "gateway4": ""}
CALICO = {"addresses4": ["10.9.9.9/32"], "addresses6": ["fd99::9/128"], "gateway4": "169.254.1.1", "gateway6": "fd00:169::1"}
ROUTED = {"sysctls": {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"}}
PORTS = {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}
MORE_PORTS = {"ports": [{"port": 80}, {"port": 22}]}
RANGES = {"port_ranges": [{"protocol": "TCP", "start": 8000, "end": 8010}]}
NARROWER = {"port_ranges": [{"protocol": "TCP", "start": 8005, "end": 8010}]}
SMALL = {"network": {"vmNetworkCIDR": "10.77.0.0/30", "vmIPv6NetworkCIDR": "fd77::/126"}}
MESH = {"annotations": {"sidecar.istio.io/inject": "true"}}
QUEUES = {"spec": {"domain": {"cpu": {"cores": 2}, "devices": {"networkInterfaceMultiqueue": True}}}}
MIGRATION = {"spec": {"legacyMigrationPorts": True}}
LEASED = Address(nodad=True, dynamic=True, valid=999, preferred=99)
LEARNED = "ip -6 route add default via fe80::1 dev eth0 proto ra metric 512"

TRANSITIONS = {
    "fresh": Transition(),
    "fresh, IPv4": Transition(V4),
    "fresh, IPv6": Transition(V6),
    "fresh, no address": Transition(NONE),
    "fresh, host addresses": Transition(CALICO),
    "fresh, forwarding already": Transition(ROUTED),
    "fresh, small MTU": Transition({"mtu": 1400}),
    "fresh, ports": Transition(after=PORTS),
    "fresh, small subnets": Transition(after=SMALL),
    "fresh, in a mesh": Transition(after=MESH),
    "fresh, queues": Transition(after=QUEUES),
    "fresh, IPv6 default route learned": Transition(V6 | {"gateway6": ""}, script=LEARNED),
    "other ports": Transition(before=PORTS, after=MORE_PORTS),
    "all ports": Transition(before=PORTS, after={}),
    "ports at last": Transition(before={}, after=PORTS),
    "a range instead": Transition(before=PORTS, after=RANGES),
    "a narrower range": Transition(before=RANGES, after=NARROWER),
    "other subnets": Transition(before={}, after=SMALL),
    "into a mesh": Transition(before=PORTS, after=MESH),
    "more queues": Transition(before={}, after=QUEUES),
    "fewer queues": Transition(before=QUEUES, after={}),
    "migration ports no longer": Transition(before=MIGRATION, after={}),
    "another MTU": Transition(before={}, script="ip link set eth0 mtu 1400", after={}),
    "a larger MTU": Transition({"mtu": 1400}, before={}, script="ip link set eth0 mtu 1500", after={}),
    "IPv6 lost": Transition(before={}, script="ip -6 addr flush dev eth0 scope global", after={}),
    "IPv6 at last": Transition(V4, before={}, script="ip addr add fd10:244:1::5/64 dev eth0 nodad", after={}),
    "unwired": Transition(before=PORTS, after=None),
    "unwired, IPv4": Transition(V4, before=PORTS, after=None),
    "unwired, IPv6": Transition(V6, before={}, after=None),
    "unwired, forwarding already": Transition(ROUTED, before={}, after=None),
    "unwired, half there": Transition(before=PORTS, script="ip link del k6t-eth0", after=None),
}


def document(netns: str, options: Mapping[str, Any] | None) -> GuestNetwork:
    whole = json.loads(driving.masquerade_yaml(netns, **(options or {})))
    if options is None:
        whole["spec"].update(networks=[], interfaces=[])
    return driving.document(json.dumps(whole))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_each_step_of_a_plan_does_what_was_predicted(pod: MakePod, name: str) -> None:
    row = TRANSITIONS[name]
    web = pod(**row.pod)
    if row.before is not None:
        driving.applied(document(web.netns, row.before))
    shell(web.netns, row.script)
    settle(web.netns)
    wanted = document(web.netns, row.after)
    assert not stepped(wanted)
    assert driving.plan(wanted).plan.empty


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_step_of_a_repair_does_what_was_predicted(wired: str, row: Tampering) -> None:
    tamper(wired, row.script)
    settle(wired)
    wanted = driving.document(wish(wired))
    assert not stepped(wanted)
    assert driving.plan(wanted).plan.empty


# ------------------------------------------------------------------------- operations that those plans do not have


def set_link(role: str, *words: tuple[str, Any]) -> Choose:
    def choose(seen: Look) -> list[Operation]:
        key = Key("link", role)
        return [Operation("link set", key, (("dev", seen.observed[key].name), *words))]

    return choose


def write(name: str, value: str, owner: str = "") -> Choose:
    def choose(seen: Look) -> list[Operation]:
        state = state_of(seen)
        before = seen.observed[Key("sysctl", owner, name)]
        wanted = replace(before, value=value)
        return list(KINDS["sysctl"].operations(Change(Key("sysctl", owner, name), before, wanted), state))

    return choose


def remove(kind: str, owner: str, name: str = "") -> Choose:
    return lambda seen: list(
        KINDS[kind].operations(Change(Key(kind, owner, name), seen.observed[Key(kind, owner, name)], None), state_of(seen))
    )


def create(kind: str, owner: str, name: str, value: Any) -> Choose:
    return lambda seen: list(KINDS[kind].operations(Change(Key(kind, owner, name), None, value), state_of(seen)))


def both(*choices: Choose) -> Choose:
    return lambda seen: [operation for choose in choices for operation in choose(seen)]


def state_of(seen: Look) -> State:
    return State(seen.observed, lambda key, value: KINDS[key.kind].within(key, value))


BRIDGE, TAP, POD = "bridge:default", "tap:default", "pod:default"
SECOND = "ip addr add 10.0.2.9/24 brd + dev k6t-eth0"
FURTHER = """ip addr add 10.66.0.1/16 dev k6t-eth0
ip route add 10.67.0.0/16 via 10.66.0.2
ip route add 10.68.0.0/16 via 10.0.2.9 src 10.66.0.1"""
SINGLE: dict[str, tuple[str, Choose]] = {
    "bridge down": ("", set_link(BRIDGE, ("down", ""))),
    "bridge down with routes": (FURTHER, set_link(BRIDGE, ("down", ""))),
    "bridge down and up": (FURTHER, both(set_link(BRIDGE, ("down", "")), set_link(BRIDGE, ("up", "")))),
    "pod link down and up": ("", both(set_link(POD, ("down", "")), set_link(POD, ("up", "")))),
    "bridge MTU below 1280 and back": ("", both(set_link(BRIDGE, ("mtu", 1279)), set_link(BRIDGE, ("mtu", 1500)))),
    "pod link MTU below 1280 and back": ("", both(set_link(POD, ("mtu", 1000)), set_link(POD, ("mtu", 1500)))),
    "MTU below the device's": ("", set_link(BRIDGE, ("mtu", 67))),
    "bridge renamed with labels": (
        SECOND + "; ip addr add 10.66.0.1/16 dev k6t-eth0 label k6t-eth0:x",
        set_link(BRIDGE, ("name", "other")),
    ),
    "name taken": ("", set_link(BRIDGE, ("name", "tap0"))),
    "name taken by an altname": ("ip link property add dev eth0 altname alias", set_link(BRIDGE, ("name", "alias"))),
    "bridge deleted with its port": ("", remove("link", BRIDGE)),
    "tap deleted": ("", remove("link", TAP)),
    "tap freed and enslaved while up": (
        "bridge link set dev tap0 learning off",
        both(set_link(TAP, ("nomaster", "")), set_link(TAP, ("master", "k6t-eth0"))),
    ),
    "pod link enslaved while up": ("", set_link(POD, ("master", "k6t-eth0"))),
    "MAC changed while up": ("", set_link(POD, ("address", "02:00:00:00:00:77"))),
    "primary deleted with its secondary": (SECOND, remove("address", BRIDGE, "10.0.2.1/24")),
    "secondary deleted": (SECOND, remove("address", BRIDGE, "10.0.2.9/24")),
    "primary deleted, secondary promoted": (
        "sysctl -qw net.ipv4.conf.k6t-eth0.promote_secondaries=1; " + SECOND,
        remove("address", BRIDGE, "10.0.2.1/24"),
    ),
    "address deleted that routes name": (FURTHER, remove("address", BRIDGE, "10.66.0.1/16")),
    "last address deleted": (
        "ip route add 10.67.0.0/16 dev k6t-eth0",
        remove("address", BRIDGE, "10.0.2.1/24"),
    ),
    "IPv6 address deleted": ("", remove("address", BRIDGE, "fd10:0:2::1/120")),
    "one of two IPv6 addresses deleted": (
        "ip addr add fd10:0:2::9/120 dev k6t-eth0 nodad; ip -6 route add fd99::/64 via fd10:0:2::2 src fd10:0:2::1",
        remove("address", BRIDGE, "fd10:0:2::1/120"),
    ),
    "IPv6 address with a lifetime": ("", create("address", BRIDGE, "fd66::1/64", LEASED)),
    "IPv6 address with a lifetime, then for good": (
        "",
        both(create("address", BRIDGE, "fd66::1/64", LEASED), create("address", BRIDGE, "fd66::1/64", Address(nodad=True))),
    ),
    "IPv6 address with a lifetime deleted": (
        "ip addr add fd66::1/64 dev k6t-eth0 nodad valid_lft 999 preferred_lft 99",
        remove("address", BRIDGE, "fd66::1/64"),
    ),
    "IPv6 address deleted, another one of its prefix has a lifetime": (
        "ip addr add fd10:0:2::9/120 dev k6t-eth0 nodad valid_lft 999 preferred_lft 99",
        remove("address", BRIDGE, "fd10:0:2::1/120"),
    ),
    "address on a bridge that is down": ("ip link set k6t-eth0 down", create("address", BRIDGE, "10.66.0.1/16", Address())),
    "IPv6 address on a bridge that is down": (
        "ip link set k6t-eth0 down",
        create("address", BRIDGE, "fd66::1/64", Address(nodad=True)),
    ),
    "address without prefix route": ("", create("address", BRIDGE, "10.66.0.1/16", Address(noprefixroute=True))),
    "address with a metric": ("", create("address", BRIDGE, "10.66.0.1/16", Address(metric=7))),
    "address with a peer": ("", create("address", BRIDGE, "10.66.0.1/32", Address(peer="10.66.0.2"))),
    "route through a bridge that is down": (
        "ip link set k6t-eth0 down",
        create("route", BRIDGE, "10.55.0.0/16", Route(scope="link")),
    ),
    "route to nowhere": ("", create("route", BRIDGE, "10.55.0.0/16", Route(gateway="10.54.0.1"))),
    "route to nowhere, on-link": ("", create("route", BRIDGE, "10.55.0.0/16", Route(gateway="10.54.0.1", onlink=True))),
    "route with a source that nobody has": ("", create("route", BRIDGE, "10.55.0.0/16", Route(scope="link", source="10.54.0.1"))),
    "route of another link's prefix": (
        "ip route add 10.55.0.0/16 dev eth0",
        create("route", BRIDGE, "10.55.0.0/16", Route(scope="link")),
    ),
    "IPv6 route of another link's prefix": (
        "ip -6 route add fd55::/64 dev eth0",
        create("route", BRIDGE, "fd55::/64 metric 1024", Route()),
    ),
    "forwarding off": ("", write("net.ipv4.ip_forward", "0")),
    "forwarding off, IPv6": ("", write("net.ipv6.conf.all.forwarding", "0")),
    "forwarding written again": ("sysctl -qw net.ipv4.conf.eth0.forwarding=0", write("net.ipv4.ip_forward", "1")),
    "forwarding written again, IPv6": ("sysctl -qw net.ipv6.conf.eth0.forwarding=0", write("net.ipv6.conf.all.forwarding", "1")),
    "IPv6 off on a link": ("", write("ipv6.disable_ipv6", "1", BRIDGE)),
    "IPv6 off on a link and on again": (
        "",
        both(write("ipv6.disable_ipv6", "1", BRIDGE), write("ipv6.disable_ipv6", "0", BRIDGE)),
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_an_operation_does_what_was_predicted(wired: str, name: str) -> None:
    script, choose = SINGLE[name]
    tamper(wired, script)
    settle(wired)
    assert not disagreements(driving.document(wish(wired)), choose)
