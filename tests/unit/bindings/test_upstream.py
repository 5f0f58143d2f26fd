"""What NICs become, by KubeVirt's own cases: rows of reference section 10 about the pod, as its documents say them.

The pod of the rows: `eth0` has MAC 12:34:56:78:90:ab, MTU 1500, 10.222.222.1/30 and an IPv6 address. Where a row was also run by
KubeVirt, the record is compared in tests/kernel; here are those that were not, and what a record does not show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from converge.bindings import REGISTRY, compile_document
from converge.documents import Text, load
from converge.facts import discover
from converge.model import Desired, Device, GuestNetwork, Key, Resources
from converge.report.domain_xml import elements
from converge.resources.address import Address
from converge.resources.link import Link
from converge.resources.route import Route
from converge.resources.sysctl import IP_FORWARD, Sysctl
from converge.resources.wire import interface
from tests.unit.documents.machines import Json, instance, kubevirt, spec
from tests.unit.universe import POD_WIDE

MAC, OTHER_MAC = "12:34:56:78:90:ab", "aa:bb:cc:dd:ee:ff"
V4, V6, LINK_LOCAL = "10.222.222.1/30", "2001:db8::1/64", "fe80::1034:56ff:fe78:90ab/64"
GATEWAY = "10.222.222.254"
ROUTES: Mapping[str, Route] = {
    "0.0.0.0/0": Route(GATEWAY),
    "10.222.222.0/30": Route(protocol="kernel", scope="link", source="10.222.222.1"),
    "192.168.1.0/24": Route(GATEWAY),
    "10.222.0.0/16": Route(scope="link"),
}
RED = "914f438d88d"
"""Eleven digits of the hash of `secondnetwork`."""

POD: Json = {"name": "default", "pod": {}}
SECOND: Json = {"name": "secondnetwork", "multus": {"networkName": "nad"}}
BRIDGE: Json = {"name": "default", "bridge": {}}
MASQUERADE: Json = {"name": "default", "masquerade": {}}
PASST: Json = {"name": "default", "passtBinding": {}}
PLUGIN: Json = {"name": "default", "binding": {"name": "plugin"}}
SECONDARY: Json = {"name": "secondnetwork", "bridge": {}}
ARP_IGNORE = Key("sysctl", "", "net.ipv4.conf.all.arp_ignore")


def plugged(*addresses: str, name: str = "eth0", routes: Mapping[str, Route] = ROUTES, **link: Any) -> Resources:
    """A link of the CNI's, by its addresses."""
    index = int(link.get("index", 2))
    owner = f"#{index}"
    found: Resources = {Key("link", owner): Link(name, "veth", True, **{"mtu": 1500, "mac": MAC, "index": index, **link})}
    found[Key("sysctl", owner, "ipv6.accept_ra")] = Sysctl("1")
    for order, text in enumerate(addresses):
        scope = 253 if interface(text).ip.is_link_local else 0
        found[Key("address", owner, text)] = Address(scope=scope, nodad=":" in text, order=order)
    if any(":" not in text for text in addresses):
        found |= {Key("route", owner, destination): way for destination, way in routes.items()}
    return found


def pod(*links: Resources) -> Resources:
    return {Key("sysctl", "", name): Sysctl(value) for name, value in POD_WIDE.items()} | {
        k: v for each in links for k, v in each.items()
    }


DUAL = pod(plugged(V4, V6))


def document(
    interfaces: Sequence[Json], networks: Sequence[Json] = (POD,), status: Json | None = None, **more: Any
) -> GuestNetwork:
    registered = {"plugin": {"domainAttachmentType": more.pop("attachment")}} if "attachment" in more else {}
    texts = (instance(spec(networks, interfaces, **more), None, status), kubevirt({"binding": registered}, ["PasstBinding"]))
    loaded = load(Text(f"{number}.json", text.encode()) for number, text in enumerate(texts))
    assert loaded.valid, loaded.diagnostics
    (only,) = loaded.documents
    return only


def wanted(found: GuestNetwork, resources: Resources) -> Desired:
    facts, unreadable = discover(found, resources)
    assert not unreadable
    return compile_document(found, replace(facts, standin="dummy"), REGISTRY)


def compiled(interfaces: Sequence[Json], resources: Resources = DUAL, **more: Any) -> Desired:
    desired = wanted(document(interfaces, **more), resources)
    assert not desired.refusals, desired.refusals
    return desired


