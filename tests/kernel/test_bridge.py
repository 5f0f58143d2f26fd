"""What one wired bridge NIC looks like, with the usual tools as witnesses: links, addresses, numbers, and where others give up.

    node ── eth0-nic ── k6t-eth0 ── tap0 ── guest with the pod's MAC and address
            eth0: the stand-in, down, with the pod link's name, MAC and addresses

What becomes of facts that are lost is in test_bridge_facts.py; KubeVirt's own recordings are in test_bridge_peer.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from converge.bindings.names import hashed
from converge.facts import STANDIN_KINDS
from converge.model import Nic, Outcome
from tests.kernel.bridging import FE80, POD_MAC, Wired, asked_by_arp, attached, many, secondary
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, GuestSpec, Pod, answer, guest_on, ns, ping, serving, settle, shell, tcp
from tests.kernel.judge import differences, snapshot
from tests.kernel.matrix import BRIDGE, CALICO, IPV4, MASQUERADE, NOTHING, wish

ARP_IGNORE = "sysctl -n net.ipv4.conf.all.arp_ignore"
ANY_STATE = {"addresses4": (), "addresses6": (), "gateway4": "", "gateway6": ""}
"""A pod whose own link plays no part."""


def wired(pod: Pod, *nics: Nic) -> Wired:
    """Apply, expect nothing more to do, and look."""
    settle(pod.netns)
    applied(wish(pod, nics))
    again = plan(wish(pod, nics))
    assert again.outcome is Outcome.UNCHANGED, told(again)
    return Wired(pod.netns)


def given_back(pod: Pod, *nics: Nic) -> Wired:
    """Wired, and whatever is found there, unwiring leaves no trace of it."""
    settle(pod.netns)
    before = snapshot(pod.netns)
    found = wired(pod, *nics)
    assert found.links  # looked at now, not after the unwiring
    assert found.addresses("lo")
    applied(wish(pod, NOTHING))
    assert not differences(before, snapshot(pod.netns))
    return found


def becomes(netns: str, link: str, state: str) -> None:
    """The kernel tells an operational state some moments after the cause."""
    end = time.monotonic() + 5
    while (now := answer(netns, f"ip -j link show {link}")[0]["operstate"]) != state:
        assert time.monotonic() < end, f"{link} stays {now}"
        time.sleep(0.02)


# ------------------------------------------------------------------------------------------------------------ links


@pytest.mark.parametrize("mtu", [1450, 9000])
def test_links(pod: Callable[..., Pod], mtu: int) -> None:
    here = pod(mtu=mtu)
    index = Wired(here.netns).link("eth0")["ifindex"]
    found = wired(here, *BRIDGE)
    assert [found.kind(name) for name in ("k6t-eth0", "eth0-nic", "tap0")] == ["bridge", "veth", "tun"]
    assert found.kind("eth0") in STANDIN_KINDS
    assert {found.link(name)["mtu"] for name in ("k6t-eth0", "eth0-nic", "tap0", "eth0")} == {mtu}
    assert [found.up(name) for name in ("k6t-eth0", "eth0-nic", "tap0", "eth0")] == [True, True, True, False]
    assert [found.link(name).get("master") for name in ("eth0-nic", "tap0", "eth0")] == ["k6t-eth0", "k6t-eth0", None]
    assert [found.learns(name) for name in ("eth0-nic", "tap0")] == [False, True]
    assert found.link("eth0-nic")["ifindex"] == index
    assert found.link("eth0")["address"] == POD_MAC
    marks = [found.link(name)["altnames"] for name in ("k6t-eth0", "eth0-nic", "tap0", "eth0")]
    assert marks == [[f"converge:{role}:default"] for role in ("bridge", "pod", "tap", "standin")]


def test_the_bridge_has_a_mac_that_stays(pod: Callable[..., Pod]) -> None:
    """Pinned, whatever tap comes; nobody else's; and the same when the pod is wired once more."""
    here = pod(**IPV4)
    found = wired(here, *BRIDGE)
    mac = found.link("k6t-eth0")["address"]
    assert found.link("eth0-nic")["address"] == mac
    assert mac not in (POD_MAC, found.link("tap0")["address"])
    assert int(mac[:2], 16) & 0b11 == 0b10, "locally administered, and one station's"
    ns(here.netns, "ip link add low address 02:00:00:00:00:01 type veth peer name lowpeer")
    ns(here.netns, "ip link set low master k6t-eth0")
    assert Wired(here.netns).link("k6t-eth0")["address"] == mac
    ns(here.netns, "ip link del low")
    applied(wish(here, NOTHING))
    assert wired(here, *BRIDGE).link("k6t-eth0")["address"] == mac


