"""sriov: what is set where the card is in the pod, what is said where it is not, and what the VMM is given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converge.bindings import REGISTRY, compile_document
from converge.bindings.names import hashed
from converge.facts import discover, parents
from converge.model import (
    Attachment,
    Desired,
    Device,
    GuestNetwork,
    Key,
    Network,
    Nic,
    Resources,
    Severity,
    VirtualFunction,
    Vlan,
)
from converge.resources import fact_text
from converge.resources.link import Link
from converge.resources.vf import Vf
from tests.unit.universe import HERE, Pod, Wish

MAC = "02:00:00:00:00:31"
CARD: Resources = {
    Key("link", "#7"): Link("pf0", "", True, 1500, "02:00:00:00:00:70", index=7),
    **{
        Key("vf", "#7", str(number)): Vf("00:00:00:00:00:00", Vlan(0), True, False, "auto", parent="pf0", ifindex=7)
        for number in range(2)
    },
}
FUNCTION = VirtualFunction("pf0", 1, "0000:65:00.3", Vlan(100, 3), trust=True)


def document(function: VirtualFunction | None = FUNCTION, mac: str | None = MAC, name: str = "fast") -> GuestNetwork:
    nic = Nic(name, "sriov", Network(name, "multus", HERE, primary=False), HERE, mac=mac, virtual_function=function)
    return replace(Wish().document(), nics=(nic,))


def desired(wanted: GuestNetwork, more: Resources) -> Desired:
    facts, _ = discover(wanted, {**Pod(stranger=False).resources(), **more})
    return compile_document(wanted, facts, REGISTRY)


def said(found: Desired) -> list[tuple[Severity, str]]:
    return [(each.severity, each.detail.partition("\n")[0]) for each in found.warnings]


# ------------------------------------------------------------------------------------------------------- programmed


def test_only_what_is_named_is_set_and_captured() -> None:
    found = desired(document(), CARD)
    assert found.resources[Key("vf", "#7", "1")] == Vf(MAC, Vlan(100, 3), True, True, "auto", ("fast",))
    assert Key("vf", "#7", "0") not in found.resources
    facts = [key.name for key in found.resources if key.kind == "fact" and key.owner == "fast"]
    assert facts == ["vf 1 dev pf0 ifindex 7 mac 00:00:00:00:00:00 vlan 0 trust off"]
    assert said(found) == []


def test_without_anything_to_set_there_is_nothing_to_wish_for() -> None:
    found = desired(document(VirtualFunction("pf0", 1, "0000:65:00.3"), None), CARD)
    assert found.resources == {}
    assert said(found) == []


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (VirtualFunction("pf0", 2), "pf0 has no virtual function 2; it has 2, counted from 0"),
        (VirtualFunction("eth0", 0), "eth0 has no virtual function 0; it has none"),
    ],
)
def test_a_function_that_is_not_there_refuses_the_pod(function: VirtualFunction, told: str) -> None:
    found = desired(document(function), CARD)
    assert [each.detail.partition("\n")[0] for each in found.refusals] == [f"NIC fast: {told}"]
    assert found.resources == {}


def test_a_mark_without_a_fact_means_that_facts_are_lost() -> None:
    key = Key("vf", "#7", "1")
    found = desired(document(), {**CARD, key: replace(CARD[key], marks=("fast",))})
    assert [each.summary for each in found.warnings] == ["facts lost"]
    assert [each for each in found.resources if each.kind == "fact"] == []
    left = desired(replace(document(), nics=()), {**CARD, key: replace(CARD[key], marks=("fast",))})
    assert left.resources == {key: CARD[key]}
    assert [each.summary for each in left.warnings] == ["facts lost"]


def test_the_card_may_be_a_pod_link_too() -> None:
    """Its functions then lie on that NIC's pod link, and go on to when a binding has renamed it."""
    wanted = document(replace(FUNCTION, parent="eth0"))
    bridged = Nic("default", "bridge", Network("default", "pod", HERE), HERE)
    wanted = replace(wanted, nics=(bridged, *wanted.nics))
    function = Vf("00:00:00:00:00:00", Vlan(0), True, False, "auto", parent="eth0", ifindex=2)
    observed = {**Pod().resources(), Key("vf", "#2", "1"): function}
    facts, _ = discover(wanted, observed)
    found = compile_document(wanted, replace(facts, standin="dummy"), REGISTRY)
    assert not found.refusals
    assert found.resources[Key("vf", "pod:default", "1")].mac == MAC
    assert found.resources[Key("link", "pod:default")].name == "eth0-nic"


