"""The lab itself, with real packets: what the other tests take for granted about pods, guests, snapshots and monitors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from converge.lab import herd, pods
from converge.lab.run import LabError, exists
from tests.kernel.inside import (
    OUTSIDE4,
    OUTSIDE6,
    GuestSpec,
    Pod,
    answer,
    guest_on,
    held,
    ns,
    ping,
    serving,
    settle,
    shell,
    tcp,
    udp,
)
from tests.kernel.judge import differences, snapshot
from tests.kernel.listening import monitor

MakePod = Callable[..., Pod]

BRIDGED_TAP = """
ip tuntap add tap0 mode tap user 107 group 107 {queues}
ip link add k6t-eth0 type bridge
ip link set tap0 master k6t-eth0 up
ip address add 10.0.2.1/24 dev k6t-eth0
ip address add fd10:0:2::1/120 dev k6t-eth0 nodad
ip link set k6t-eth0 up
"""


@pytest.mark.parametrize(("address", "outside"), [("10.244.1.5", OUTSIDE4), ("fd10:244:1::5", OUTSIDE6)])
def test_outside_and_pod_reach_each_other(pod: MakePod, address: str, outside: str) -> None:
    web = pod()
    with serving(web.netns, "pod", "tcp/80", "udp/53"), serving(web.outside, "outside", "tcp/443", "udp/53"):
        assert tcp(web.outside, address, 80) == f"pod saw {outside}"
        assert udp(web.outside, address, 53) == f"pod saw {outside}"
        assert tcp(web.netns, outside, 443) == f"outside saw {address}"
        assert udp(web.netns, outside, 53) == f"outside saw {address}"
    assert ping(web.outside, address) == 63
    assert tcp(web.outside, address, 80) == "refused"
    assert udp(web.outside, address, 53) == "refused"


def test_nobody_there_is_silence_or_unreachable(pod: MakePod) -> None:
    web = pod()
    assert tcp(web.outside, "10.244.1.99", 80, 0.2) == "silent"
    assert ping(web.outside, "10.244.1.99", 0.2) is None
    assert tcp(web.netns, "10.0.0.1", 80, 0.2).startswith(("unreachable", "silent"))


def test_pods_reach_each_other(pod: MakePod) -> None:
    web, other = pod("web"), pod("other", addresses4=["10.244.1.6/24"], addresses6=[], mac="0a:58:0a:f4:01:06", gateway6="")
    with serving(other.netns, "other", "tcp/80"):
        assert tcp(web.netns, "10.244.1.6", 80) == "other saw 10.244.1.5"
    assert not answer(other.netns, "ip -j -6 route show default")


def test_a_gateway_outside_of_the_subnet(pod: MakePod) -> None:
    """As Calico gives it: a host address, and a gateway that only an on-link route reaches."""
    web = pod(addresses4=["10.9.9.9/32"], addresses6=["fd99::9/128"], gateway4="169.254.1.1", gateway6="fd00:169::1", mtu=1440)
    with serving(web.netns, "pod", "tcp/80"):
        assert tcp(web.outside, "10.9.9.9", 80) == f"pod saw {OUTSIDE4}"
        assert tcp(web.outside, "fd99::9", 80) == f"pod saw {OUTSIDE6}"


def test_a_pod_is_what_was_asked_for(pod: MakePod) -> None:
    web = pod(mtu=1450, link="ens3", sysctls={"net/ipv4/ip_forward": "1"})
    (link,) = answer(web.netns, "ip -j link show ens3")
    assert (link["mtu"], link["address"]) == (1450, "0a:58:0a:f4:01:05")
    assert ns(web.netns, "cat /proc/sys/net/ipv4/ip_forward").strip() == "1"


@pytest.mark.parametrize("queues", ["", "multi_queue"])
def test_the_wire_opens_the_real_tap(pod: MakePod, queues: str) -> None:
    web = pod()
    shell(web.netns, BRIDGED_TAP.format(queues=queues))
    before = snapshot(web.netns)["links"]
    with guest_on(web.netns) as guest, serving(guest, "guest", "tcp/80", "udp/53"):
        settle(web.netns)
        assert tcp(web.netns, "10.0.2.2", 80) == "guest saw 10.0.2.1"
        assert udp(web.netns, "fd10:0:2::2", 53) == "guest saw fd10:0:2::1"
        assert ping(guest, "10.0.2.1") == 64
        assert ping(web.outside, "10.0.2.2", 0.2) is None
        with held(web.netns, "10.0.2.2", 80) as connection:
            assert connection.greeting == "guest saw 10.0.2.1"
            assert [connection.echo(word) for word in ("one", "two")] == ["one", "two"]
    assert not exists(guest)
    assert snapshot(web.netns)["links"] == before


def test_large_packets_cross_the_wire(pod: MakePod) -> None:
    web = pod()
    shell(web.netns, BRIDGED_TAP.format(queues=""))
    with guest_on(web.netns) as guest, serving(guest, "guest", "tcp/80"), held(web.netns, "10.0.2.2", 80) as connection:
        assert connection.echo("x" * 200_000) == "x" * 200_000


def test_no_tap_is_made_where_none_is(pod: MakePod) -> None:
    web = pod()
    with pytest.raises(LabError, match="the pod has no link tap0"), guest_on(web.netns):
        pass
    assert "tap0" not in snapshot(web.netns)["links"]
    assert not exists(f"{web.netns}-guest")


def test_a_guest_without_addresses_has_its_link_only(pod: MakePod) -> None:
    web = pod()
    shell(web.netns, BRIDGED_TAP.format(queues=""))
    with guest_on(web.netns, GuestSpec(addresses=(), gateways=(), mac="02:00:00:00:00:77")) as guest:
        (link,) = answer(guest, "ip -j link show eth0")
        assert link["address"] == "02:00:00:00:00:77"
        assert tcp(guest, "10.0.2.1", 80).startswith("unreachable")


def test_up_leaves_nothing_when_it_fails(place: pods.Place) -> None:
    good, bad = pods.PodSpec("good"), pods.PodSpec("bad", mac="00:00:00:00:00:00")
    with pytest.raises(LabError):
        pods.up([good, bad], place)
    assert not pods.pods_of(place)
    assert not exists(place.node)


def test_up_twice_is_refused_and_harmless(pod: MakePod, place: pods.Place) -> None:
    web = pod()
    with pytest.raises(LabError, match="there already"):
        pods.up([web.spec], place)
    assert exists(web.netns)


def test_down_is_idempotent(pod: MakePod, place: pods.Place) -> None:
    pod()
    for _ in range(2):
        pods.down(["web", "never-made"], place)
    assert not exists(place.node)
    assert not exists(place.outside)


def test_a_snapshot_sees_what_one_sets_and_not_what_packets_do(pod: MakePod) -> None:
    web = pod()
    shell(
        web.netns,
        "nft add table inet t; nft add chain inet t c '{ type filter hook input priority 0; }'; nft add rule inet t c counter",
    )
    before = snapshot(web.netns)
    assert ping(web.outside, "10.244.1.5") == 63
    assert snapshot(web.netns) == before
    tampering = {
        "links": "ip link set eth0 mtu 1400",
        "addresses": "ip address add 10.244.1.55/24 dev eth0",
        "routes": "ip -6 route add ::1/128 dev eth0 table local metric 2048 proto 201",
        "sysctls": "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet",
        "nft": "nft add set inet t ports '{ type inet_service; elements = { 80, 53 }; }'",
    }
    for part, command in tampering.items():
        before = snapshot(web.netns)
        shell(web.netns, command)
        assert any(part in line for line in differences(before, snapshot(web.netns))), command


def test_a_monitor_hears_everything_between_and_nothing_else(pod: MakePod) -> None:
    web = pod()
    settle(web.netns)
    ns(web.netns, "nft add table inet before")
    ns(web.netns, "ip address add 10.9.9.1/32 dev lo")
    with monitor(web.netns) as heard:
        ns(web.netns, "ip address add 10.9.9.2/32 dev lo")
        ns(web.netns, "nft add table inet between")
    ns(web.netns, "ip address add 10.9.9.3/32 dev lo")
    text = "\n".join(heard.routing)
    assert "10.9.9.2" in text
    assert "10.9.9.1" not in text
    assert "10.9.9.3" not in text
    assert [line for line in heard.nft if not line.startswith("#")] == ["add table inet between"]
    assert len(heard.nft) == 2


def test_a_monitor_hears_silence(pod: MakePod) -> None:
    web = pod()
    settle(web.netns)
    with monitor(web.netns) as heard:
        snapshot(web.netns)
    assert heard.lines == []


def test_a_herd_is_made_and_gone(place: pods.Place) -> None:
    with herd.many(3, place) as names:
        assert pods.pods_of(place) == names
        last = answer(names[2], "ip -j address show eth0")[0]
        assert last["address"] == herd.mac(2)
        shown = {f"{address['local']}/{address['prefixlen']}" for address in last["addr_info"]}
        assert {str(address) for address in herd.addresses(2)} <= shown
        for family in ("-4", "-6"):
            assert len(answer(names[2], f"ip -j {family} route show default")) == 1
    assert not pods.pods_of(place)
    assert not exists(place.node)


def test_a_herd_that_fails_leaves_nothing_and_no_thread_elsewhere(place: pods.Place) -> None:
    with herd.many(1, place), pytest.raises(LabError, match="there already"), herd.many(1, place):
        pass
    assert not exists(place.node)
    assert Path("/proc/thread-self/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
