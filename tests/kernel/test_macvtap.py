"""macvtap: one link more, on the pod's own, which stays as it is. What it looks like, what the kernel does, what is refused.

A real guest behind one is in tests/guest/test_macvtap.py; ways to and from other bindings are rows of the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from converge.bindings.names import hashed
from converge.model import Key, Nic, Outcome, Severity
from converge.resources.link import Link
from tests.kernel.bridging import Wired, attached, secondary
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import OUTSIDE4, Pod, ns, ping, serving, settle, shell, tcp
from tests.kernel.judge import differences, snapshot
from tests.kernel.listening import monitor
from tests.kernel.matrix import BRIDGE, FAST, FAST_LINK, MACVTAP, MANAGED, MASQUERADE, NOTHING, Nics, settled, wish
from tests.kernel.stepping import Choose, disagreements, stepped
from tests.kernel.tampering import Tampering
from tests.kernel.test_bridge import given_back, wired
from tests.kernel.test_effects import both, create, remove, set_link
from tests.kernel.test_tamper import named

MakePod = Callable[..., Pod]
MACVTAP_ROLE, POD = "macvtap:default", "pod:default"


def test_one_link_and_nothing_else(pod: MakePod) -> None:
    here = pod(mtu=1450)
    settle(here.netns)
    before = snapshot(here.netns)
    found = given_back(here, *MACVTAP)
    tap = found.link("tap0")
    assert (tap["link"], tap["mtu"], tap["altnames"]) == ("eth0", 1450, ["converge:macvtap:default"])
    assert (found.kind("tap0"), tap["linkinfo"]["info_data"]["mode"], found.up("tap0")) == ("macvtap", "bridge", True)
    assert {name: link for name, link in found.links.items() if name != "tap0"} == before["links"]
    applied(wish(here, MACVTAP))
    after = snapshot(here.netns)
    assert (after["addresses"], after["routes"], after["nft"]) == (before["addresses"], before["routes"], before["nft"])
    assert {name: value for name, value in after["sysctls"].items() if "/tap0/" not in name} == before["sysctls"]


def test_its_mac_is_derived_and_stays(pod: MakePod) -> None:
    """Another pod link comes to another MAC, the same one always to the same."""
    here, other = pod("web"), pod("other", mac="0a:58:0a:f4:01:06", addresses4=(), gateway4="", addresses6=(), gateway6="")
    mac = wired(here, *MACVTAP).link("tap0")["address"]
    assert int(mac[:2], 16) & 0b11 == 0b10, "locally administered, and one station's"
    assert mac != wired(other, *MACVTAP).link("tap0")["address"]
    applied(wish(here, NOTHING))
    assert wired(here, *MACVTAP).link("tap0")["address"] == mac
    (device,) = plan(wish(here, MACVTAP)).desired.devices
    assert (device.target, device.mac, device.mtu) == ("tap0", mac, 1500)


def test_the_documents_mac(pod: MakePod) -> None:
    here = pod()
    mine = (replace(MACVTAP[0], mac="02:00:00:00:00:07"),)
    index = wired(here, *MACVTAP).link("tap0")["ifindex"]
    found = wired(here, *mine)
    assert (found.link("tap0")["address"], found.link("tap0")["ifindex"]) == ("02:00:00:00:00:07", index)


def test_a_secondary_one(pod: MakePod) -> None:
    here = pod()
    shell(here.netns, FAST_LINK)
    found = given_back(here, *MASQUERADE, FAST)
    tap = found.link("tap" + hashed("fast")[3:])
    assert (tap["link"], tap["mtu"]) == (hashed("fast"), 9000)


def test_the_pod_goes_on_talking(pod: MakePod) -> None:
    here = pod()
    applied(wish(here, MACVTAP))
    settle(here.netns)
    assert ping(here.netns, OUTSIDE4) is not None
    with serving(here.netns, "pod", "tcp/80"):
        assert tcp(here.outside, "10.244.1.5", 80) == f"pod saw {OUTSIDE4}"


def test_the_second_run_is_silent(pod: MakePod) -> None:
    here = pod()
    applied(wish(here, MACVTAP))
    settle(here.netns)
    with monitor(here.netns) as heard:
        second = apply(wish(here, MACVTAP))
    assert second.outcome is Outcome.UNCHANGED, told(second)
    assert heard.lines == []


# --------------------------------------------------------------------------------------------------------- refusals


def refused(here: Pod, nics: Nics) -> str:
    """Untouched, and why."""
    settle(here.netns)
    before = snapshot(here.netns)
    result = apply(wish(here, nics))
    assert result.outcome is Outcome.REFUSED, told(result)
    assert not differences(before, snapshot(here.netns))
    return told(result)


def test_not_with_the_pod_links_own_mac(pod: MakePod) -> None:
    here = pod()
    words = refused(here, (replace(MACVTAP[0], mac="0a:58:0a:f4:01:05"),))
    assert "macAddress 0a:58:0a:f4:01:05 is that of eth0" in words


@pytest.mark.parametrize("kind", ["macvlan", "macvtap"])
def test_not_on_a_link_that_cannot_carry_it(pod: MakePod, kind: str) -> None:
    here = pod()
    ns(here.netns, f"ip link add link eth0 name net1 type {kind} mode bridge")
    words = refused(here, (macvtap("fast"),))
    assert f"net1 is a {kind} link, which cannot carry a macvtap" in words


def test_not_on_a_port_of_somebody_elses_bridge(pod: MakePod) -> None:
    here = pod()
    shell(here.netns, "ip link add theirs type bridge\nip link set eth0 master theirs")
    assert "Device or resource busy" in refused(here, MACVTAP)


def test_no_bridge_over_somebody_elses_macvtap(pod: MakePod) -> None:
    here = pod()
    ns(here.netns, "ip link add link eth0 name theirs type macvtap mode bridge")
    assert "Device or resource busy" in refused(here, BRIDGE)


def test_a_pod_link_that_is_down_stays_so_and_is_told(pod: MakePod) -> None:
    here = pod()
    shell(here.netns, attached(hashed("fast")) + f"\nip link set {hashed('fast')} down")
    result = applied(wish(here, (macvtap("fast"),)))
    assert [each.summary for each in result.diagnostics if each.severity is Severity.WARNING] == ["pod link is down"]
    assert not Wired(here.netns).up(hashed("fast"))


def macvtap(network: str) -> Nic:
    return replace(secondary(network), binding="macvtap")


# -------------------------------------------------------------------------------------------------------- tampering

FURTHER = "ip link add other type veth peer name otherp; ip link set other up"
REMADE = "ip link del tap0; ip link add link {} name tap0 type macvtap mode {}"
MARKED = "ip link property add dev tap0 altname converge:macvtap:default"
ROWS = (
    Tampering("deleted", "ip link del tap0", ["create link tap0"]),
    Tampering("renamed", "ip link set tap0 name stolen", ["update link tap0"]),
    Tampering("down", "ip link set tap0 down", ["update link tap0"]),
    Tampering("MTU", "ip link set tap0 mtu 1300", ["update link tap0"]),
    Tampering("MAC", "ip link set tap0 address 02:00:00:00:00:99", ["update link tap0"]),
    Tampering("unmarked", "ip link property del dev tap0 altname converge:macvtap:default", ["update link tap0"]),
    Tampering("an address", "ip address add 10.7.7.7/32 dev tap0", ["delete address tap0/10.7.7.7/32"]),
    Tampering("another mode", f"{REMADE.format('eth0', 'private')}; {MARKED}", ["update link tap0"]),
    Tampering("another link", f"{FURTHER}; {REMADE.format('other', 'bridge')}; {MARKED}", ["update link tap0"]),
    Tampering("the pod link's MTU and back", "ip link set eth0 mtu 1400; ip link set eth0 mtu 1500", ["update link tap0"]),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_tampering_is_named_and_repaired(pod: MakePod, row: Tampering) -> None:
    here = pod()
    applied(wish(here, MACVTAP))
    before = settled(here)
    shell(here.netns, row.script.replace("; ", "\n"))
    settle(here.netns)
    planned = plan(wish(here, MACVTAP))
    assert named(planned) == sorted(row.changes), told(planned)
    assert not stepped(wish(here, MACVTAP))
    assert plan(wish(here, MACVTAP)).outcome is Outcome.UNCHANGED
    if "other" in row.script:
        ns(here.netns, "ip link del other")
    assert settled(here) == before


def test_somebody_elses_tap_in_its_place_is_not_taken_away(pod: MakePod) -> None:
    here = pod()
    ns(here.netns, "ip tuntap add tap0 mode tap")
    assert "File exists" in refused(here, MACVTAP)


@pytest.mark.parametrize("lower", ["on the node", "on another link"])
def test_a_cnis_own_macvtap_of_that_name_is_not_taken_either(pod: MakePod, lower: str) -> None:
    here = pod()
    if lower == "on the node":
        ns(here.node, f"ip link add link out0 name tap0 netns {here.netns} type macvtap mode bridge")
    else:
        shell(here.netns, f"{FURTHER.replace('; ', chr(10))}\nip link add link other name tap0 type macvtap mode bridge")
    assert "File exists" in refused(here, MACVTAP)


def test_a_smaller_pod_link_is_followed(pod: MakePod) -> None:
    here = pod()
    applied(wish(here, MACVTAP))
    ns(here.netns, "ip link set eth0 mtu 1400")
    assert plan(wish(here, MACVTAP)).outcome is Outcome.UNCHANGED
    assert Wired(here.netns).link("tap0")["mtu"] == 1400


# ---------------------------------------------------------------------------------------------------------- effects

WAYS: dict[str, tuple[Nics, Nics]] = {
    "fresh": (NOTHING, MACVTAP),
    "unwired": (MACVTAP, NOTHING),
    "from bridge": (BRIDGE, MACVTAP),
    "to bridge": (MACVTAP, BRIDGE),
    "from managedTap": (MANAGED, MACVTAP),
    "to managedTap": (MACVTAP, MANAGED),
    "from masquerade": (MASQUERADE, MACVTAP),
    "to masquerade": (MACVTAP, MASQUERADE),
}


@pytest.mark.parametrize("name", WAYS)
def test_each_step_of_a_plan_does_what_was_predicted(pod: MakePod, name: str) -> None:
    here = pod()
    before, after = (wish(here, nics) for nics in WAYS[name])
    applied(before)
    settle(here.netns)
    assert not stepped(after)
    assert plan(after).plan.empty


def another(**fields: Any) -> Choose:
    return create("link", "macvtap:more", "", replace(MORE, **fields))


MORE = Link("more", "macvtap", up=True, mtu=1500, mac="02:00:00:00:00:42", mark="macvtap:more", lower=POD, mode="bridge")
ADDRESSED = "ip address add 10.7.7.7/24 dev tap0\nip address add fd07::7/64 dev tap0 nodad\nip route add 10.8.0.0/16 via 10.7.7.1"
SINGLE: dict[str, tuple[str, Choose]] = {
    "MTU above its lower link's": ("", set_link(MACVTAP_ROLE, ("mtu", 1501))),
    "MTU below the device's": ("", set_link(MACVTAP_ROLE, ("mtu", 67))),
    "MTU above its lower link's, from the start": ("", another(mtu=1501)),
    "pod link smaller": (ADDRESSED, set_link(POD, ("mtu", 1400))),
    "pod link too small for IPv6": (ADDRESSED, set_link(POD, ("mtu", 1000))),
    "pod link smaller and larger again": ("", both(set_link(POD, ("mtu", 1400)), set_link(POD, ("mtu", 1500)))),
    "pod link down and up": (ADDRESSED, both(set_link(POD, ("down", "")), set_link(POD, ("up", "")))),
    "made while the pod link is down": ("ip link set eth0 down", another()),
    "down and up": (ADDRESSED, both(set_link(MACVTAP_ROLE, ("down", "")), set_link(MACVTAP_ROLE, ("up", "")))),
    "pod link deleted": (ADDRESSED, remove("link", POD)),
    "a second one": ("", another()),
    "another mode": ("", another(mode="private")),
    "in a bridge": ("ip link add theirs type bridge", set_link(MACVTAP_ROLE, ("master", "theirs"))),
    "pod link into a bridge": ("ip link add theirs type bridge", set_link(POD, ("master", "theirs"))),
    "deleted": (ADDRESSED, remove("link", MACVTAP_ROLE)),
}


@pytest.mark.parametrize("name", SINGLE)
def test_an_operation_does_what_was_predicted(pod: MakePod, name: str) -> None:
    here = pod()
    script, choose = SINGLE[name]
    applied(wish(here, MACVTAP))
    shell(here.netns, script)
    settle(here.netns)
    assert not disagreements(wish(here, MACVTAP), choose)


def test_a_macvtap_of_another_namespace_has_no_lower_link_here(pod: MakePod) -> None:
    """A CNI makes it on the node and moves it: the number that the kernel tells is the node's."""
    here = pod()
    ns(here.node, f"ip link add link out0 name mine netns {here.netns} type macvtap mode bridge")
    seen = plan(wish(here, NOTHING)).observed
    (link,) = [value for key, value in seen.items() if key.kind == "link" and value.name == "mine"]
    assert (link.kind, link.lower, link.mode) == ("macvtap", None, "bridge")
    assert Key("link", f"#{link.index}") in seen