# ------------------------------------------------------------------------------------------------- the parent is away


@pytest.mark.parametrize(
    ("function", "command"),
    [
        (FUNCTION, f"ip link set dev pf0 vf 1 mac {MAC} vlan 100 qos 3 trust on"),
        (
            VirtualFunction("pf0", 3, spoof_check=False, link_state="disable"),
            f"ip link set dev pf0 vf 3 mac {MAC} spoofchk off state disable",
        ),
        (VirtualFunction(vlan=Vlan(7, 0, "802.1ad")), f"ip link set dev PF vf N mac {MAC} vlan 7 proto 802.1ad"),
        (None, f"ip link set dev PF vf N mac {MAC}"),
    ],
)
def test_the_node_is_told_what_to_set(function: VirtualFunction | None, command: str) -> None:
    found = desired(document(function), {})
    assert (Severity.WARNING, f"NIC fast: the node must have run `{command}`") in said(found)
    assert (found.resources, found.refusals) == ({}, ())


def test_nothing_asked_for_is_nothing_to_tell() -> None:
    assert said(desired(document(VirtualFunction(pci_address="0000:65:00.3"), None), {})) == []


@pytest.mark.parametrize(("mac", "warnings"), [(MAC, 0), ("02:00:00:00:00:99", 1)])
def test_the_pods_side_is_looked_at(mac: str, warnings: int) -> None:
    link = Link("podf8a5d1b2c3d", "", True, 1500, mac, index=8)
    wanted = document()
    wanted = replace(wanted, nics=(replace(wanted.nics[0], pod_link="podf8a5d1b2c3d"),))
    found = desired(wanted, {Key("link", "#8"): link})
    other = [each for each in found.warnings if each.summary == "virtual function has another MAC address"]
    assert len(other) == warnings
    assert found.resources == {}


def test_facts_are_kept_while_the_parent_is_away() -> None:
    known = Vf("00:00:00:00:00:00", parent="pf0", ifindex=7, nic="fast")
    facts = dict(fact_text.facts([(Key("vf", "#7", "1"), known)]))
    assert facts.keys() <= desired(document(), facts).resources.keys()
    assert not facts.keys() & desired(replace(document(), nics=()), facts).resources.keys()


# ------------------------------------------------------------------------------------------------------------- device


def test_the_vmm_is_given_a_pci_device() -> None:
    assert desired(document(), CARD).devices == (Device("fast", "hostdev", source="0000:65:00.3"),)


def test_multus_tells_the_pci_address_where_the_document_does_not() -> None:
    told = Attachment("shop/sriov-net", hashed("fast"), pci_address="0000:65:00.7")
    wanted = replace(document(VirtualFunction("pf0", 1)), attachments=(Attachment("cni", "eth0", default=True), told))
    assert desired(wanted, CARD).devices == (Device("fast", "hostdev", source="0000:65:00.7"),)
    named = replace(document(), attachments=(told,))
    assert desired(named, CARD).devices == (Device("fast", "hostdev", source="0000:65:00.3"),)


def test_an_unknown_pci_address_is_said() -> None:
    found = desired(document(VirtualFunction("pf0", 1)), CARD)
    assert found.devices == (Device("fast", "hostdev"),)
    assert [each.summary for each in found.warnings] == ["PCI address is not known"]


# ------------------------------------------------------------------------------------------------------ what is read


def test_functions_are_read_only_where_somebody_names_them() -> None:
    """Of a document, a fact, a mark or an earlier look; a pod without SR-IOV pays for none of it."""
    plain = {**Pod().resources(), Key("link", "#7"): CARD[Key("link", "#7")]}
    nothing = replace(document(), nics=())
    assert parents(nothing, plain) == set()
    assert parents(document(), plain) == {7}
    assert parents(nothing, {**plain, Key("fact", "fast", "vf 1 dev pf0 ifindex 7 vlan 0"): None}) == {7}
    marked = replace(CARD[Key("link", "#7")], altnames=("converge:vf:fast:1",))
    assert parents(nothing, {**plain, Key("link", "#7"): marked}) == {7}
    assert parents(nothing, plain, CARD) == {7}
