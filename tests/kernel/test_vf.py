"""SR-IOV functions set over netlink for real, on a simulated card: set, seen, repaired, given back.

The judge is ip(8), which decodes the kernel's answers itself. Where a kernel has no netdevsim, see `cards.missing`.
"""

from __future__ import annotations

from typing import Any

import pytest

from converge.model import Diagnostic, GuestNetwork, Outcome, Result, Severity
from tests.kernel.cards import MAC, OTHER, PARENT, WHOLE, altnames, cards, functions, missing, namespace, netns, settled, wish
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import ns, shell
from tests.kernel.stepping import stepped

__all__ = ["cards", "netns"]

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)
Vf = dict[str, Any]


def operations(result: Result) -> list[str]:
    return [str(step.operation) for step in result.plan.steps]


def setting(result: Result) -> list[str]:
    return [text for text in operations(result) if " vf " in text and text.startswith("link set")]


def warned(result: Result) -> list[Diagnostic]:
    return [each for each in result.diagnostics if each.summary != "PCI address is not known"]


# ------------------------------------------------------------------------------------------------------------- set


def test_everything_in_one_message(netns: str) -> None:
    result = applied(wish(netns, WHOLE))
    words = f"link set dev {PARENT} vf 1 mac {MAC} vlan 100 qos 3 proto 802.1ad spoofchk on trust on state enable"
    assert setting(result) == [words]
    found = functions(netns)[1]
    assert (found["address"], found["spoofchk"], found["trust"], found["link_state"]) == (MAC, True, True, "enable")
    assert found["vlan_list"] == [{"vlan": 100, "qos": 3, "protocol": "802.1ad"}]
    assert plan(wish(netns, WHOLE)).outcome is Outcome.UNCHANGED
    assert altnames(netns) == ["converge:vf:fast:1"]
    assert "fast vf 1 dev pf0" in ns(netns, "nft list chain inet converge captured")


def test_ip_understands_the_words(netns: str) -> None:
    """What a plan prints is what one could type: done by ip(8), nothing of it is left to do."""
    (words,) = setting(plan(wish(netns, WHOLE)))
    ns(netns, f"ip {words}")
    result = plan(wish(netns, WHOLE))
    assert result.outcome is Outcome.PLANNED
    assert setting(result) == []


ONE_THING: list[tuple[Vf, Vf]] = [
    ({"macAddress": OTHER}, {"address": OTHER}),
    ({"virtualFunction": {"vlan": {"id": 7}}}, {"vlan_list": [{"vlan": 7}]}),
    ({"virtualFunction": {"vlan": {"id": 7, "qos": 5}}}, {"vlan_list": [{"vlan": 7, "qos": 5}]}),
    (
        {"virtualFunction": {"vlan": {"id": 4094, "protocol": "802.1ad"}}},
        {"vlan_list": [{"vlan": 4094, "protocol": "802.1ad"}]},
    ),
    ({"virtualFunction": {"spoofCheck": True}}, {"spoofchk": True}),
    ({"virtualFunction": {"trust": True}}, {"trust": True}),
    ({"virtualFunction": {"linkState": "disable"}}, {"link_state": "disable"}),
]


def test_one_thing_and_nothing_else(netns: str) -> None:
    """One document after the other: what the last one named is given back."""
    before = functions(netns)
    for said, expected in ONE_THING:
        applied(wish(netns, said))
        now = functions(netns)
        assert (now[0], now[2]) == (before[0], before[2]), said
        assert {name: now[1].get(name) for name in expected} == expected, said
        others = [name for name in now[1] if name not in expected]
        assert {name: now[1][name] for name in others} == {name: before[1][name] for name in others}, said
    applied(wish(netns))
    assert functions(netns) == before


def test_each_step_is_what_was_predicted(netns: str) -> None:
    assert stepped(wish(netns, WHOLE)) == ""
    assert stepped(wish(netns, {"macAddress": OTHER, "virtualFunction": {"trust": False}})) == ""
    assert stepped(wish(netns)) == ""


# ----------------------------------------------------------------------------------------------------------- drift

DRIFT = {
    f"mac {OTHER}": f"mac {MAC}",
    "vlan 0": "vlan 100 qos 3 proto 802.1ad",
    "vlan 100 qos 4 proto 802.1ad": "vlan 100 qos 3 proto 802.1ad",
    "vlan 100 qos 3": "vlan 100 qos 3 proto 802.1ad",
    "spoofchk off": "spoofchk on",
    "trust off": "trust on",
    "state disable": "state enable",
}


def test_drift_is_seen_and_repaired(netns: str) -> None:
    applied(wish(netns, WHOLE))
    right = settled(netns)
    for done, repair in DRIFT.items():
        ns(netns, f"ip link set dev {PARENT} vf 1 {done}")
        result = applied(wish(netns, WHOLE))
        assert operations(result) == [f"link set dev {PARENT} vf 1 {repair}"]
        assert settled(netns) == right, done


def test_a_lost_mark_comes_back(netns: str) -> None:
    applied(wish(netns, WHOLE))
    right = settled(netns)
    ns(netns, f"ip link property del dev {PARENT} altname converge:vf:fast:1")
    assert operations(applied(wish(netns, WHOLE))) == [f"link property add dev {PARENT} altname converge:vf:fast:1"]
    assert settled(netns) == right


