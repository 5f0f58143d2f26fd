"""managedTap: a bridge between pod link and tap as the bridge binding has it, and nobody on it who would answer.

What a NIC looks like, what tampering each part of it shows, and that the guest is alone with the pod's network.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge.facts import STANDIN_KINDS
from converge.lab.run import run
from converge.model import Outcome
from tests.kernel.bridging import POD_MAC, Wired, asked_by_arp
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import OUTSIDE4, GuestSpec, Pod, guest_on, ns, serving, settle, tcp
from tests.kernel.listening import monitor
from tests.kernel.matrix import IPV4, MANAGED, settled, wish
from tests.kernel.tampering import Tampering
from tests.kernel.test_bridge import given_back, wired
from tests.kernel.test_tamper import named
from tests.kernel.wiring import at_rest, tamper


def test_links(pod: Callable[..., Pod]) -> None:
    here = pod(mtu=1450)
    index = Wired(here.netns).link("eth0")["ifindex"]
    found = given_back(here, *MANAGED)
    assert [found.kind(name) for name in ("k6t-eth0", "eth0-nic", "tap0")] == ["bridge", "veth", "tun"]
    assert found.kind("eth0") in STANDIN_KINDS
    assert {found.link(name)["mtu"] for name in ("k6t-eth0", "eth0-nic", "tap0", "eth0")} == {1450}
    assert [found.link(name).get("master") for name in ("eth0-nic", "tap0", "eth0")] == ["k6t-eth0", "k6t-eth0", None]
    assert [found.up(name) for name in ("k6t-eth0", "eth0-nic", "tap0", "eth0")] == [True, True, True, False]
    assert [found.learns(name) for name in ("eth0-nic", "tap0")] == [False, True]
    assert (found.link("eth0-nic")["ifindex"], found.link("eth0")["address"]) == (index, POD_MAC)


def test_nobody_is_on_the_bridge(pod: Callable[..., Pod]) -> None:
    here = pod()
    found = wired(here, *MANAGED)
    rest = [each for name in ("k6t-eth0", "eth0-nic", "tap0") for each in found.addresses(name)]
    assert [each for each in rest if not each.startswith("fe80:")] == []
    assert run("ip", "netns", "pids", here.netns) == ""
    assert ns(here.netns, "sysctl -n net.ipv4.conf.all.arp_ignore").strip() == "1"


def test_the_second_run_is_silent(pod: Callable[..., Pod]) -> None:
    here = pod()
    applied(wish(here, MANAGED))
    at_rest(here.netns, "tap0")
    with monitor(here.netns) as heard:
        second = apply(wish(here, MANAGED))
    assert second.outcome is Outcome.UNCHANGED, told(second)
    assert heard.lines == []


def test_the_guest_takes_the_pods_place(pod: Callable[..., Pod]) -> None:
    here = pod(**IPV4)
    applied(wish(here, MANAGED))
    assert asked_by_arp(here.node, "cni0", "10.244.1.5", 0.3) == []
    guest = GuestSpec(mac=POD_MAC, addresses=("10.244.1.5/24",), gateways=("10.244.1.1",))
    with guest_on(here.netns, guest) as inside, serving(inside, "guest", "tcp/80"), serving(here.outside, "outside", "tcp/80"):
        settle(inside)
        assert tcp(inside, OUTSIDE4, 80) == "outside saw 10.244.1.5"
        assert tcp(here.outside, "10.244.1.5", 80) == f"guest saw {OUTSIDE4}"
        assert asked_by_arp(here.node, "cni0", "10.244.1.5") == [POD_MAC]


ON_STANDIN = ("create address eth0/10.244.1.5/24",)
ROWS = (
    Tampering("tap deleted", "ip link del tap0", ["create link tap0"]),
    Tampering("tap renamed", "ip link set tap0 name stolen", ["update link tap0"]),
    Tampering("tap freed", "ip link set tap0 nomaster", ["update link tap0"]),
    Tampering("tap of somebody else", "ip tuntap del tap0 mode tap; ip tuntap add tap0 mode tap user 1", ["update link tap0"]),
    Tampering("bridge deleted", "ip link del k6t-eth0", ["create link k6t-eth0", "update link eth0-nic", "update link tap0"]),
    Tampering("bridge MAC", "ip link set k6t-eth0 address 02:00:00:00:00:99", ["update link k6t-eth0"]),
    Tampering("bridge down", "ip link set k6t-eth0 down", ["update link k6t-eth0"]),
    Tampering(
        "an address on the bridge",
        "ip address add 169.254.75.10/32 dev k6t-eth0",
        ["delete address k6t-eth0/169.254.75.10/32"],
    ),
    Tampering("pod link freed", "ip link set eth0-nic nomaster", ["update link eth0-nic"]),
    Tampering("pod link learns", "bridge link set dev eth0-nic learning on", ["update link eth0-nic"]),
    Tampering("pod link has another MAC", "ip link set eth0-nic address 02:00:00:00:00:98", ["update link eth0-nic"]),
    Tampering(
        "an address on the pod link", "ip address add 10.244.1.5/32 dev eth0-nic", ["delete address eth0-nic/10.244.1.5/32"]
    ),
    Tampering("stand-in's address deleted", "ip address del 10.244.1.5/24 dev eth0", ON_STANDIN),
    Tampering("arp_ignore", "sysctl -qw net.ipv4.conf.all.arp_ignore=0", ["update sysctl net.ipv4.conf.all.arp_ignore"]),
    Tampering(
        "stand-in deleted",
        "ip link del eth0",
        [*ON_STANDIN, "create address eth0/fe80::858:aff:fef4:105/64", "create link eth0"],
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_tampering_is_named_and_repaired(pod: Callable[..., Pod], row: Tampering) -> None:
    here = pod(**IPV4)
    applied(wish(here, MANAGED))
    at_rest(here.netns, "tap0")
    before = settled(here)
    tamper(here.netns, row.script)
    settle(here.netns)
    planned = plan(wish(here, MANAGED))
    assert named(planned) == sorted(row.changes), told(planned)
    applied(wish(here, MANAGED))
    assert plan(wish(here, MANAGED)).outcome is Outcome.UNCHANGED
    settle(here.netns)
    assert settled(here) == before
