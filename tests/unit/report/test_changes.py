"""Addresses, replacements and disruption: what holds for every plan, and the cases that are easy to get wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from converge.model import Attributes, Key, Resources, Result
from converge.report.changes import changes
from converge.report.disruption import LEVELS, disruption, worst
from converge.resources.chain import Chain, Hook
from converge.resources.link import Link
from converge.resources.nftset import NftSet
from converge.resources.sysctl import Sysctl
from converge.resources.table import KEY as TABLE
from converge.resources.table import Table
from tests.unit.report.results import BRIDGE, RESOURCES, TAP, result, results

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@EXAMPLES
@given(results())
def test_addresses_are_unique_in_a_pod(found: Result) -> None:
    addresses = [change["address"] for change in changes(found)]
    assert len(addresses) == len(set(addresses))
    assert all("/" in address and not address.endswith("/") for address in addresses)
    assert not [address for address in addresses if "bridge:" in address.partition("@")[0] or "#" in address]


@EXAMPLES
@given(results())
def test_every_change_of_the_plan_is_told_once(found: Result) -> None:
    told = changes(found)
    halves = sum(2 if pair(change, found) else 1 for change in told)
    assert halves == len(found.plan.changes)
    for change in told:
        assert (change["before"] is None) == (change["action"] == "create")
        assert (change["after"] is None) == (change["action"] == "delete")
        assert change["disruption"] in LEVELS
        assert change.get("replace", True) is True


def pair(change: dict[str, object], found: Result) -> bool:
    """A replacement of one key by another one has no update in the plan."""
    updates = [each for each in found.plan.changes if each.action == "update"]
    return bool(change.get("replace")) and not any(changes_address(each.key, change, found) for each in updates)


def changes_address(key: Key, change: dict[str, object], found: Result) -> bool:
    alone = replace(found, plan=replace(found.plan, changes=tuple(each for each in found.plan.changes if each.key == key)))
    return change["address"] in [each["address"] for each in changes(alone)]


def test_a_nic_that_was_renamed_in_its_document_is_replaced_not_named_twice() -> None:
    other = {
        Key("link", "bridge:main"): replace(RESOURCES[BRIDGE], mark="bridge:main"),
        Key("link", "tap:main"): replace(RESOURCES[TAP], mark="tap:main", master="bridge:main"),
    }
    told = {change["address"]: change for change in changes(result(RESOURCES, other))}
    assert told.keys() == {"link/k6t-eth0", "link/tap0"}
    assert all(change["action"] == "update" and change["replace"] for change in told.values())
    assert told["link/tap0"]["nic"] == "main"
    assert told["link/tap0"]["before"]["master"] == told["link/tap0"]["after"]["master"] == "k6t-eth0"


def test_a_link_that_takes_the_name_of_one_that_goes_is_told_apart() -> None:
    """As when a bridged pod gets its own link back: the stand-in called eth0 goes, eth0-nic becomes eth0."""
    standin, pod = Key("link", "stand-in:default"), Key("link", "pod:default")
    before: Resources = {standin: Link("eth0", "dummy", True, 1450), pod: Link("eth0-nic", "veth", True, 1450)}
    told = changes(result(before, {pod: Link("eth0", "veth", True, 1450)}))
    assert {change["address"]: change["action"] for change in told} == {
        "link/eth0": "update",
        "link/eth0@stand-in:default": "delete",
    }


def test_a_chain_and_a_set_of_one_name_are_told_apart() -> None:
    before: Resources = {TABLE: Table(), Key("chain", "", "ports"): Chain()}
    after: Resources = {TABLE: Table(), Key("set", "", "ports"): NftSet("inet_service")}
    assert {change["address"] for change in changes(result(before, after))} == {"nft/ports", "nft/ports@chain"}


def test_what_cannot_be_changed_in_place_says_so() -> None:
    tap = RESOURCES[TAP]
    queues = {**RESOURCES, TAP: replace(tap, tap=replace(tap.tap, multi_queue=True))}
    (change,) = changes(result(RESOURCES, queues))
    assert (change["action"], change["replace"], change["disruption"]) == ("update", True, "carrier-loss")
    assert change["reason"] == "differs: tap; cannot be changed in place"


def test_what_the_kernel_chose_is_not_told() -> None:
    """An ifindex would be another one in every plan."""
    (change,) = changes(result({}, {BRIDGE: replace(RESOURCES[BRIDGE], index=7)}))
    assert not change["after"].keys() & {"index", "altnames"}


LINK: Link = RESOURCES[TAP]
CASES = {
    "tap deleted": ("link", LINK, None, "carrier-loss"),
    "tap down": ("link", LINK, replace(LINK, up=False), "carrier-loss"),
    "tap up": ("link", replace(LINK, up=False), LINK, "none"),
    "tap leaves its bridge": ("link", LINK, replace(LINK, master=None, port=None), "carrier-loss"),
    "tap joins its bridge": ("link", replace(LINK, master=None, port=None), LINK, "none"),
    "tap's MTU": ("link", LINK, replace(LINK, mtu=1400), "short-cut"),
    "tap's owner": ("link", LINK, replace(LINK, tap=replace(LINK.tap, owner=0)), "none"),  # type: ignore[type-var]
    "tap made": ("link", None, LINK, "none"),
    "bridge deleted": ("link", RESOURCES[BRIDGE], None, "carrier-loss"),
    "bridge down": ("link", RESOURCES[BRIDGE], replace(RESOURCES[BRIDGE], up=False), "short-cut"),
    "bridge renamed": ("link", RESOURCES[BRIDGE], replace(RESOURCES[BRIDGE], name="k6t-net1"), "short-cut"),
    "mark": ("link", LINK, replace(LINK, mark=None), "none"),
    "port opened": ("element", None, object(), "new-flows"),
    "port closed": ("element", object(), None, "new-flows"),
    "rules": ("chain", Chain(Hook("nat", "output", -100)), Chain(), "new-flows"),
    "table gone": ("table", Table(), None, "short-cut"),
    "fact": ("fact", None, object(), "none"),
    "address gone": ("address", object(), None, "short-cut"),
    "address made": ("address", None, object(), "none"),
}


@pytest.mark.parametrize("case", CASES)
def test_disruption(case: str) -> None:
    kind, before, after, expected = CASES[case]
    assert disruption(kind, "x", before, after, False) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"), [("1", "0", "short-cut"), ("0", "1", "none"), ("1", "2", "none"), (None, "0", "none")]
)
def test_disruption_of_forwarding(before: str | None, after: str, expected: str) -> None:
    earlier: Attributes | None = None if before is None else Sysctl(before)
    assert disruption("sysctl", "net.ipv4.ip_forward", earlier, Sysctl(after), False) == expected


def test_the_worst_decides() -> None:
    assert worst(list(LEVELS)) == "carrier-loss"
    assert worst([]) == "none"