def link(desired: Desired, role: str) -> Link:
    found: Link = desired.resources[Key("link", role)]
    return found


def on(desired: Desired, kind: str, owner: str) -> list[str]:
    return [key.name for key in desired.resources if key.kind == kind and key.owner == owner]


def told(desired: Desired, nic: str = "default") -> list[str]:
    """The lines of what serves a NIC."""
    process = desired.resources[Key("process", f"bridge:{nic}", "dnsmasq")]
    return str(process.config).splitlines()


def option(desired: Desired, number: str) -> list[str]:
    return [line.split(",", 1)[1] for line in told(desired) if line.startswith(f"dhcp-option-force={number},")]


# ------------------------------------------------------------------------------------------------------------ phase 1


def test_01_masquerade() -> None:
    found = compiled([MASQUERADE])
    assert (link(found, "bridge:default").name, link(found, "bridge:default").mac) == ("k6t-eth0", "02:00:00:00:00:00")
    assert on(found, "address", "bridge:default") == ["10.0.2.1/24", "fd10:0:2::1/120"]
    assert (link(found, "tap:default").name, link(found, "tap:default").master) == ("tap0", "bridge:default")
    assert {link(found, role).mtu for role in ("bridge:default", "tap:default")} == {1500}
    switches = (Key("sysctl", "bridge:default", "ipv4.route_localnet"), Key("sysctl", "", IP_FORWARD))
    assert {found.resources[key].value for key in (*switches, Key("sysctl", "", "net.ipv6.conf.all.forwarding"))} == {"1"}


def test_02_bridge_with_routes() -> None:
    """The default route comes last in what the guest is told, and the router is the first route's next hop."""
    found = compiled([BRIDGE])
    assert [link(found, f"{role}:default").name for role in ("bridge", "pod", "tap", "standin")] == [
        "k6t-eth0",
        "eth0-nic",
        "tap0",
        "eth0",
    ]
    assert on(found, "address", "bridge:default") == ["169.254.75.10/32"]
    assert on(found, "address", "standin:default") == [V4, V6]
    assert found.resources[ARP_IGNORE] == Sysctl("1")
    assert "dhcp-host=12:34:56:78:90:ab,10.222.222.1" in told(found)
    assert option(found, "option:netmask") == ["255.255.255.252"]
    assert option(found, "option:router") == [GATEWAY]
    (routes,) = option(found, "121")
    pairs = routes.split(",")
    assert sorted(zip(pairs[::2], pairs[1::2], strict=True)) == [
        ("0.0.0.0/0", GATEWAY),
        ("10.222.0.0/16", "0.0.0.0"),
        ("192.168.1.0/24", GATEWAY),
    ]
    assert pairs[-2] == "0.0.0.0/0"


@pytest.mark.parametrize("binding", ["bridge", "masquerade"])
def test_03_a_pod_link_that_the_status_names(binding: str) -> None:
    status = {"interfaces": [{"name": "default", "podInterfaceName": "cust-iface"}]}
    found = compiled([{"name": "default", binding: {}}], pod(plugged(V4, name="cust-iface")), status=status)
    assert (link(found, "bridge:default").name, link(found, "tap:default").name) == ("k6t-cust-iface", "tap0")
    assert "interface=k6t-cust-iface" in told(found)
    if binding == "bridge":
        assert (link(found, "pod:default").name, link(found, "standin:default").name) == ("cust-iface-nic", "cust-iface")


def test_04_bridge_with_a_link_local_address_only() -> None:
    found = compiled([BRIDGE], pod(plugged(LINK_LOCAL)))
    assert on(found, "address", "bridge:default") == []
    assert on(found, "address", "standin:default") == [LINK_LOCAL]
    assert ARP_IGNORE not in found.resources
    assert not [key for key in found.resources if key.kind == "process"]


TWO = pod(plugged(V4, V6), plugged(name=f"pod{RED}", mac=OTHER_MAC, index=3))


def test_06_a_secondary_without_addresses() -> None:
    found = compiled([MASQUERADE, SECONDARY], TWO, networks=[POD, SECOND])
    names = {key.owner: value.name for key, value in found.resources.items() if key.kind == "link"}
    assert names == {
        "pod:default": "eth0",
        "bridge:default": "k6t-eth0",
        "tap:default": "tap0",
        "bridge:secondnetwork": f"k6t-{RED}",
        "pod:secondnetwork": f"{RED}-nic",
        "tap:secondnetwork": f"tap{RED}",
        "standin:secondnetwork": f"pod{RED}",
    }
    assert link(found, "standin:secondnetwork").mac == OTHER_MAC
    assert [key.owner for key in found.resources if key.kind == "process"] == ["bridge:default"]


