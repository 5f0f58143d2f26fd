"""What a masqueraded NIC becomes, as far as documents and facts decide it, and what refuses the pod."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converge.model import Key, Severity
from converge.resources.sysctl import Sysctl
from tests.unit.universe import Pod, Wish, look, wired

BRIDGE, TAP, POD = "bridge:default", "tap:default", "pod:default"
V4, V6 = Pod(("10.244.1.5/24",)), Pod(("fd10:244:1::5/64",))


def keys(wish: Wish, pod: Pod, kind: str) -> set[tuple[str, str]]:
    seen = look(wish, pod.resources())
    assert not seen.refusals
    return {(key.owner, key.name) for key in seen.desired if key.kind == kind}


@pytest.mark.parametrize(
    ("pod", "addresses"),
    [
        (Pod(), {(BRIDGE, "10.0.2.1/24"), (BRIDGE, "fd10:0:2::1/120")}),
        (V4, {(BRIDGE, "10.0.2.1/24")}),
        (V6, {(BRIDGE, "fd10:0:2::1/120")}),
        (Pod(()), set()),
    ],
    ids=["both", "IPv4", "IPv6", "none"],
)
def test_the_bridge_has_a_gateway_of_each_family_that_the_pod_has(pod: Pod, addresses: set[tuple[str, str]]) -> None:
    assert keys(Wish(), pod, "address") == addresses


def test_a_pod_without_addresses_gets_links_and_no_table() -> None:
    seen = look(Wish(), Pod(()).resources())
    assert {key.kind for key in seen.desired} == {"link"}


def test_small_subnets_have_room_for_gateway_and_guest() -> None:
    assert keys(Wish(cidr4="10.77.0.0/30", cidr6="fd77::/126"), Pod(), "address") == {
        (BRIDGE, "10.77.0.1/30"),
        (BRIDGE, "fd77::1/126"),
    }


def test_links_take_the_pod_links_mtu() -> None:
    seen = look(Wish(), Pod(mtu=1450).resources())
    assert {seen.desired[Key("link", role)].mtu for role in (BRIDGE, TAP)} == {1450}


@pytest.mark.parametrize(("queues", "several"), [(0, False), (1, False), (2, True), (8, True)])
def test_several_queues_need_a_tap_for_them(queues: int, several: bool) -> None:
    seen = look(Wish(queues=queues), Pod().resources())
    assert seen.desired[Key("link", TAP)].tap.multi_queue is several


def test_the_tap_belongs_to_whom_the_document_says() -> None:
    tap = look(Wish(owner=0), Pod().resources()).desired[Key("link", TAP)].tap
    assert (tap.owner, tap.group) == (0, 0)


def test_accept_ra_is_raised_only_where_it_is_one() -> None:
    key = Key("sysctl", POD, "ipv6.accept_ra")
    assert look(Wish(), Pod().resources()).desired[key] == Sysctl("2")
    off = Pod().resources() | {Key("sysctl", "#2", "ipv6.accept_ra"): Sysctl("0")}
    assert key not in look(Wish(), off).desired
    assert key not in look(Wish(), V4.resources()).desired


def test_earlier_values_are_written_down_once() -> None:
    written = keys(Wish(), Pod(), "fact")
    assert ("pod", "sysctl net.ipv4.ip_forward 0") in written
    assert ("pod", "sysctl net.ipv6.conf.all.forwarding 0") in written
    assert ("default", "sysctl ipv6.accept_ra 1 ifindex 2") in written
    again = look(Wish(), wired(Wish(), Pod()))
    assert {(key.owner, key.name) for key in again.desired if key.kind == "fact"} == written


def test_what_the_host_left_on_is_written_down_as_on() -> None:
    assert ("pod", "sysctl net.ipv4.ip_forward 1") in keys(Wish(), Pod(routed=True), "fact")


@pytest.mark.parametrize("wish", [Wish(cidr4="10.244.0.0/16"), Wish(cidr6="fd10:244:1::/120"), Wish(cidr4="10.244.1.4/30")])
def test_a_subnet_that_overlaps_the_pods_own_is_refused(wish: Wish) -> None:
    (refusal,) = look(wish, Pod().resources()).refusals
    assert refusal.summary == "guest subnet overlaps the pod's"
    assert "overlaps" in refusal.detail
    assert refusal.severity is Severity.ERROR


def test_an_overlap_of_a_family_that_the_pod_has_not_is_none() -> None:
    assert not look(Wish(cidr4="10.244.0.0/16"), V6.resources()).refusals


def test_a_pod_without_the_link_is_refused_by_name() -> None:
    gone = {key: value for key, value in Pod().resources().items() if key.owner != "#2"}
    (refusal,) = look(Wish(), gone).refusals
    assert refusal.summary == "pod link is missing"
    assert "eth0" in refusal.detail


def test_facts_that_are_lost_are_not_captured_anew() -> None:
    """A wired pod shows what converge wrote, not what was there before."""
    kinds = ("table", "set", "element", "chain", "fact")
    bare = {key: value for key, value in wired(Wish(), Pod()).items() if key.kind not in kinds}
    assert not [key for key in look(Wish(), bare).desired if key.kind == "fact"]


def test_the_pod_link_itself_is_not_changed_but_marked() -> None:
    before = Pod().resources()
    seen = look(Wish(), before)
    assert seen.desired[Key("link", POD)] == replace(before[Key("link", "#2")], mark=POD)
    assert Key("link", POD) not in look(Wish(), V4.resources()).desired
