"""Whose a link is, as a table: ours, the CNI's, an administrator's, ours half made, ours from an older version."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from converge.model import Key, Resources
from converge.resources import identity
from converge.resources.address import Address
from converge.resources.link import Link
from converge.resources.route import NO_LINK, Route
from converge.resources.sysctl import Sysctl


def link(name: str, kind: str = "bridge", mark: str | None = None, index: int = 0, master: str | None = None) -> Link:
    return Link(name, kind, True, 1500, mark=mark, index=index, master=master)


BRIDGE = link("k6t-eth0", mark="bridge:default")
TAP = link("tap0", "tun", mark="tap:default", master="bridge:default")
WANTED: Resources = {Key("link", "bridge:default"): BRIDGE, Key("link", "tap:default"): TAP}


@dataclass(frozen=True, slots=True)
class Case:
    """`links` are observed; `roles` by name of the link; `refused` are the names that the refusal must tell."""

    links: tuple[Link, ...]
    roles: dict[str, str]
    refused: tuple[str, ...] = ()


CASES = {
    "nothing there": Case((), {}),
    "marked": Case((link("k6t-eth0", mark="bridge:default"),), {"k6t-eth0": "bridge:default"}),
    "marked and renamed": Case((link("stolen", mark="bridge:default"),), {"stolen": "bridge:default"}),
    "unmarked, of name and kind: half made": Case((link("k6t-eth0"),), {"k6t-eth0": "bridge:default"}),
    "unmarked, of another kind: an administrator's": Case((link("k6t-eth0", "dummy"),), {}),
    "marked, but of another kind": Case((link("k6t-eth0", "dummy", mark="bridge:default"),), {}),
    "marked, of another kind, and the name on the right one": Case(
        (link("other", "dummy", mark="bridge:default"), link("k6t-eth0")), {"k6t-eth0": "bridge:default"}
    ),
    "mark and name on two links of the kind": Case(
        (link("other", mark="bridge:default"), link("k6t-eth0")), {"other": "bridge:default"}, ("other", "k6t-eth0")
    ),
    "a stranger's": Case((link("docker0"),), {}),
    "two that swapped names": Case(
        (link("tap0", mark="bridge:default"), link("k6t-eth0", "tun", mark="tap:default")),
        {"tap0": "bridge:default", "k6t-eth0": "tap:default"},
    ),
    "of a NIC that has left the document": Case((link("k6t-net1", mark="bridge:gone"),), {"k6t-net1": "bridge:gone"}),
    "of our name, marked for another NIC": Case((link("k6t-eth0", mark="bridge:other"),), {"k6t-eth0": "bridge:other"}),
    "a pod link's mark counts only through the facts": Case((link("eth0", "veth", mark="pod:default"),), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_whose_is_it(name: str) -> None:
    case = CASES[name]
    observed: Resources = {Key("link", f"#{number}"): value for number, value in enumerate(case.links, 1)}
    roles, conflicts = identity.assign(observed, WANTED, {})
    names = {handle: observed[Key("link", handle)].name for handle in roles}
    assert {names[handle]: role for handle, role in roles.items()} == case.roles
    assert bool(conflicts) == bool(case.refused)
    for conflict in conflicts:
        assert all(word in conflict.detail for word in case.refused)


def test_what_the_facts_found_is_not_asked_again() -> None:
    observed: Resources = {Key("link", "#2"): link("eth0", "veth")}
    assert identity.assign(observed, WANTED, {"#2": "pod:default"}) == ({"#2": "pod:default"}, [])


def test_roles_replace_numbers_in_keys_and_masters() -> None:
    observed: Resources = {
        Key("link", "#3"): link("k6t-eth0"),
        Key("link", "#4"): link("tap0", "tun", master="#3"),
        Key("link", "#5"): link("docker1", "veth", master="#9"),
        Key("address", "#3", "10.0.2.1/24"): Address(),
        Key("sysctl", "", "net.ipv4.ip_forward"): Sysctl("1"),
    }
    found = identity.rekeyed(observed, {"#3": "bridge:default", "#4": "tap:default"})
    assert found[Key("link", "tap:default")].master == "bridge:default"
    assert found[Key("link", "#5")].master == "#9"
    assert Key("address", "bridge:default", "10.0.2.1/24") in found
    assert Key("sysctl", "", "net.ipv4.ip_forward") in found
    assert len(found) == len(observed)


ROUTE, ADDRESS = Route(), Address()
SCOPE = {
    "our bridge": (Key("link", "bridge:default"), BRIDGE, True),
    "an address on it": (Key("address", "bridge:default", "10.0.2.9/24"), ADDRESS, True),
    "a route on it": (Key("route", "bridge:default", "10.9.0.0/16"), ROUTE, True),
    "its link-local address": (Key("address", "bridge:default", "fe80::1/64"), ADDRESS, False),
    "its link-local route": (Key("route", "bridge:default", "fe80::/64 metric 256"), ROUTE, False),
    "what an advertisement taught": (Key("route", "bridge:default", "::/0 metric 1024"), Route(protocol="ra"), False),
    "its sysctl": (Key("sysctl", "bridge:default", "ipv4.forwarding"), Sysctl("1"), False),
    "the pod's sysctl": (Key("sysctl", "", "net.ipv4.ip_forward"), Sysctl("1"), False),
    "a stranger's link": (Key("link", "#9"), link("docker0"), False),
    "a stranger's address": (Key("address", "#9", "10.9.0.1/24"), ADDRESS, False),
    "a route on no link": (Key("route", NO_LINK, "10.9.0.0/16"), ROUTE, False),
    "the pod link": (Key("link", "pod:default"), link("eth0"), False),
    "the pod link's address": (Key("address", "pod:default", "10.244.1.5/24"), ADDRESS, False),
    "the taken pod link itself": (Key("link", "pod:taken"), link("eth1"), False),
    "the taken pod link's address": (Key("address", "pod:taken", "10.244.1.5/24"), ADDRESS, True),
    "the taken pod link's route": (Key("route", "pod:taken", "0.0.0.0/0"), ROUTE, True),
    "a rule in our table": (Key("chain", "", "foreign"), None, True),
    "a set in our table": (Key("set", "", "foreign"), None, True),
    "an element in our table": (Key("element", "ports", "tcp . 1"), None, True),
}


@pytest.mark.parametrize("name", SCOPE)
def test_what_may_be_deleted(name: str) -> None:
    key, value, ours = SCOPE[name]
    assert identity.scope({"pod:taken"})(key, value) is ours
