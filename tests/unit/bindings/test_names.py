"""Names of links, by the examples that the field has published, and the longest that still fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from converge.bindings.names import LONGEST, hashed, names, pod_link_names, too_long, unsure
from converge.model import GuestNetwork, Network, Nic, Position, Target

AT = Position("names.yaml", 1, 1)
COLLIDING = ("storage-1999238", "storage-7144460")
"""Two names whose SHA-256 begins with the same 44 bits."""


def nic(network: str, primary: bool = False, pod_link: str | None = None) -> Nic:
    return Nic(
        network, "masquerade", Network(network, "pod" if primary else "multus", AT, primary=primary), AT, pod_link=pod_link
    )


def document(*nics: Nic) -> GuestNetwork:
    return GuestNetwork("shop", "web", Target("netns", "web", AT), nics, AT)


def derived(one: Nic, present: tuple[str, ...] = ()) -> tuple[str, str, str, str]:
    own = names(one, pod_link_names(document(one), present)[one.name])
    return own.pod_link, own.tap, own.bridge, own.renamed


@pytest.mark.parametrize(
    ("network", "hashed"),
    [
        ("red", "b1f51a511f1"),
        ("blue", "16477688c0e"),
        ("default", "37a8eec1ce1"),
        ("secondnetwork", "914f438d88d"),
        ("foo", "2c26b46b68f"),
        ("green", "ba4788b226a"),
        ("vlan100", "1dba23260aa"),
    ],
)
def test_secondary_networks_are_known_by_a_hash(network: str, hashed: str) -> None:
    assert derived(nic(network)) == (f"pod{hashed}", f"tap{hashed}", f"k6t-{hashed}", f"{hashed}-nic")


def test_the_primary_network_has_the_names_everybody_knows() -> None:
    assert derived(nic("default", primary=True)) == ("eth0", "tap0", "k6t-eth0", "eth0-nic")


def test_a_primary_link_of_another_name() -> None:
    found = derived(nic("default", primary=True, pod_link="cust-iface"))
    assert found == ("cust-iface", "tap0", "k6t-cust-iface", "cust-iface-nic")


@pytest.mark.parametrize(("pod_link", "tap"), [("net1", "tap1"), ("net12", "tap12")])
def test_ordinal_names(pod_link: str, tap: str) -> None:
    assert derived(nic("red", pod_link=pod_link)) == (pod_link, tap, f"k6t-{pod_link}", f"{pod_link}-nic")


def test_one_ordinal_link_in_the_pod_means_ordinals_for_all() -> None:
    nics = (nic("default", primary=True), nic("red"), nic("blue"))
    assert pod_link_names(document(*nics), ("eth0", "net1", "net2")) == {"default": "eth0", "red": "net1", "blue": "net2"}
    assert pod_link_names(document(*nics), ("eth0", "network1"))["red"] == "podb1f51a511f1"


def test_ordinals_follow_the_order_of_networks_whatever_that_of_the_nics() -> None:
    red, blue = (
        replace(one, network=replace(one.network, at=replace(AT, line=line))) for one, line in ((nic("red"), 9), (nic("blue"), 8))
    )
    assert pod_link_names(document(red, blue), ("eth0", "net1", "net2")) == {"red": "net2", "blue": "net1"}


def test_hashed_names_just_fit() -> None:
    assert max(map(len, derived(nic("red")))) == LONGEST
    assert too_long(names(nic("red"), "podb1f51a511f1"), ("bridge", "renamed", "tap")) is None


@pytest.mark.parametrize(("pod_link", "name"), [("twelve-chars", "k6t-twelve-chars"), ("eleven-char", None)])
def test_a_derived_name_that_the_kernel_would_refuse(pod_link: str, name: str | None) -> None:
    assert too_long(names(nic("default", primary=True), pod_link), ("bridge", "tap")) == name


def test_two_names_can_have_one_hash() -> None:
    assert [hashed(name) for name in COLLIDING] == ["podb2cd4e6d34e"] * 2


def test_names_are_hashed_as_they_are_written() -> None:
    assert hashed("Red") != hashed("red")


def test_without_networks_there_are_no_names() -> None:
    assert pod_link_names(document(), ("eth0", "net1")) == {}
    assert "eth0" not in pod_link_names(document(nic("red")), ("eth0",)).values()


RED, BLUE, GREEN = nic("red"), nic("blue"), nic("green")


@pytest.mark.parametrize(
    ("nics", "present", "certain", "doubtful"),
    [
        ((RED, BLUE), ("net1", "net2"), {}, set()),
        ((RED, BLUE), ("podb1f51a511f1",), {}, set()),
        ((RED, BLUE, GREEN), ("net1", "net2"), {"red": "net1", "blue": "net2"}, set()),
        ((GREEN, RED, BLUE), ("net1", "net2", "net3"), {"red": "net1", "blue": "net2"}, {"green"}),
        ((BLUE, GREEN), ("net1", "net2", "net3"), {"blue": "net2"}, {"green"}),
        ((BLUE,), ("net1", "net2"), {"blue": "net2"}, set()),
        ((BLUE,), ("net1", "net2"), {}, {"blue"}),
        ((nic("blue", pod_link="net2"),), ("net1", "net2"), {}, set()),
    ],
    ids=["fresh", "hashed", "behind", "before", "leaves and comes", "left", "nothing known", "said"],
)
def test_a_number_that_may_be_anothers(
    nics: tuple[Nic, ...], present: tuple[str, ...], certain: dict[str, str], doubtful: set[str]
) -> None:
    assert unsure(document(*nics), present, certain) == doubtful