def test_08_absent_from_the_start() -> None:
    """Nothing of it is wished for; KubeVirt would delete the CNI's own link, since that has the stand-in's name."""
    found = compiled([MASQUERADE, SECONDARY | {"state": "absent"}], TWO, networks=[POD, SECOND])
    assert found.resources == compiled([MASQUERADE], TWO).resources


def test_09_a_secondary_of_ordinal_name() -> None:
    links = pod(plugged(V4, V6), plugged(name="net1", mac=OTHER_MAC, index=3))
    found = compiled([MASQUERADE, SECONDARY], links, networks=[POD, SECOND])
    names = [link(found, f"{role}:secondnetwork").name for role in ("bridge", "pod", "tap", "standin")]
    assert names == ["k6t-net1", "net1-nic", "tap1", "net1"]


@pytest.mark.parametrize(("source", "several"), [("domain", False), ("domain, guest-agent", False), ("multus-status", True)])
def test_10_the_queues_of_a_guest_that_runs(source: str, several: bool) -> None:
    status = {"interfaces": [{"name": "default", "infoSource": source, "queueCount": 1}]}
    cores: Json = {"devices": {"networkInterfaceMultiqueue": True}, "domain": {"cpu": {"cores": 2}}}
    tap = link(compiled([BRIDGE], status=status, **cores), "tap:default").tap
    assert tap is not None
    assert tap.multi_queue is several


@pytest.mark.parametrize(
    ("said", "status", "served"),
    [(None, MAC, MAC), (None, None, OTHER_MAC), ("02:00:00:00:00:07", MAC, "02:00:00:00:00:07")],
    ids=["status", "pod link", "document"],
)
def test_11_whose_mac_is_served(said: str | None, status: str | None, served: str) -> None:
    interfaces = [BRIDGE | ({"macAddress": said} if said else {})]
    found = compiled(
        interfaces,
        pod(plugged(V4, mac=OTHER_MAC)),
        status={"interfaces": [{"name": "default", "mac": status}] if status else []},
    )
    assert [line for line in told(found) if line.startswith("dhcp-host=")] == [f"dhcp-host={served},10.222.222.1"]
    assert link(found, "standin:default").mac == OTHER_MAC


def test_12_sriov_alone() -> None:
    """Neither its own link nor any other is touched."""
    found = compiled([{"name": "secondnetwork", "sriov": {}}], TWO, networks=[SECOND])
    assert found.resources == {}
    assert [device.kind for device in found.devices] == ["hostdev"]


@pytest.mark.parametrize("interface", [BRIDGE, MASQUERADE, PASST, PLUGIN], ids=["bridge", "masquerade", "passt", "managedTap"])
def test_16_a_pod_link_that_is_missing(interface: Json) -> None:
    """KubeVirt tries for ever, or with a managed tap kills the machine. Here nothing is touched; the next run may find it."""
    found = wanted(document([interface], attachment="managedTap"), pod())
    assert [(each.summary, each.nic) for each in found.refusals] == [("pod link is missing", "default")]
    assert not found.resources


def test_17_managed_tap() -> None:
    """As row 2, with nobody on the bridge."""
    found, bridged = compiled([PLUGIN], attachment="managedTap"), compiled([BRIDGE])
    assert {key: value for key, value in found.resources.items() if key.kind == "link"} == {
        key: value for key, value in bridged.resources.items() if key.kind == "link"
    }
    assert on(found, "address", "standin:default") == [V4, V6]
    assert on(found, "address", "bridge:default") == []
    assert found.resources[ARP_IGNORE] == Sysctl("1")
    assert not [key for key in found.resources if key.kind == "process"]


# --------------------------------------------------------------------------------------------------------------- DHCP


@pytest.mark.parametrize(("addresses", "four", "six"), [([V4], True, False), ([V6], False, True), ([V4, V6], True, True)])
def test_21_masquerade_serves_the_families_of_the_pod(addresses: list[str], four: bool, six: bool) -> None:
    found = compiled([MASQUERADE], pod(plugged(*addresses, mtu=1410)))
    ranges = [line.partition("=")[2] for line in told(found) if line.startswith("dhcp-range=")]
    assert any("10.0.2.2,10.0.2.2" in each for each in ranges) is four
    assert any("fd10:0:2::2,fd10:0:2::2" in each for each in ranges) is six
    assert option(found, "option:router") == ["10.0.2.1"] * four
    assert option(found, "option:mtu") == ["1410"] * four
    assert not option(found, "121")
    assert "dhcp-ignore=tag:!known" not in told(found)  # any MAC is served


