"""KubeVirt's `status.interfaces`: rows 46 to 60 of reference section 10, the example of 7.3, traps T20 to T24, and laws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.documents.libvirt import Domain
from converge.model import GuestNetwork, Network, Nic, Position, Reported, Target
from converge.report.vmi_status import MOST_UNNAMED, Guest, Seen, as_json, in_cluster, interfaces, on_node
from tests.unit.report.vmi_cases import (
    CBR0,
    MAC,
    POD,
    RED,
    addresses,
    entry,
    function,
    guest,
    guest_nic,
    guest_only,
    nic,
    vmi,
)

Json = dict[str, Any]
BOTH = "domain, guest-agent"
V4, V6 = POD["default"].ips
DEFAULT, RED_NIC = nic("default"), nic("red")
DOO: Json = {"name": "doo", "mac": MAC["doo"], "infoSource": "domain"}
NOTHING: Mapping[str, Seen] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the reference: what is known, and what the node agent makes of it."""

    number: str
    document: GuestNetwork
    guest: Guest
    expected: list[Json]
    seen: Mapping[str, Seen] = field(default_factory=lambda: POD)


def known(name: str, **more: Any) -> Json:
    return {"name": name, **more}


ROWS = [
    Row(
        "46 two NICs of the domain, no agent",
        vmi("default masquerade", "red bridge"),
        guest([DEFAULT, RED_NIC]),
        [entry("default", "domain", V4, V6), entry("red", "domain", "192.168.5.9")],
    ),
    Row(
        "46 in the domain's order",
        vmi("red bridge", "doo bridge"),
        guest([nic("doo"), RED_NIC]),
        [entry("doo", "domain"), entry("red", "domain", "192.168.5.9")],
    ),
    Row(
        "47 the pod's addresses of a bridge NIC stay",
        vmi("red bridge"),
        guest([RED_NIC], [guest_nic("eth0", MAC["red"], "172.16.0.1")]),
        [entry("red", BOTH, "192.168.5.9", interfaceName="eth0")],
    ),
    Row(
        "48 the pod has IPv4 only, the guest IPv6 only",
        vmi("red bridge"),
        guest([RED_NIC], [guest_nic("eth0", MAC["red"], "fd20::1")]),
        [entry("red", BOTH, "fd20::1", interfaceName="eth0")],
    ),
    Row(
        "49 masquerade: the guest adds an address, its link-local one is left out",
        vmi("default masquerade"),
        guest([DEFAULT], [guest_nic("eth0", MAC["default"], "10.0.2.2", "fd20:244::8c4c", "fe80::1", "169.254.3.4", "what")]),
        [entry("default", BOTH, V4, "fd20:244::8c4c", interfaceName="eth0")],
        {"default": Seen("eth0", MAC["default"], (V4,))},
    ),
    Row(
        "50 bridge without IPAM: link-local addresses are kept",
        vmi("red bridge"),
        guest([RED_NIC], [guest_nic("eth0", MAC["red"], "fe80::1", "169.254.3.4")]),
        [entry("red", BOTH, "169.254.3.4", "fe80::1", interfaceName="eth0")],
        {"red": Seen("podb1f51a511f1", MAC["red"])},
    ),
    Row(
        "51 MACs changed inside the guest",
        vmi("default masquerade", "red bridge"),
        guest([DEFAULT, RED_NIC], [guest_nic("eth0", "02::1", "10.0.2.2"), guest_nic("eth1", "02::2", "fe80::1", "192.168.5.9")]),
        [
            entry("default", "domain", V4, V6),
            entry("red", "domain", "192.168.5.9"),
            guest_only("eth0", "02::1", "10.0.2.2"),
            guest_only("eth1", "02::2", "fe80::1", "192.168.5.9"),
        ],
    ),
    Row(
        "52 of 24 that only the guest knows, the first ten",
        vmi("default masquerade"),
        guest([DEFAULT], [guest_nic(f"veth{number}", f"02::{number}") for number in range(24)]),
        [entry("default", "domain", V4, V6), *(guest_only(f"veth{number}", f"02::{number}") for number in range(10))],
    ),
    Row("53 SR-IOV, no agent", vmi("doo sriov"), guest([function("ua-sriov-doo")]), [DOO]),
    Row(
        "53 SR-IOV, and the guest has it",
        vmi("doo sriov"),
        guest([function("ua-sriov-doo")], [guest_nic("ens5", MAC["doo"], "198.51.100.9")]),
        [{**DOO, "infoSource": BOTH, "interfaceName": "ens5", **addresses("198.51.100.9")}],
    ),
    Row(
        "54 the pod network's NIC is the last of the spec",
        vmi("red bridge", "doo bridge", "default masquerade"),
        guest([RED_NIC, nic("doo"), DEFAULT]),
        [entry("default", "domain", V4, V6), entry("red", "domain", "192.168.5.9"), entry("doo", "domain")],
    ),
    Row(
        "55 one that Multus had, neither in the spec nor in the domain",
        vmi("default masquerade", status=[known("foo", infoSource="multus-status")]),
        guest([DEFAULT]),
        [entry("default", "domain", V4, V6)],
    ),
    Row(
        "56 the pod network's NIC was told before, the domain lacks it",
        vmi("red bridge", "default masquerade", status=[known("default", podInterfaceName="eth0", infoSource="domain")]),
        guest([RED_NIC]),
        [known("default", podInterfaceName="eth0"), entry("red", "domain", "192.168.5.9")],
    ),
    Row(
        "57 an old launcher's agent entry has no name",
        vmi("default masquerade"),
        guest([DEFAULT], [guest_nic("", MAC["default"], "10.0.2.2", "fd10::2")]),
        [entry("default", "domain", V4, V6)],
    ),
    Row(
        "7.1 step 1: queues and link state",
        vmi("red bridge"),
        guest([nic("red", queues=4, link="down")]),
        [entry("red", "domain", "192.168.5.9", queueCount=4, linkState="down")],
    ),
    Row(
        "7.1 step 4: a guest without any address empties the NIC, which two links with one MAC share",
        vmi("red bridge"),
        guest([RED_NIC], [guest_nic("eth0", MAC["red"]), guest_nic("br0", MAC["red"], "172.16.0.1", "fe80::1")]),
        [entry("red", BOTH, "172.16.0.1", "fe80::1", interfaceName="br0")],
    ),
    Row(
        "7.1 step 6: Multus had it, the domain has it not yet",
        vmi("red bridge", "doo bridge", status=[known(name, infoSource="multus-status") for name in ("doo", "red")]),
        guest([RED_NIC]),
        [entry("red", "domain, multus-status", "192.168.5.9"), known("doo", infoSource="multus-status")],
    ),
    Row(
        "7.1 step 7: pod link names come from before, by name",
        vmi("red bridge", "doo bridge", status=[known("red", podInterfaceName="net1"), known("x", podInterfaceName="net2")]),
        guest([RED_NIC, nic("doo")]),
        [entry("red", "domain", "192.168.5.9", podInterfaceName="net1"), entry("doo", "domain")],
    ),
    Row(
        "7.1 step 4: an IPv4 address however it is written; one with a zone is none",
        vmi("doo bridge"),
        guest([nic("doo")], [guest_nic("eth0", MAC["doo"], "fe80::1%eth0", "fd20::1", "::ffff:10.0.0.9")]),
        [entry("doo", BOTH, "::ffff:10.0.0.9", "fd20::1", interfaceName="eth0")],
    ),
    Row("no NIC at all", vmi("default masquerade"), guest([]), []),
]