# -------------------------------------------------------------------------------------------------------- addresses


def test_the_standin_has_every_address_and_the_others_none(pod: Callable[..., Pod]) -> None:
    here = pod()
    found = wired(here, *BRIDGE)
    assert sorted(found.addresses("eth0")) == sorted(["10.244.1.5/24", "fd10:244:1::5/64", FE80])
    assert found.broadcasts("eth0") == ["10.244.1.255"]
    assert found.servers(["k6t-eth0"]) == ["169.254.75.10/32"]
    assert found.broadcasts("k6t-eth0") == [None]
    rest = [address for name in ("eth0-nic", "tap0", "k6t-eth0") for address in found.addresses(name)]
    assert [address for address in rest if not address.startswith("fe80:")] == ["169.254.75.10/32"]
    assert FE80 not in rest
    assert not answer(here.netns, "ip -j -4 route show")


@pytest.mark.parametrize("fields", [IPV4 | CALICO, IPV4 | {"addresses4": ("10.244.1.5/24", "10.244.1.6/24", "10.9.0.1/30")}])
def test_unusual_addresses(pod: Callable[..., Pod], fields: dict[str, tuple[str, ...]]) -> None:
    """Calico's /32 has no broadcast. Two addresses of one subnet, of which the kernel deletes both at once, do not get lost."""
    found = given_back(pod(**fields), *BRIDGE)
    assert sorted(found.addresses("eth0")) == sorted([*fields["addresses4"], FE80])
    expected = [None] if len(fields["addresses4"]) == 1 else ["10.244.1.255", "10.9.0.3", "10.244.1.255"]
    assert found.broadcasts("eth0") == expected, "the kernel lists secondary addresses last"


@pytest.mark.parametrize("fields", [ANY_STATE, {"addresses4": (), "gateway4": ""}], ids=["none", "IPv6 only"])
def test_without_ipv4_there_is_layer_2_only(pod: Callable[..., Pod], fields: dict[str, object]) -> None:
    here = pod(**fields)
    found = given_back(here, *BRIDGE)
    assert found.servers(["k6t-eth0"]) == []
    assert FE80 in found.addresses("eth0")
    applied(wish(here, BRIDGE))
    assert ns(here.netns, ARP_IGNORE).strip() == "0"


def test_arp_ignore_while_anybody_needs_it(pod: Callable[..., Pod]) -> None:
    here = pod()
    other = secondary("other")
    shell(here.netns, attached(hashed("other"), "192.168.5.9/24"))
    for nics, value in (((*BRIDGE, other), "1"), (BRIDGE, "1"), ((), "0"), ((*MASQUERADE, other), "1"), (MASQUERADE, "0")):
        applied(wish(here, nics))
        assert ns(here.netns, ARP_IGNORE).strip() == value


# ---------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("number", [10, 11])
def test_a_bridge_is_numbered_by_its_nics_position(pod: Callable[..., Pod], number: int) -> None:
    """The position is text that is appended: 9 gives .19, and 10 gives .110."""
    here = pod(**IPV4)
    nics, script = many(number - 1)
    shell(here.netns, script)
    found = given_back(here, *BRIDGE, *nics)
    bridges = ["k6t-eth0", *(f"k6t-{hashed(nic.name)[3:]}" for nic in nics)]
    assert found.servers(bridges) == [f"169.254.75.1{place}/32" for place in range(number)]


