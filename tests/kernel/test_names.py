"""Which pod link is whose, in real pods: hashed and ordinal names, names that collide or do not fit, numbers that are stale.

What derives a name is tested in tests/unit/bindings/test_names.py. A NIC whose link cannot be told is refused, and nothing of the
pod is touched: KubeVirt takes another NIC's link in such a pod, and has then lost the guest's MAC (reference section 13, 13).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from converge.bindings.names import hashed
from converge.model import Network, Nic, Outcome
from tests.kernel.bridging import Wired, attached, secondary
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import Pod, ns, settle, shell
from tests.kernel.judge import differences, snapshot
from tests.kernel.matrix import AT, BRIDGE, IPV4, MACVTAP, MANAGED, MASQUERADE, Nics, settled, wish
from tests.unit.bindings.test_names import COLLIDING

MakePod = Callable[..., Pod]
ORDINALS = "\n".join(attached(f"net{number}", mac=f"02:11:22:33:44:0{number}") for number in (1, 2))
THIRD = attached("net3", mac="02:11:22:33:44:03")


def joined(network: str, binding: str) -> Nic:
    return replace(secondary(network), binding=binding)


def refused(here: Pod, nics: Nics, *words: str) -> None:
    settle(here.netns)
    before = snapshot(here.netns)
    result = apply(wish(here, nics))
    assert result.outcome is Outcome.REFUSED, told(result)
    assert [word for word in words if word not in told(result)] == [], told(result)
    assert not differences(before, snapshot(here.netns))


def lower(here: Pod, nic: Nic) -> str:
    """The link that carries a NIC's packets: what its macvtap lies on, or what is a port of its bridge beside the tap."""
    found = Wired(here.netns).links
    marked = {mark: link for link in found.values() for mark in link.get("altnames", ())}
    if f"converge:macvtap:{nic.name}" in marked:
        return str(marked[f"converge:macvtap:{nic.name}"]["link"])
    return str(marked[f"converge:standin:{nic.name}"]["ifname"])


# ----------------------------------------------------------------------------------------------------------- hashed


def test_a_secondary_without_addresses(pod: MakePod) -> None:
    here = pod(**IPV4)
    shell(here.netns, attached(hashed("secondnetwork")))
    applied(wish(here, (*MASQUERADE, secondary("secondnetwork"))))
    expected = {"k6t-eth0", "tap0", "k6t-914f438d88d", "914f438d88d-nic", "tap914f438d88d", "pod914f438d88d"}
    assert expected <= Wired(here.netns).links.keys()


def test_the_same_whether_plugged_later_or_at_once(pod: MakePod) -> None:
    here, other = pod("web", **IPV4), pod("other", **IPV4)
    later = secondary("secondnetwork")
    for each in (here, other):
        shell(each.netns, attached(hashed(later.name), mac="02:11:22:33:44:01"))
    applied(wish(here, MASQUERADE))
    applied(wish(here, (*MASQUERADE, later)))
    applied(wish(other, (*MASQUERADE, later)))
    far = "podf" + hashed(later.name)[-8:]
    states = [settled(each) for each in (here, other)]
    for state in states:
        state["links"].pop(far)
    assert states[0] == states[1]


@pytest.mark.parametrize("binding", ["masquerade", "bridge", "managedTap", "macvtap"])
def test_the_default_network_of_multus_is_the_primary_one(pod: MakePod, binding: str) -> None:
    here = pod(**IPV4)
    network = Network("blue", "multus", AT, multus_name="blue", primary=True)
    applied(wish(here, (Nic("blue", binding, network, AT),)))
    assert "tap0" in Wired(here.netns).links
    assert [each.target for each in plan(wish(here, (Nic("blue", binding, network, AT),))).desired.devices] == ["tap0"]


@pytest.mark.parametrize("binding", ["bridge", "managedTap", "macvtap"])
def test_two_networks_of_one_hash(pod: MakePod, binding: str) -> None:
    """44 bits: found by trying seven million names."""
    here = pod(**IPV4)
    shell(here.netns, attached(hashed(COLLIDING[0])))
    nics = tuple(joined(name, binding) for name in COLLIDING)
    refused(here, nics, "names collide", *COLLIDING, "podb2cd4e6d34e")
    applied(wish(here, nics[:1]))


# ---------------------------------------------------------------------------------------------------------- lengths


@pytest.mark.parametrize("nics", [MASQUERADE, BRIDGE, MANAGED], ids=["masquerade", "bridge", "managedTap"])
def test_a_pod_link_whose_derived_names_do_not_fit(pod: MakePod, nics: Nics) -> None:
    here = pod(link="twelve-chars")
    refused(here, (replace(nics[0], pod_link="twelve-chars"),), "name is too long", "k6t-twelve-chars")


def test_eleven_characters_do_fit_and_a_macvtap_asks_for_less(pod: MakePod) -> None:
    for name, link, nics in (("web", "eleven-char", BRIDGE), ("other", "fifteen-chars-x", MACVTAP)):
        here = pod(name, link=link, **IPV4)
        applied(wish(here, (replace(nics[0], pod_link=link),)))
        assert "tap0" in Wired(here.netns).links