# ---------------------------------------------------------------------------------------------------------- unwire

ADMIN = f"ip link set dev {PARENT} vf 1 mac {OTHER} vlan 7 qos 2 spoofchk on trust off state disable"


@pytest.mark.parametrize("before", ["true", ADMIN, f"ip link set dev {PARENT} vf 1 vlan 9 proto 802.1ad trust on"])
def test_unwired_to_what_was_before(netns: str, before: str) -> None:
    shell(netns, before)
    start = settled(netns)
    applied(wish(netns, WHOLE))
    assert settled(netns) != start
    applied(wish(netns))
    assert settled(netns) == start
    assert plan(wish(netns)).outcome is Outcome.UNCHANGED


def test_what_is_not_named_is_left_alone(netns: str) -> None:
    """Before and after: somebody else's VLAN is neither captured, nor repaired, nor given back."""
    ns(netns, f"ip link set dev {PARENT} vf 1 vlan 7")
    document = wish(netns, {"macAddress": MAC})
    applied(document)
    assert functions(netns)[1]["vlan_list"] == [{"vlan": 7}]
    ns(netns, f"ip link set dev {PARENT} vf 1 vlan 8 trust on")
    assert plan(document).outcome is Outcome.UNCHANGED
    applied(wish(netns))
    found = functions(netns)[1]
    assert (found["vlan_list"], found["trust"], found["address"]) == ([{"vlan": 8}], True, "00:00:00:00:00:00")


def test_what_is_named_no_more_is_given_back(netns: str) -> None:
    """And what is named only later is captured then."""
    ns(netns, f"ip link set dev {PARENT} vf 1 vlan 7 mac {OTHER}")
    start = settled(netns)
    applied(wish(netns, {"virtualFunction": {"vlan": {"id": 100}}}))
    applied(wish(netns, {"macAddress": MAC}))
    found = functions(netns)[1]
    assert (found["vlan_list"], found["address"]) == ([{"vlan": 7}], MAC)
    assert "vlan" not in ns(netns, "nft list chain inet converge captured")
    applied(wish(netns))
    assert settled(netns) == start


def test_another_function_and_another_nic(netns: str) -> None:
    """The NIC moves to function 2 and another one takes function 1: each keeps the facts of its own function."""
    start = settled(netns)
    applied(wish(netns, {"macAddress": MAC}))
    moved = {"macAddress": MAC, "virtualFunction": {"index": 2}}
    applied(wish(netns, moved))
    assert [each["address"] for each in functions(netns)] == ["00:00:00:00:00:00", "00:00:00:00:00:00", MAC]
    both = wish(netns, moved, {"name": "other", "macAddress": OTHER})
    applied(both)
    assert [each["address"] for each in functions(netns)] == ["00:00:00:00:00:00", OTHER, MAC]
    assert sorted(altnames(netns)) == ["converge:vf:fast:2", "converge:vf:other:1"]
    result = applied(wish(netns, {"name": "other", "macAddress": OTHER}))
    assert not [text for text in operations(result) if "vf 1" in text]
    applied(wish(netns, {"name": "renamed", "macAddress": OTHER}))
    assert altnames(netns) == ["converge:vf:renamed:1"]
    applied(wish(netns))
    assert settled(netns) == start


# ------------------------------------------------------------------------------------------------------- facts lost


def test_a_deleted_fact_is_said_and_never_captured_anew(netns: str) -> None:
    document = wish(netns, WHOLE)
    applied(document)
    ns(netns, "nft delete table inet converge")
    result = plan(document)
    assert [(each.summary, each.severity) for each in warned(result)] == [("facts lost", Severity.WARNING)]
    assert setting(result) == []
    applied(document)
    assert "nft" not in str(operations(plan(document)))
    assert [each.summary for each in warned(plan(document))] == ["facts lost"]
    as_set = functions(netns)
    result = applied(wish(netns))
    assert [each.summary for each in warned(result)] == ["facts lost"]
    assert functions(netns) == as_set
    assert altnames(netns) == []
    assert warned(plan(wish(netns))) == []


# --------------------------------------------------------------------------------------------- what cannot be set here


def refusals(document: GuestNetwork) -> list[str]:
    result = apply(document)
    assert result.outcome is Outcome.REFUSED, told(result)
    return [each.summary for each in result.diagnostics if each.severity is Severity.ERROR]


def test_a_function_that_is_not_there(netns: str) -> None:
    assert refusals(wish(netns, {"macAddress": MAC, "virtualFunction": {"index": 3}})) == ["virtual function is missing"]
    assert refusals(wish(netns, {"macAddress": MAC, "virtualFunction": {"parent": "lo"}})) == ["virtual function is missing"]


def test_the_parent_leaves_and_comes_back(netns: str) -> None:
    """Facts about a function are kept while the document speaks of it, and the node is told what to set meanwhile."""
    document = wish(netns, WHOLE)
    applied(document)
    with namespace() as away:
        ns(netns, f"ip link set dev {PARENT} netns {away}")
        result = applied(document)
        assert [each.summary for each in warned(result)] == ["virtual function is the node's to set"]
        assert result.plan.empty
        ns(away, f"ip link set dev {PARENT} netns {netns}")
    applied(document)
    assert warned(plan(document)) == []
    applied(wish(netns))
    assert functions(netns)[1]["address"] == "00:00:00:00:00:00"