def test_a_nic_that_leaves_or_comes_moves_no_other(pod: Callable[..., Pod]) -> None:
    """By number, and by anything else that one can see of the links of the NICs that stay."""
    here = pod(**IPV4)
    (first, second, third, fourth), script = many(4)
    shell(here.netns, script)
    bridges = [f"k6t-{hashed(nic.name)[3:]}" for nic in (first, second, third, fourth)]
    before = wired(here, *MASQUERADE, first, second, third)
    assert before.servers(bridges[:3]) == ["169.254.75.11/32", "169.254.75.12/32", "169.254.75.13/32"]
    fewer = wired(here, *MASQUERADE, first, third)
    assert bridges[1] not in fewer.links
    assert fewer.servers([bridges[0], bridges[2]]) == ["169.254.75.11/32", "169.254.75.13/32"]
    more = wired(here, *MASQUERADE, first, third, fourth)
    assert more.servers([bridges[0], *bridges[2:]]) == ["169.254.75.11/32", "169.254.75.13/32", "169.254.75.14/32"]
    stayed = [name for name in before.links if hashed(second.name)[3:] not in name and hashed(fourth.name)[3:] not in name]
    assert {name: more.links[name] for name in stayed} == {name: before.links[name] for name in stayed}


# ---------------------------------------------------------------------------------- pod links that others stumble over


@pytest.mark.parametrize("state", ["DOWN", "LOWERLAYERDOWN"])
def test_up_without_carrier(pod: Callable[..., Pod], state: str) -> None:
    """The far end of the pod link is down. The kernel tells so where it sees both ends, which in a pod it seldom does."""
    here = pod(**ANY_STATE)
    far = here.node if state == "DOWN" else here.netns
    ns(far, f"ip link add far type veth peer name dead netns {here.netns}")
    shell(here.netns, "ip address add 10.7.0.5/24 dev dead\nip link set dead up")
    if os.uname().release.startswith("6.1.") and state == "DOWN":
        state = "LOWERLAYERDOWN"  # seen: that kernel says so of either
    becomes(here.netns, "dead", state)
    found = given_back(here, secondary("dead", "dead"))
    assert found.link("dead-nic")["master"] == "k6t-dead"
    assert "10.7.0.5/24" in found.addresses("dead")


def test_of_unknown_state(pod: Callable[..., Pod]) -> None:
    """A tunnel that is up says `unknown`."""
    here = pod(**IPV4)
    shell(
        here.netns,
        "ip link add vx type vxlan id 7 local 10.244.1.5 dstport 4789\nip address add 10.7.0.5/24 dev vx\nip link set vx up",
    )
    becomes(here.netns, "vx", "UNKNOWN")
    found = given_back(here, secondary("vx", "vx"))
    assert found.link("vx-nic")["master"] == "k6t-vx"


def test_down_and_given_back_down(pod: Callable[..., Pod]) -> None:
    """A port must be up to carry frames; the pod gets it back as it was."""
    here = pod(**ANY_STATE)
    shell(here.netns, attached("off", "10.7.0.5/24") + "\nip link set off down")
    assert given_back(here, secondary("off", "off")).up("off-nic")


BESIDE = """
ip route add blackhole 198.18.0.0/15
ip route add unreachable 198.20.0.0/16 metric 7
ip route add 10.50.0.0/16 nexthop via 192.168.1.1 nexthop via 192.168.1.2
ip route add default via 192.168.1.1 metric 50 table 7
"""
BESIDE6 = """
ip -6 route add blackhole 2001:db8:dead::/48
ip -6 route add fd50::/64 nexthop via fd99::1 nexthop via fd99::2
"""


def test_blackhole_and_multipath_routes_beside_it(pod: Callable[..., Pod]) -> None:
    """They are on no link, or on another one, and stay there while the pod link is taken over."""
    here = pod()
    shell(here.netns, attached("net9", "192.168.1.9/24") + "\nip address add fd99::9/64 dev net9 nodad\n" + BESIDE + BESIDE6)
    settle(here.netns)
    beside = [f"ip {family} route show table all" for family in ("-4", "-6")]
    kept = [line for command in beside for line in ns(here.netns, command).splitlines() if "eth0" not in line]
    given_back(here, *BRIDGE)
    applied(wish(here, BRIDGE))
    found = [line for command in beside for line in ns(here.netns, command).splitlines()]
    assert [line for line in kept if "fe80" not in line and "ff00" not in line and line not in found] == []