def test_a_prefix_that_is_dropped(pod: MakePod) -> None:
    here = pod(link="poddy")
    applied(wish(here, (replace(BRIDGE[0], pod_link="poddy"),)))
    assert {"k6t-dy", "dy-nic", "tap0", "poddy"} <= Wired(here.netns).links.keys()


# --------------------------------------------------------------------------------------------------------- ordinals

BINDINGS = [(first, second) for first in ("bridge", "macvtap") for second in ("bridge", "managedTap", "macvtap")]
both = pytest.mark.parametrize(("first", "second"), BINDINGS, ids=lambda name: name)


def test_ordinal_where_there_is_no_hashed_link(pod: MakePod) -> None:
    here = pod(**IPV4)
    shell(here.netns, ORDINALS)
    applied(wish(here, (*MASQUERADE, secondary("red"), joined("blue", "macvtap"))))
    found = Wired(here.netns)
    assert {"k6t-net1", "net1-nic", "tap1", "net1", "tap2"} <= found.links.keys()
    assert (found.link("net1")["address"], found.link("tap2")["link"]) == ("02:11:22:33:44:01", "net2")


@both
def test_plugged_behind_the_others(pod: MakePod, first: str, second: str) -> None:
    """Its number is the next one, once its link is there; until then it is missing, and nothing is done."""
    here = pod(**IPV4)
    shell(here.netns, ORDINALS)
    red, blue, green = joined("red", first), joined("blue", second), joined("green", second)
    applied(wish(here, (*MASQUERADE, red, blue)))
    refused(here, (*MASQUERADE, red, blue, green), "pod link is missing", "net3")
    shell(here.netns, THIRD)
    applied(wish(here, (*MASQUERADE, red, blue, green)))
    assert [lower(here, nic) for nic in (red, blue, green)] == ["net1", "net2", "net3"]


@both
def test_plugged_before_the_others(pod: MakePod, first: str, second: str) -> None:
    """The document's numbers are not the pod's any more. With `podLink` it is right."""
    here = pod(**IPV4)
    shell(here.netns, ORDINALS)
    red, blue, green = joined("red", first), joined("blue", second), joined("green", second)
    applied(wish(here, (*MASQUERADE, red, blue)))
    refused(here, (*MASQUERADE, green, red, blue), "pod link cannot be told", "NIC green", "podLink")
    shell(here.netns, THIRD)
    refused(here, (*MASQUERADE, green, red, blue), "pod link cannot be told", "NIC green", "podLink")
    applied(wish(here, (*MASQUERADE, replace(green, pod_link="net3"), red, blue)))
    assert [lower(here, nic) for nic in (red, blue, green)] == ["net1", "net2", "net3"]


@both
def test_the_first_one_leaves(pod: MakePod, first: str, second: str) -> None:
    """What stays keeps its link, whatever its number would be now, and another that comes does not get the one that is free."""
    here = pod(**IPV4)
    shell(here.netns, ORDINALS)
    red, blue, green = joined("red", first), joined("blue", second), joined("green", "bridge")
    applied(wish(here, (*MASQUERADE, red, blue)))
    result = applied(wish(here, (*MASQUERADE, blue)))
    assert [change for change in result.plan.changes if change.key.owner.endswith("blue")] == []
    assert lower(here, blue) == "net2"
    assert "tap1" not in Wired(here.netns).links
    refused(here, (*MASQUERADE, blue, green), "pod link cannot be told", "NIC green")
    shell(here.netns, "ip link del net1\n" + THIRD)
    applied(wish(here, (*MASQUERADE, blue, replace(green, pod_link="net3"))))
    assert [lower(here, nic) for nic in (blue, green)] == ["net2", "net3"]


@both
def test_one_leaves_and_another_comes_at_once(pod: MakePod, first: str, second: str) -> None:
    here = pod(**IPV4)
    shell(here.netns, ORDINALS)
    red, blue, green = joined("red", first), joined("blue", second), joined("green", "macvtap")
    applied(wish(here, (*MASQUERADE, red, blue)))
    for nics in ((green, blue), (blue, green)):
        result = apply(wish(here, (*MASQUERADE, *nics)))
        assert result.outcome is Outcome.REFUSED, told(result)
    assert lower(here, red) == "net1"


def test_a_strangers_number_later_does_not_move_hashed_ones(pod: MakePod) -> None:
    """One `net1` would mean ordinals for all; but a hash is nobody else's."""
    here = pod(**IPV4)
    shell(here.netns, attached(hashed("red")) + "\n" + attached(hashed("blue")))
    nics = (*MASQUERADE, joined("red", "bridge"), joined("blue", "macvtap"))
    applied(wish(here, nics))
    ns(here.netns, "ip link add net1 type veth peer name net1p")
    assert plan(wish(here, nics)).outcome is Outcome.UNCHANGED, told(plan(wish(here, nics)))