@pytest.mark.parametrize("row", ROWS, ids=attrgetter("number"))
def test_what_the_node_agent_writes(row: Row) -> None:
    assert [as_json(each) for each in on_node(row.document, row.seen, row.guest)] == row.expected


# -------------------------------------------------------------------------------------------------- the controller


def controlled(document: GuestNetwork, *entries: Reported, seen: Mapping[str, Seen] = NOTHING) -> list[Json]:
    return [as_json(each) for each in in_cluster(document, seen, entries)]


@pytest.mark.parametrize(
    ("multus", "expected"),
    [
        pytest.param(None, "eth0", id="58 no annotation"),
        pytest.param([], "eth0", id="58 an empty one"),
        pytest.param(
            [{"name": "cni", "interface": "custom-iface", "default": True}], "custom-iface", id="59 the default element"
        ),
        pytest.param([{"name": "cni", "default": True}, {"interface": "net1"}], "eth0", id="59 no interface in it"),
    ],
)
def test_the_primary_nics_pod_link(multus: list[Json] | None, expected: str) -> None:
    document = vmi("default masquerade", multus=multus)
    assert controlled(document, Reported("default")) == [{"name": "default", "podInterfaceName": expected}]
    assert controlled(document) == [{"name": "default", "podInterfaceName": expected}]