# ------------------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(("link", "stem", "tap"), [(hashed("storage"), hashed("storage")[3:], None), ("net1", "net1", "tap1")])
def test_names_of_secondary_networks(pod: Callable[..., Pod], link: str, stem: str, tap: str | None) -> None:
    """Hashed ones, and ordinal ones where the CNI gave such names."""
    here = pod()
    shell(here.netns, attached(link, "192.168.5.9/24", "02:11:22:33:44:01"))
    found = given_back(here, *MASQUERADE, secondary("storage"))
    assert found.link(link)["address"] == "02:11:22:33:44:01"
    assert found.kind(link) in STANDIN_KINDS
    for name in (f"{stem}-nic", tap or f"tap{stem}"):
        assert found.link(name)["master"] == f"k6t-{stem}"
    assert found.addresses(link)[0] == "192.168.5.9/24"


def test_a_pod_link_of_another_name(pod: Callable[..., Pod]) -> None:
    here = pod(link="cust-iface")
    (nic,) = BRIDGE
    named = Nic(nic.name, nic.binding, nic.network, nic.at, pod_link="cust-iface")
    found = given_back(here, named)
    assert {"cust-iface", "cust-iface-nic", "k6t-cust-iface", "tap0"} <= found.links.keys()
    assert found.link("cust-iface")["address"] == POD_MAC


# ---------------------------------------------------------------------------------------------------------- packets

GUEST = GuestSpec(mac=POD_MAC, addresses=("10.244.1.5/24", "fd10:244:1::5/64"), gateways=("10.244.1.1", "fd10:244:1::1"))


def test_the_guest_takes_the_pods_place(pod: Callable[..., Pod]) -> None:
    """It reaches the node and the outside and is reached, all with the pod's MAC and addresses, and by nobody's translation."""
    here = pod()
    applied(wish(here, BRIDGE))
    with guest_on(here.netns, GUEST) as guest, serving(guest, "guest", "tcp/80"), serving(here.outside, "outside", "tcp/80"):
        settle(guest)
        for gateway, outside, own in (("10.244.1.1", OUTSIDE4, "10.244.1.5"), ("fd10:244:1::1", OUTSIDE6, "fd10:244:1::5")):
            assert ping(guest, gateway) == 64
            assert tcp(guest, outside, 80) == f"outside saw {own}"
            assert tcp(here.outside, own, 80) == f"guest saw {outside}"
        assert f"10.244.1.5 dev cni0 lladdr {POD_MAC}" in ns(here.node, "ip neigh show")


def test_only_the_guest_answers_for_the_pods_address(pod: Callable[..., Pod]) -> None:
    """The stand-in's addresses are local to the namespace: without arp_ignore, the bridge would answer too. It does, once."""
    here = pod(**IPV4)
    applied(wish(here, BRIDGE))
    assert asked_by_arp(here.node, "cni0", "10.244.1.5", 0.3) == []
    with guest_on(here.netns, GuestSpec(mac=POD_MAC, addresses=("10.244.1.5/24",), gateways=("10.244.1.1",))):
        assert asked_by_arp(here.node, "cni0", "10.244.1.5") == [POD_MAC]
        ns(here.netns, "sysctl -qw net.ipv4.conf.all.arp_ignore=0")
        bridge = Wired(here.netns).link("k6t-eth0")["address"]
        assert sorted(asked_by_arp(here.node, "cni0", "10.244.1.5")) == sorted([POD_MAC, bridge])
        assert [change.key.name for change in apply(wish(here, BRIDGE)).plan.changes] == ["net.ipv4.conf.all.arp_ignore"]
        assert asked_by_arp(here.node, "cni0", "10.244.1.5") == [POD_MAC]
