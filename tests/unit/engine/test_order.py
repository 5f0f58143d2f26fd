"""The order of changes, and the difference they come from, on sets small enough to be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converge.engine import diff, plan
from converge.model import Change, Key, Plan, Resources
from converge.resources import KINDS, process
from converge.resources.link import Bridge, Link, Port, Tap


def everything(key: Key, _value: object) -> bool:
    """A link brings its sysctls along, which nobody can delete."""
    return key.kind != "sysctl"


def nothing(_key: Key, _value: object) -> bool:
    return False


def links(**names: str) -> Resources:
    """Links by role, a colon written as two underscores. The names are what the tests are about."""
    found: Resources = {}
    for role, name in names.items():
        owner = role.replace("__", ":")
        kind = "bridge" if owner.startswith("bridge") else "tun"
        extra = {"bridge": Bridge(), "mac": "02:00:00:00:00:00"} if kind == "bridge" else {"tap": Tap(107, 107, False)}
        found[Key("link", owner)] = Link(name, kind, True, 1500, mark=owner, **extra)
    return found


def planned(observed: Resources, desired: Resources) -> Plan:
    found = plan(observed, desired, everything, KINDS)
    assert not found.stuck
    return found


def texts(found: Plan) -> list[str]:
    return [str(step.operation) for step in found.steps]


# --------------------------------------------------------------------------------------------------------------- diff


def test_equal_sets_do_not_differ() -> None:
    assert not list(diff(links(bridge__a="br0"), links(bridge__a="br0"), everything))


def test_a_difference_is_a_creation_an_update_or_a_deletion() -> None:
    observed, desired = links(bridge__a="br0", tap__a="tap0"), links(bridge__a="br1", tap__b="tap1")
    found = {change.key.owner: change.action for change in diff(observed, desired, everything)}
    assert found == {"bridge:a": "update", "tap:a": "delete", "tap:b": "create"}


def test_out_of_scope_nothing_is_deleted_but_what_is_desired_is_made_so() -> None:
    observed, desired = links(bridge__a="br0", tap__a="tap0"), links(bridge__a="br1", tap__b="tap1")
    assert {change.key.owner for change in diff(observed, desired, nothing)} == {"bridge:a", "tap:b"}


def test_what_is_never_compared_is_no_difference() -> None:
    observed = links(bridge__a="br0")
    key = Key("link", "bridge:a")
    observed[key] = replace(observed[key], index=7, altnames=("alias",))
    assert not list(diff(observed, links(bridge__a="br0"), everything))


# ------------------------------------------------------------------------------------------------------------- claims


def test_a_name_is_given_up_before_it_is_taken() -> None:
    found = planned(links(tap__a="x", tap__b="y"), links(tap__a="y", tap__b="z"))
    assert texts(found) == ["link set dev y name z", "link set dev x name y"]


def test_a_deleted_link_frees_its_name_first() -> None:
    found = planned(links(tap__a="x", tap__b="y"), links(tap__a="y"))
    assert texts(found) == ["link del dev y", "link set dev x name y"]


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_ring_of_names_costs_one_operation_more(size: int) -> None:
    roles = [f"tap__{letter}" for letter in "abcde"[:size]]
    names = [f"n{number}" for number in range(size)]
    found = planned(links(**dict(zip(roles, names, strict=True))), links(**dict(zip(roles, names[1:] + names[:1], strict=True))))
    assert len(found.steps) == size + 1
    assert len(found.changes) == size
    assert sum("parked" in text for text in texts(found)) == 2


def test_two_rings_cost_two_more() -> None:
    observed = links(tap__a="1", tap__b="2", tap__c="3", tap__d="4")
    found = planned(observed, links(tap__a="2", tap__b="1", tap__c="4", tap__d="3"))
    assert len(found.steps) == 6


def test_the_temporary_name_can_be_one() -> None:
    found = planned(links(tap__a="1", tap__b="2"), links(tap__a="2", tap__b="1"))
    (name,) = {text.split(" name ")[1] for text in texts(found) if " name parked" in text}
    assert len(name) <= 15


# ----------------------------------------------------------------------------------------------- alone on a bridge


def served(config: str, port: bool) -> Resources:
    """A bridge with its tap and its server, and the pod link on it or beside it."""
    found = ported(links(bridge__a="br0", tap__a="tap0"), "bridge:a")
    pod = Link("eth0", "veth", True, 1500, "02:00:00:00:00:05", mark="pod:a")
    found[Key("link", "pod:a")] = replace(pod, master="bridge:a", port=Port()) if port else pod
    found[Key("process", "bridge:a", "dnsmasq")] = process.of(config)
    return found


FOR_ALL, FOR_KNOWN = "everybody\n", f"{process.KNOWN_ONLY}\n"


def test_a_server_for_everybody_ends_before_a_port_joins_that_leads_out() -> None:
    """And the one for known MACs, which has the port as its own, begins after that: one change, two turns."""
    first, second, third = texts(planned(served(FOR_ALL, port=False), served(FOR_KNOWN, port=True)))
    assert first == "process stop dnsmasq owner bridge:a"
    assert second == "link set dev eth0 master br0"
    assert third.startswith("process start dnsmasq")


def test_it_begins_after_that_port_has_left() -> None:
    first, second, third = texts(planned(served(FOR_KNOWN, port=True), served(FOR_ALL, port=False)))
    assert first == "link set dev eth0 nomaster"
    assert second == "process stop dnsmasq owner bridge:a"
    assert third.startswith("process start dnsmasq")


def test_a_server_that_nobody_hears_beyond_the_guest_changes_in_one_turn() -> None:
    found = texts(planned(served(FOR_ALL, port=False), served("others\n", port=False)))
    assert [text.split(" ")[1] for text in found] == ["stop", "start"]


# ------------------------------------------------------------------------------------------------- needs and containers


def ported(resources: Resources, master: str) -> Resources:
    return {
        key: replace(value, master=master, port=Port()) if key.owner.startswith("tap") else value
        for key, value in resources.items()
    }


def test_a_bridge_is_made_before_its_port() -> None:
    found = planned({}, ported(links(bridge__a="br0", tap__a="tap0"), "bridge:a"))
    owners = [step.operation.key.owner for step in found.steps]
    assert owners == sorted(owners)


def test_a_bridge_and_its_port_go_in_two_operations() -> None:
    found = planned(ported(links(bridge__a="br0", tap__a="tap0"), "bridge:a"), {})
    assert sorted(texts(found)) == ["link del dev br0", "link del dev tap0"]


def test_a_port_moves_before_its_bridge_goes() -> None:
    observed = ported(links(bridge__a="br0", bridge__b="br1", tap__a="tap0"), "bridge:a")
    found = planned(observed, ported(links(bridge__b="br1", tap__a="tap0"), "bridge:b"))
    assert texts(found) == ["link set dev tap0 master br1", "link del dev br0"]


def test_changes_are_told_in_the_order_they_happen() -> None:
    found = planned(links(tap__a="x", tap__b="y"), links(tap__a="y", tap__b="z"))
    assert [change.key.owner for change in found.changes] == ["tap:b", "tap:a"]


def test_what_cannot_be_reached_is_stuck_with_its_reason() -> None:
    stranger = {Key("link", "#9"): Link("tap0", "veth", True, 1500, "02:00:00:00:00:01")}
    found = plan(stranger, links(tap__a="tap0"), lambda key, _: not key.owner.startswith("#"), KINDS)
    ((change, reason),) = found.stuck
    assert (change.key, reason) == (Key("link", "tap:a"), "File exists")


def test_unchanged_is_what_was_as_desired() -> None:
    found = planned(links(tap__a="x", tap__b="y"), links(tap__a="x", tap__b="z"))
    assert (found.unchanged, len(found.changes)) == (1, 1)
    assert planned(links(tap__a="x"), links(tap__a="x")) == Plan((), (), 1)
    assert isinstance(found.changes[0], Change)