SECONDARY = [  # is it in the annotation, and what in the status; what comes of it
    (True, None, {"infoSource": "multus-status"}),
    (True, ("domain",), {"infoSource": "domain, multus-status"}),
    (True, ("multus-status", "domain"), {"infoSource": "multus-status, domain"}),
    (False, ("domain", "multus-status"), {"infoSource": "domain"}),
    (False, ("multus-status",), {}),
    (False, None, None),
]


@pytest.mark.parametrize(("attached", "sources", "expected"), SECONDARY)
def test_row_60_a_secondary_nic_in_and_out_of_the_annotation(
    attached: bool, sources: tuple[str, ...] | None, expected: Json | None
) -> None:
    document = vmi("default masquerade", "red bridge", multus=[CBR0, *([RED] * attached)])
    entries = () if sources is None else (Reported("red", sources=sources),)
    found = [] if expected is None else [{"name": "red", "podInterfaceName": "podb1f51a511f1", **expected}]
    assert controlled(document, *entries) == [{"name": "default", "podInterfaceName": "eth0"}, *found]


def test_any_ordinal_link_makes_all_of_them_ordinal_in_the_order_of_networks() -> None:
    networks = [{"name": name, "multus": {"networkName": name}} for name in ("blue", "red")]
    multus = [CBR0, {"interface": "net1"}, {"interface": "net2"}]
    document = vmi(
        "red bridge", "default masquerade", "blue bridge", multus=multus, networks=[*networks, {"name": "default", "pod": {}}]
    )
    assert controlled(document) == [
        {"name": "default", "podInterfaceName": "eth0"},
        {"name": "blue", "podInterfaceName": "net1", "infoSource": "multus-status"},
        {"name": "red", "podInterfaceName": "net2", "infoSource": "multus-status"},
    ]


def test_what_is_no_network_of_the_spec_comes_last_as_it_was() -> None:
    document = vmi("red bridge", "default masquerade", multus=[CBR0, RED])
    guest_only, other = Reported(mac="02::1", guest_name="docker0"), Reported("other", sources=("domain",), pod_link="net9")
    found = controlled(document, guest_only, other, Reported("red"), Reported("default"))
    assert [each.get("name") for each in found] == ["default", "red", None, "other"]
    assert found[2:] == [as_json(guest_only), as_json(other)]


def test_a_device_of_a_resource_claim_is_as_it_was_before_what_only_the_guest_knows() -> None:
    at = Position("a", 1, 1)
    claim = Nic("gpu", "sriov", Network("gpu", "resourceClaim", at, primary=False), at)
    document = GuestNetwork("shop", "web", Target("netns", "web", at), (claim,), at)
    told = Reported("gpu", sources=("domain", "multus-status"), pod_link="x")
    assert in_cluster(document, NOTHING, (Reported(mac="02::1"), told)) == (told, Reported(mac="02::1"))
    assert in_cluster(document, NOTHING, ()) == ()


# ------------------------------------------------------------------------------------------------------- both sides