def test_22_a_bridge_serves_its_pod_links_mtu() -> None:
    found = compiled([BRIDGE], pod(plugged(V4, mtu=1410)))
    assert option(found, "option:mtu") == ["1410"]
    assert [line for line in told(found) if line.startswith("shared-network=")] == ["shared-network=169.254.75.10,10.222.222.1"]
    assert on(found, "address", "bridge:default") == ["169.254.75.10/32"]


def test_23_a_bridge_without_address_is_not_served() -> None:
    found = compiled([MASQUERADE, SECONDARY], TWO, networks=[POD, SECOND])
    assert Key("process", "bridge:secondnetwork", "dnsmasq") not in found.resources


def test_25_what_is_not_known_is_not_told() -> None:
    """A route that leads to nowhere else is no router, and without routes there is no option 121."""
    found = compiled([BRIDGE], pod(plugged(V4, routes={"10.222.222.0/30": ROUTES["10.222.222.0/30"]})))
    assert (option(found, "option:router"), option(found, "121")) == ([], [])
    assert "dhcp-option=option:router" in told(found)  # else dnsmasq names itself
    assert option(found, "option:netmask") == ["255.255.255.252"]


# ------------------------------------------------------------------------------------------------------------- phase 2


@pytest.mark.parametrize(
    ("links", "target"),
    [
        (("eth0", "tap0"), "tap0"),
        (("eth0",), "eth0"),
    ],
    ids=["the CNI's tap", "the pod link itself"],
)
def test_38_a_plugins_tap(links: tuple[str, ...], target: str) -> None:
    made = [plugged(V4, name=name, index=number, mac=MAC) for number, name in enumerate(links, 2)]
    found = compiled([PLUGIN], pod(*made), attachment="tap")
    assert found.devices == (Device("default", "tap", target, mac=MAC, mtu=1500),)
    assert found.resources == {}


@pytest.mark.parametrize(
    ("interfaces", "attachment", "written"),
    [
        ([], None, []),
        ([{"name": "default", "binding": {"name": "plugin"}}], "", []),
        ([MASQUERADE, SECONDARY | {"state": "absent"}], None, ["default"]),
        ([MASQUERADE, SECONDARY | {"state": "down"}], None, ["default", "secondnetwork"]),
    ],
    ids=["no NICs", "plugin without attachment", "absent", "down"],
)
def test_41_which_nics_have_an_element(interfaces: list[Json], attachment: str | None, written: list[str]) -> None:
    names = {each["name"] for each in interfaces}
    networks = [each for each in (POD, SECOND) if each["name"] in names]
    more: Json = {} if attachment is None else {"attachment": attachment}
    wish = document(interfaces, networks, devices={"autoattachPodInterface": False} if not interfaces else {}, **more)
    assert list(elements(wish, wanted(wish, TWO).devices)) == written


@pytest.mark.parametrize(("state", "links"), [("", 0), ("up", 0), ("down", 1)])
def test_42_link_state(state: str, links: int) -> None:
    wish = document([BRIDGE | {"state": state}])
    (text,) = elements(wish, wanted(wish, DUAL).devices).values()
    assert text.count('<link state="down">') == text.count("<link ") == links


@pytest.mark.parametrize(("model", "driver"), [("", True), ("virtio", True), ("e1000", False)])
def test_43_queues_of_the_domain(model: str, driver: bool) -> None:
    wish = document([MASQUERADE | {"model": model}], devices={"networkInterfaceMultiqueue": True}, domain={"cpu": {"cores": 4}})
    desired = wanted(wish, DUAL)
    (text,) = elements(wish, desired.devices).values()
    assert ('<driver name="vhost" queues="4">' in text) is driver
    assert link(desired, "tap:default").tap.multi_queue is driver  # type: ignore[union-attr]


def test_45_passts_source_is_the_link_that_is_there() -> None:
    """KubeVirt asks the status for its name, and fails where it is not told yet."""
    for status in ({}, {"interfaces": [{"name": "default", "podInterfaceName": ""}]}):
        (device,) = compiled([PASST], status=status).devices
        assert device == Device("default", "vhostuser", source="eth0")
