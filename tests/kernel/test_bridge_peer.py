"""KubeVirt as the judge of bridge NICs: what it left in a pod, recorded, against what converge makes of the same document there.

The machinery is that of test_peer.py; the records are in `tests/cases/kubevirt-bridge/`, in the same form. Where KubeVirt
failed or left something behind, converge must do better, and each such case has a test of its own.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converge.bindings.takeover import bridge_mac
from converge.kernel.capabilities import standin_kind
from converge.lab.pods import delete
from converge.lab.run import run, write_sysctls
from converge.model import Outcome
from tests.kernel import driving, peer_cases
from tests.kernel.bridging import POD_MAC, Wired
from tests.kernel.inside import ns, settle
from tests.kernel.judge import differences as differences_of_snapshots
from tests.kernel.judge import snapshot
from tests.kernel.peer_cases import QUIET, Case, Place, act
from tests.kernel.peer_differences import KEYS, WIRING, Difference
from tests.kernel.peer_state import differences, live, recorded, sysctls

FOLDER = peer_cases.FOLDER.parent / "kubevirt-bridge"

BRIDGE_WIRING = (
    *WIRING,
    Difference("owner-marks", r"link \S+ altname converge:(pod|standin):\S+", "-", "there", "the stand-in has a role too"),
    Difference("ifb", r"link (?!.*-nic )\S+ kind", "dummy", "ifb", "this kernel has no dummy driver; an ifb does the same"),
    Difference(
        "standin-nodad",
        r"address (?!k6t-)\S+ \S+:\S+",
        "scope global broadcast -",
        "scope global broadcast - nodad",
        "a link that stays down can ask nobody",
    ),
    Difference(
        "number",
        r"address k6t-\S+ 169\.254\.75\.1\d+/32",
        "scope global broadcast -",
        "-",
        "KubeVirt numbers a NIC by its place among those handed in at that moment",
    ),
    Difference(
        "number",
        r"address k6t-\S+ 169\.254\.75\.1\d+/32",
        "-",
        "scope global broadcast -",
        "converge numbers it by its place in the document, so two never meet",
    ),
)

LINKS = {"owner-marks"} | ({"ifb"} if standin_kind() == "ifb" else set())
FOUR = LINKS | {"own-table"}
BOTH = FOUR | {"loopback6", "accept-ra", "gateway-nodad"}

CASES: dict[str, set[str]] = {
    "bridge-calico": FOUR,
    "bridge-custom-primary": FOUR,
    "bridge-dual": FOUR | {"standin-nodad"},
    "bridge-no-address": FOUR,
    "bridge-routes": FOUR,
    "bridge-two-subnets": FOUR | {"standin-nodad"},
    "masq-and-bridge-ip": BOTH,
    "ordinal": BOTH,
    "unplug": BOTH,
}
TWICE = {"hotplug", "unplug", "bridge-half-done"}

ELSEWHERE = {"pinned", "given-back", "carries-on"}
"""Differences that show in no such comparison: each has a test of its own."""

_numbers = itertools.count()


@pytest.fixture
def place() -> Place:
    prefix = f"kb{os.getpid()}-{next(_numbers)}-"
    return Place(f"{prefix}pod", f"{prefix}node")


@contextmanager
def built(case: Case, place: Place) -> Iterator[str]:
    """The recorded pod and its node, with nobody behind it."""
    try:
        for netns in (place.node, place.pod):
            run("ip", "netns", "add", netns)
            write_sysctls(netns, QUIET)
            run("ip", "-n", netns, "link", "set", "lo", "up")
        for line in case.pod_setup:
            act(place, line)
        settle(place.pod)
        yield place.pod
    finally:
        delete((place.pod, place.node))


def load(name: str) -> Case:
    return peer_cases.load(f"../{FOLDER.name}/{name}")


def second(case: Case) -> Case:
    """The same pod after KubeVirt was asked again, and the document that it was asked with."""
    assert case.second is not None
    raw = json.loads((FOLDER / f"{case.name}.json").read_text())
    return replace(case, vmi=raw.get("second_vmi", case.vmi), after=case.second)


def explained(found: dict[str, tuple[str, str]]) -> tuple[set[str], dict[str, tuple[str, str]]]:
    """Keys of the differences on purpose, and the rest."""
    why = {name: [each.key for each in BRIDGE_WIRING if each.explains(name, *values)] for name, values in found.items()}
    return {keys[0] for keys in why.values() if keys}, {name: found[name] for name, keys in why.items() if not keys}


def test_no_case_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == CASES.keys() | TWICE


def test_every_difference_is_documented() -> None:
    """One section of the page a key, but for those that the page on differences has already."""
    page = Path(__file__).parents[2] / "docs" / "bridge.md"
    headings = [line.split("`")[1] for line in page.read_text().splitlines() if line.startswith("### ") and "`" in line]
    keys = {each.key for each in BRIDGE_WIRING} | ELSEWHERE
    assert sorted(headings) == sorted(keys - KEYS)


@pytest.mark.parametrize("name", CASES)
def test_the_same_wiring(place: Place, name: str) -> None:
    case = load(name)
    with built(case, place) as netns:
        before = sysctls(case, netns)
        driving.applied(peer_cases.document(case, netns))
        keys, rest = explained(differences(recorded(case), live(case, netns, before)))
        assert not rest
        assert keys == CASES[name]
        assert driving.plan(peer_cases.document(case, netns)).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("name", ["bridge-dual", "bridge-calico", "ordinal"])
def test_the_bridges_mac_is_the_pod_links_and_stays(place: Place, name: str) -> None:
    """`pinned`: KubeVirt's bridge takes the tap's MAC where that is lower, and the pod link's copy is then somebody else's."""
    case = load(name)
    (bridge, pod_link) = [
        next(link for link in case.after["links"] if link["ifname"] == found) for found in bridge_and_pod_link(case.after)
    ]
    with built(case, place) as netns:
        driving.applied(peer_cases.document(case, netns))
        found = Wired(netns)
        original = found.link(pod_link["ifname"].removesuffix("-nic"))["address"]
        assert found.link(bridge["ifname"])["address"] == bridge_mac(original) == found.link(pod_link["ifname"])["address"]
    assert (bridge["address"] == pod_link["address"]) is (name == "bridge-dual")


def bridge_and_pod_link(after: Any) -> tuple[str, str]:
    (pod_link,) = [link["ifname"] for link in after["links"] if link["ifname"].endswith("-nic")]
    return f"k6t-{pod_link.removesuffix('-nic')}", pod_link


# ------------------------------------------------------------------------------------------------------ asked again


def test_a_nic_plugged_in_later(place: Place) -> None:
    """`number`: the second NIC alone was handed in, so KubeVirt gave it the number of the first."""
    case = load("hotplug")
    then = second(case)
    with built(case, place) as netns:
        before = sysctls(case, netns)
        driving.applied(peer_cases.document(case, netns))
        first = Wired(netns).links
        driving.applied(peer_cases.document(then, netns))
        keys, rest = explained(differences(recorded(then), live(then, netns, before)))
        assert not rest
        assert keys == BOTH | {"number"}
        assert Wired(netns).servers(["k6t-b1f51a511f1"]) == ["169.254.75.11/32"]
        assert {name: Wired(netns).links[name] for name in ("eth0", "k6t-eth0", "tap0")} == {
            name: first[name] for name in ("eth0", "k6t-eth0", "tap0")
        }


def test_a_nic_unplugged(place: Place) -> None:
    """`given-back`: KubeVirt leaves the pod link renamed, with another MAC, without addresses, and arp_ignore on."""
    case = load("unplug")
    then = second(case)
    left = {link["ifname"]: link for link in then.after["links"]}
    assert "podb1f51a511f1" not in left
    assert "master" not in left["b1f51a511f1-nic"]
    assert then.after["sysctl"]["net.ipv4.conf.all.arp_ignore"] == "1"
    with built(case, place) as netns:
        before = snapshot(netns)
        driving.applied(peer_cases.document(case, netns))
        kept = Wired(netns).links
        driving.applied(peer_cases.document(then, netns))
        after = snapshot(netns)
        for part, own in (("links", "podb1f51a511f1"), ("sysctls", "net/ipv4/conf/all/arp_ignore")):
            assert after[part][own] == before[part][own]
        for part in ("addresses", "routes"):
            own_before, own_after = (
                [each for each in whole[part] if each.get("dev") == "podb1f51a511f1"] for whole in (before, after)
            )
            assert own_after == own_before
        assert {name: after["links"][name] for name in ("eth0", "k6t-eth0", "tap0")} == {
            name: kept[name] for name in ("eth0", "k6t-eth0", "tap0")
        }
        assert after["links"].keys() == {"lo", "eth0", "podb1f51a511f1", "k6t-eth0", "tap0"}


# ------------------------------------------------------------------------------------------------ where KubeVirt fails


def test_an_obstacle_is_removed(place: Place) -> None:
    """`carries-on`: something else is called tap0. KubeVirt stopped after the rename, and could never go on; here nothing was
    done, or all is.
    """
    case = load("bridge-half-done")
    errors = json.loads((FOLDER / f"{case.name}.json").read_text())["errors"]
    assert [error.rpartition("err: ")[2][:40] for error in errors][1:] == [
        "Critical network error: preparation for ",
        "pod link (eth0) is missing",
    ]
    assert "eth0" not in {link["ifname"] for link in case.after["links"]}
    with built(case, place) as netns:
        before = snapshot(netns)
        result = driving.apply(peer_cases.document(case, netns))
        assert result.outcome in (Outcome.REFUSED, Outcome.RESTORED), driving.told(result)
        assert "tap0" in driving.told(result)
        assert not differences_of_snapshots(before, snapshot(netns))
        for line in case.tampering:
            act(place, line)
        driving.applied(peer_cases.document(case, netns))
        assert Wired(netns).link("tap0")["master"] == "k6t-eth0"
        assert Wired(netns).link("eth0")["address"] == POD_MAC


BEYOND = {
    "two addresses of one subnet": ["addr add 10.244.1.6/24 dev eth0"],
    "without a route of its own": ["addr del 10.244.1.5/24 dev eth0", "addr add 10.244.1.5/32 dev eth0"],
    "no carrier": ["node: link set n-eth0 down"],
    "a blackhole beside it": ["route add blackhole 198.18.0.0/15"],
    "multipath beside it": [
        "link add net9 type veth peer name net9p",
        "link set net9p up",
        "addr add 192.168.1.9/24 dev net9",
        "link set net9 up",
        "route add 10.50.0.0/16 nexthop via 192.168.1.1 nexthop via 192.168.1.2",
    ],
}
"""Further pods that KubeVirt cannot wire at all: what its source says of them is known, and that it failed was seen."""


@pytest.mark.parametrize("name", BEYOND)
def test_pods_that_kubevirt_gives_up(place: Place, name: str) -> None:
    """`carries-on`"""
    case = load("bridge-dual")
    with built(case, place) as netns:
        for line in BEYOND[name]:
            act(place, line)
        settle(netns)
        before = snapshot(netns)
        driving.applied(peer_cases.document(case, netns))
        assert driving.plan(peer_cases.document(case, netns)).outcome is Outcome.UNCHANGED
        assert Wired(netns).link("eth0-nic")["master"] == "k6t-eth0"
        assert "blackhole" not in name or "blackhole 198.18.0.0/15" in ns(netns, "ip route show")
        driving.applied(replace(driving.document(peer_cases.document(case, netns)), nics=()))
        assert not differences_of_snapshots(before, snapshot(netns))