EXAMPLE: list[Json] = [
    {
        "name": "default",
        "mac": "0a:58:0a:f4:01:05",
        "ipAddress": "10.244.1.5",
        "ipAddresses": ["10.244.1.5", "fd10:244:1::5"],
        "podInterfaceName": "eth0",
        "interfaceName": "enp1s0",
        "infoSource": "domain, guest-agent",
        "queueCount": 1,
        "linkState": "up",
    },
    {
        "name": "red",
        "mac": "de:ad:00:00:be:af",
        "ipAddress": "192.168.5.9",
        "ipAddresses": ["192.168.5.9"],
        "podInterfaceName": "podb1f51a511f1",
        "interfaceName": "enp2s0",
        "infoSource": "domain, guest-agent, multus-status",
        "queueCount": 4,
        "linkState": "down",
    },
    {
        "mac": "52:54:00:12:34:56",
        "interfaceName": "docker0",
        "infoSource": "guest-agent",
        "ipAddress": "172.17.0.1",
        "ipAddresses": ["172.17.0.1"],
    },
]
"""Reference section 7.3."""

TOLD = guest(
    [DEFAULT, nic("red", queues=4, link="down")],
    [
        guest_nic("enp1s0", MAC["default"], "10.0.2.2", "fd10:0:2::2", "fe80::1"),
        guest_nic("enp2s0", MAC["red"], "192.168.5.9"),
        guest_nic("docker0", "52:54:00:12:34:56", "172.17.0.1"),
    ],
)


@pytest.mark.parametrize("status", [[], EXAMPLE], ids=["first", "again"])
def test_the_reference_example(status: list[Json]) -> None:
    document = vmi("default masquerade", "red bridge", status=status, multus=[CBR0, RED])
    found = interfaces(document, POD, TOLD)
    assert found == EXAMPLE
    assert all(list(each) == sorted(each) for each in found)  # as kubectl prints them


def test_t20_a_source_without_the_blank_is_another_word() -> None:
    document = vmi("red bridge", status=[known("red", infoSource="domain,multus-status")])
    assert document.reported[0].sources == ("domain,multus-status",)
    assert interfaces(document, POD, guest([])) == []


def test_t21_macs_are_compared_as_text() -> None:
    """An SR-IOV NIC without MAC takes what a tunnel without MAC has. KubeVirt does so too."""
    document = vmi("red sriov")
    tunnel = guest_nic("wg0", None, "10.9.0.1")
    assert [as_json(each) for each in on_node(document, NOTHING, guest([function("ua-sriov-red")], [tunnel]))] == [
        {"name": "red", "infoSource": BOTH, "interfaceName": "wg0", **addresses("10.9.0.1")}
    ]
    shouted = guest([nic("red")], [guest_nic("eth0", MAC["red"].upper())])
    assert [each.sources for each in on_node(vmi("red bridge"), POD, shouted)] == [("domain",), ("guest-agent",)]


def test_t22_and_t23_the_limit_counts_only_what_matches_nothing() -> None:
    """A NIC of ours comes through however late the guest tells of it."""
    many = [guest_nic(f"veth{number}", f"02::{number}") for number in range(24)]
    told = [*many, guest_nic("eth0", MAC["default"], "10.0.2.2")]
    found = on_node(vmi("default masquerade"), POD, guest([DEFAULT], told))
    assert [each.guest_name for each in found] == ["eth0", *(f"veth{number}" for number in range(MOST_UNNAMED))]


def test_t24_multus_default_network_is_primary_for_the_controller_only() -> None:
    networks = [
        {"name": "red", "multus": {"networkName": "red"}},
        {"name": "doo", "multus": {"networkName": "doo", "default": True}},
    ]
    document = vmi("red bridge", "doo bridge", networks=networks, multus=[CBR0, RED])
    node = on_node(document, POD, guest([nic("red"), nic("doo")]))
    assert [each.name for each in node] == ["red", "doo"]
    found = in_cluster(document, POD, node)
    assert [(each.name, each.pod_link) for each in found] == [("doo", "eth0"), ("red", "podb1f51a511f1")]
    assert found[0].sources == ("domain",)


# --------------------------------------------------------------------------------------------------- without a domain


def test_without_a_domain_only_what_the_pod_and_multus_show() -> None:
    document = vmi("red bridge", "default masquerade", "doo sriov", multus=[CBR0, RED])
    assert interfaces(document, POD, Guest()) == [
        {"name": "default", "mac": MAC["default"], "podInterfaceName": "eth0", **addresses(V4, V6)},
        {
            "name": "red",
            "mac": MAC["red"],
            "podInterfaceName": "podb1f51a511f1",
            "infoSource": "multus-status",
            **addresses("192.168.5.9"),
        },
    ]


def test_without_a_domain_the_earlier_status_stays() -> None:
    document = vmi("default masquerade", "red bridge", status=EXAMPLE, multus=[CBR0, RED])
    assert interfaces(document, POD, Guest()) == EXAMPLE


def test_without_pod_document_an_attachment_is_not_taken_for_gone() -> None:
    document = vmi("default masquerade", "red bridge", status=EXAMPLE)
    assert interfaces(document, POD, Guest()) == EXAMPLE


def test_an_agent_without_domain_names_the_nics_that_it_knows_and_forgets_what_it_said_before() -> None:
    before = [
        guest_only("old0", "02::9"),
        known("red", infoSource="multus-status, guest-agent", interfaceName="x", mac=MAC["red"]),
    ]
    told = [guest_nic("eth0", MAC["default"], "fe80::1"), guest_nic("docker0", "02::1")]
    document = vmi("default masquerade", "red bridge", status=before)
    assert interfaces(document, POD, guest(None, told)) == [
        {
            "name": "default",
            "mac": MAC["default"],
            "podInterfaceName": "eth0",
            "interfaceName": "eth0",
            "infoSource": "guest-agent",
        },
        {
            "name": "red",
            "mac": MAC["red"],
            "podInterfaceName": "podb1f51a511f1",
            "infoSource": "multus-status",
            **addresses("192.168.5.9"),
        },
        guest_only("docker0", "02::1"),
    ]


def test_an_agent_without_domain_is_not_tied_to_a_nic_whose_mac_nobody_knows() -> None:
    document = vmi("default masquerade", status=[known("default", podInterfaceName="eth0")])
    found = interfaces(document, NOTHING, guest(None, [guest_nic("wg0", None, "10.9.0.1")]))
    assert found == [known("default", podInterfaceName="eth0"), guest_only("wg0", "", "10.9.0.1")]


# -------------------------------------------------------------------------------------------------------------- laws

NAMES = ("default", "red", "blue", "green")
OWN_MACS = {name: f"02::{number}" for number, name in enumerate((*NAMES, "foo", "net0", ""))}
"""No two NICs of a machine have one MAC: that is refused."""

macs = st.sampled_from(("", *OWN_MACS.values()))
ips = st.lists(
    st.sampled_from(("10.0.0.1", "10.0.0.2", "fd00::1", "fe80::1", "169.254.1.1", "::ffff:10.0.0.9", "no")), max_size=4
)
sources = st.lists(st.sampled_from(("domain", "guest-agent", "multus-status", "other")), max_size=3, unique=True)
links = st.sampled_from(("", "eth0", "net1", "net2", "podb1f51a511f1"))


@st.composite
def entries(draw: st.DrawFn, names: tuple[str, ...]) -> Reported:
    """One with a name has its own MAC, or none; one without can have any."""
    name = draw(st.sampled_from(names))
    mac = draw(st.sampled_from(("", OWN_MACS[name])) if name else macs)
    guest_name = draw(st.sampled_from(("", "eth0")))
    return Reported(name, mac, tuple(draw(ips)), draw(links), guest_name, tuple(draw(sources)))


@st.composite
def machines(draw: st.DrawFn) -> GuestNetwork:
    """Up to four NICs, networks in another order than the NICs, a status and an annotation that need not fit."""
    order = draw(st.permutations(NAMES))
    nics = []
    for name in order[: draw(st.integers(0, len(NAMES)))]:
        at = Position("a.yaml", 10 + NAMES.index(name), 1)
        kind = "pod" if name == "default" else draw(st.sampled_from(("multus", "multus", "resourceClaim")))
        binding = draw(st.sampled_from(("masquerade", "bridge", "sriov")))
        network = Network(name, kind, at, primary=name == "default")
        nics.append(Nic(name, binding, network, at, mac=draw(st.sampled_from((None, OWN_MACS[name])))))
    document = GuestNetwork(
        "shop", "web", Target("netns", "web", Position("a.yaml", 1, 1)), tuple(nics), Position("a.yaml", 1, 1)
    )
    multus = vmi("default masquerade", multus=draw(st.sampled_from(([], [CBR0], [CBR0, RED], [{"interface": "net1"}, CBR0]))))
    named = draw(st.lists(entries((*NAMES, "foo")), max_size=5, unique_by=attrgetter("name")))
    reported = draw(st.permutations([*named, *draw(st.lists(entries(("",)), max_size=3))]))
    return replace(document, attachments=multus.attachments, reported=tuple(reported))


@st.composite
def guests(draw: st.DrawFn) -> Guest:
    domain = agent = None
    if draw(st.booleans()):
        told = draw(st.lists(entries((*NAMES, "net0")), max_size=4, unique_by=attrgetter("name")))
        interfaces = tuple(Reported(each.name, each.mac, sources=("domain",), queues=1, link_state="up") for each in told)
        domain = Domain(interfaces, tuple(draw(st.lists(st.sampled_from(("red", "blue")), max_size=1))))
    if draw(st.booleans()):
        told = draw(st.lists(entries(("",)), max_size=14))
        agent = tuple(replace(each, pod_link="", sources=("guest-agent",)) for each in told)
    return Guest(domain, agent)


@st.composite
def pods(draw: st.DrawFn) -> dict[str, Seen]:
    shown = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return {name: Seen(draw(links.filter(bool)), OWN_MACS[name], ("10.244.0.9", "fd10::9")) for name in shown}


def merged(document: GuestNetwork, seen: Mapping[str, Seen], told: Guest) -> tuple[Reported, ...]:
    return in_cluster(document, seen, on_node(document, seen, told))


@given(machines(), pods(), guests())
def test_merging_again_changes_nothing(document: GuestNetwork, seen: Mapping[str, Seen], told: Guest) -> None:
    """But for a NIC that Multus has let go and the domain does not have: KubeVirt tells of it once more, and then no longer."""
    once = merged(document, seen, told)
    twice = merged(replace(document, reported=once), seen, told)
    wanted = {nic.name for nic in document.nics if not nic.network.primary}
    bare = {each.name for each in once if each.name in wanted and each == Reported(each.name, pod_link=each.pod_link)}
    leaving = bare if told.domain is not None else set()
    assert twice == tuple(each for each in once if each.name not in leaving)
    assert merged(replace(document, reported=twice), seen, told) == twice


@given(machines(), pods(), guests())
def test_who_is_told_of_and_in_which_order(document: GuestNetwork, seen: Mapping[str, Seen], told: Guest) -> None:
    found = merged(document, seen, told)
    names = [each.name for each in found if each.name]
    domain = told.domain or Domain()
    wanted = [nic.name for nic in document.nics]
    known = {*wanted, *(each.name for each in document.reported), *(each.name for each in domain.interfaces), *domain.functions}
    assert set(names) <= known
    assert [name for name in names if name in wanted] == list(dict.fromkeys(name for name in names if name in wanted))
    assert names[:1] == ["default"] or "default" not in wanted
    if told.domain is not None or told.agent is not None:
        assert sum(not each.name for each in found) <= MOST_UNNAMED
    assert all(len(set(each.sources)) == len(each.sources) for each in found)


@given(machines(), pods(), st.lists(entries(("",)), max_size=14))
def test_without_a_domain_nothing_is_said_to_come_from_one(
    document: GuestNetwork, seen: Mapping[str, Seen], told: list[Reported]
) -> None:
    fresh = replace(document, reported=())
    agent = tuple(replace(each, pod_link="", sources=("guest-agent",)) for each in told)
    for guest_told in (Guest(), Guest(None, agent)):
        for each in merged(fresh, seen, guest_told):
            assert "domain" not in each.sources
            assert (each.queues, each.link_state) == (0, "")
            assert each.name or each.sources == ("guest-agent",)
