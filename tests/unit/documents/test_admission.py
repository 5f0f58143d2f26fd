"""KubeVirt's admission, rule by rule, with its cause types and field paths: a table, read for instances and for machines alike.

A row says what causes KubeVirt would give. `<root>`, `nets[i]` and `ifaces[i]` are the reference's words for field paths. A cause
of None is a mistake that KubeVirt does not look for, and `why` says why converge does; `why` of an allowed row, why it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest

from converge.bindings import REGISTRY
from tests.unit.documents.examples import errors, loaded, rendered
from tests.unit.documents.machines import Json, instance, kubevirt, machine, spec

I, R, D, NF, NS = (f"FieldValue{name}" for name in ("Invalid", "Required", "Duplicate", "NotFound", "NotSupported"))  # noqa: E741
Cause = tuple[str, str] | None
POD: Json = {"pod": {}}
NAD: Json = {"multus": {"networkName": "nad"}}
DEFAULT: Json = {"multus": {"networkName": "nad", "default": True}}
MASQUERADE, BRIDGE, PASST, SRIOV = ({key: Json()} for key in ("masquerade", "bridge", "passtBinding", "sriov"))
PLUGIN: Json = {"binding": {"name": "managedTap"}}
RULES = [*range(1, 48), "not validated"]


@dataclass(frozen=True)
class Row:
    """`nics` are pairs of a network and an interface of one name, "default", "b", "c"; None leaves one out."""

    rule: int | str
    name: str
    nics: tuple[tuple[Json | None, Json | None], ...]
    causes: tuple[Cause, ...] = ()
    more: Json | None = None
    cluster: str | None = None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.rule}-{self.name}".replace(" ", "-")


def one(rule: int | str, name: str, network: Json, interface: Json, *causes: Cause, **more: Any) -> Row:
    return Row(rule, name, ((network, interface),), causes, **more)


def nic(rule: int | str, name: str, interface: Json, *causes: Cause, **more: Any) -> Row:
    """A masquerade NIC on the pod network with something more."""
    return one(rule, name, POD, MASQUERADE | interface, *causes, **more)


def two(rule: int | str, name: str, first: tuple[Any, Any], second: tuple[Any, Any], *causes: Cause, **more: Any) -> Row:
    return Row(rule, name, (first, second), causes, **more)


def ranges(*each: tuple[Any, Any, Any]) -> Json:
    keys = ("protocol", "start", "end")
    return {"portRanges": [{k: v for k, v in zip(keys, one, strict=True) if v is not None} for one in each]}


def claim(name: str = "vf", request: str = "one") -> Json:
    return {"resourceClaim": {"claimName": name, "requestName": request}}


CLAIMS: Json = {"resourceClaims": [{"name": "vf", "resourceClaimTemplateName": "vf-template"}]}
OFF, DRA = kubevirt(gates=["HostDisk"]), kubevirt(gates=["NetworkDevicesWithDRA"])
PASST_ON, RANGES_ON = kubevirt(gates=["PasstBinding"]), kubevirt(gates=["PortRangesSpec"])
FORBIDS = kubevirt({"permitBridgeInterfaceOnPodNetwork": False})
STATE, NAME, MAC, PCI = (f"ifaces[0].{key}" for key in ("state", "name", "macAddress", "pciAddress"))
PORT, OPTIONS = "ifaces[0].ports[0]", "dhcpOptions"
AT_ONCE = "each mistake is reported, where KubeVirt stops at the first"
NOWHERE = "a number that is no port means nothing anywhere"

NETWORKS = [
    two(1, "two pod networks", (POD, MASQUERADE), (POD, MASQUERADE), (D, "<root>.interfaces")),
    two(1, "pod and multus", (POD, MASQUERADE), (NAD, BRIDGE)),
    two(2, "two default networks", (DEFAULT, BRIDGE), (DEFAULT, BRIDGE), (I, "<root>.networks")),
    two(2, "one default network", (DEFAULT, BRIDGE), (NAD, BRIDGE)),
    two(3, "pod and default network", (POD, MASQUERADE), (DEFAULT, BRIDGE), (I, "<root>.networks")),
    two(3, "default is false", (POD, MASQUERADE), ({"multus": {"networkName": "nad", "default": False}}, BRIDGE)),
    one(4, "no source", {}, BRIDGE, (R, "nets[0]")),
    one(4, "null is no source", {"pod": None}, BRIDGE, (R, "nets[0]")),
    one(4, "empty pod", {"pod": {}}, BRIDGE),
    one(5, "two sources", POD | NAD, BRIDGE, (R, "nets[0]")),
    one(5, "pod and claim", POD | claim(), PLUGIN, (R, "nets[0]"), more=CLAIMS),
    one(5, "one source", NAD, BRIDGE),
    one(6, "no name", {"multus": {}}, BRIDGE, (R, "nets[0]")),
    one(6, "empty name", {"multus": {"networkName": ""}}, BRIDGE, (R, "nets[0]")),
    two(6, "two without a name", ({"multus": {}}, BRIDGE), ({"multus": {}}, BRIDGE), (R, "nets[0]"), (R, "nets[1]"), why=AT_ONCE),
    one(6, "namespace and name", {"multus": {"networkName": "infra/nad"}}, BRIDGE),
    two(17, "network twice", (POD, MASQUERADE), ({"name": "default", **NAD}, None), (D, "nets[1].name")),
    two(17, "two networks", (POD, MASQUERADE), (NAD, BRIDGE)),
    one(18, "gate is off", claim("", ""), BRIDGE, (I, "<root>.networks"), cluster=OFF),
    one(18, "gate is on", claim(), PLUGIN, more=CLAIMS, cluster=DRA),
    one(18, "no KubeVirt document", claim(), PLUGIN, more=CLAIMS),
    two(19, "claim and multus", (claim("", ""), PLUGIN), (NAD, BRIDGE), (I, "<root>.networks"), more=CLAIMS, cluster=DRA),
    two(19, "claim and pod", (POD, MASQUERADE), (claim(), PLUGIN), more=CLAIMS, cluster=DRA),
    one(20, "bridge on a claim", claim(), BRIDGE, (I, "<root>.domain.devices.interfaces"), more=CLAIMS),
    one(20, "masquerade on a claim", claim(), MASQUERADE, (I, "<root>.domain.devices.interfaces"), (I, NAME), more=CLAIMS),
    Row(20, "no interface", ((claim(), None),), ((R, "nets[0].name"),), CLAIMS),
    one(20, "plugin on a claim", claim(), PLUGIN, more=CLAIMS),
    one(20, "sriov on a claim", claim(), SRIOV, more=CLAIMS),
    one(21, "no claim", {"resourceClaim": {"requestName": "one"}}, PLUGIN, (R, "nets[0].resourceClaim.claimName"), more=CLAIMS),
    one(21, "no request", claim("vf", ""), PLUGIN, (R, "nets[0].resourceClaim.requestName"), more=CLAIMS),
    one(21, "both", claim(), PLUGIN, more=CLAIMS),
    one(22, "unknown claim", claim("gpu"), PLUGIN, (NF, "nets[0].resourceClaim.claimName"), more=CLAIMS),
    one(22, "no claims at all", claim(), PLUGIN, (NF, "nets[0].resourceClaim.claimName")),
    one(22, "known claim", claim(), PLUGIN, more=CLAIMS),
    two(23, "request twice", (claim(), PLUGIN), (claim(), PLUGIN), (D, "nets[1]"), more=CLAIMS),
    two(23, "two requests", (claim(), PLUGIN), (claim(request="two"), PLUGIN), more=CLAIMS),
    two(24, "network without interface", (POD, MASQUERADE), (NAD, None), (R, "nets[1].name")),
    two(24, "each with one", (POD, MASQUERADE), (NAD, BRIDGE)),
]

INTERFACES = [
    nic(7, "state unknown", {"state": "Up"}, (I, STATE)),
    *(nic(7, f"state {state or 'empty'}", {"state": state}) for state in ("", "up", "down")),
    *(one(8, f"sriov {state}", NAD, SRIOV | {"state": state}, (I, STATE)) for state in ("up", "down")),
    one(8, "sriov without state", NAD, SRIOV),
    one(9, "plugin absent", NAD, PLUGIN | {"state": "absent"}, (I, STATE)),
    one(9, "masquerade absent", POD, MASQUERADE | {"state": "absent"}, (I, STATE), (I, STATE)),
    two(9, "bridge absent", (POD, MASQUERADE), (NAD, BRIDGE | {"state": "absent"})),
    one(10, "pod network absent", POD, BRIDGE | {"state": "absent"}, (I, STATE)),
    one(10, "default network absent", DEFAULT, BRIDGE | {"state": "absent"}, (I, STATE)),
    two(10, "secondary absent", (POD, MASQUERADE), (NAD, BRIDGE | {"state": "absent"})),
    one(11, "no binding", POD, {}, (I, "ifaces[0]")),
    one(11, "two bindings", POD, BRIDGE | MASQUERADE, (I, "ifaces[0]")),
    one(11, "binding is null", POD, {"masquerade": None}, (I, "ifaces[0]")),
    *(one(11, f"binding {next(iter(each))}", POD, each) for each in (BRIDGE, MASQUERADE, PASST, PLUGIN)),
    one(12, "masquerade on multus", NAD, MASQUERADE, (I, NAME)),
    one(12, "masquerade on a default network", DEFAULT, MASQUERADE, (I, NAME)),
    one(12, "masquerade on pod", POD, MASQUERADE),
    nic(13, "the bridge's MAC", {"macAddress": "02:00:00:00:00:00"}, (I, MAC)),
    nic(13, "the bridge's MAC in other words", {"macAddress": "02-00-00-00-00-00"}, None,
        why="KubeVirt compares the text; the guest would have its gateway's address all the same"),
    nic(13, "another MAC", {"macAddress": "02:00:00:00:00:01"}),
    one(13, "bridge binding", NAD, BRIDGE | {"macAddress": "02:00:00:00:00:00"}),
    one(14, "bridge on pod, forbidden", POD, BRIDGE, (I, NAME), cluster=FORBIDS),
    one(14, "bridge on multus, forbidden on pod", NAD, BRIDGE, cluster=FORBIDS),
    one(14, "bridge on pod", POD, BRIDGE, cluster=OFF),
    one(15, "passt, gate off", POD, PASST, (I, NAME), cluster=OFF),
    one(15, "passt, gate on", POD, PASST, cluster=PASST_ON),
    one(15, "passt, no KubeVirt document", POD, PASST),
    one(16, "passt on multus", NAD, PASST, (I, NAME)),
    one(16, "passt on pod", POD, PASST),
    two(25, "interface twice", (POD, MASQUERADE), (None, MASQUERADE | {"name": "default"}), (D, "ifaces[1].name")),
    two(25, "two interfaces", (POD, MASQUERADE), (NAD, BRIDGE)),
    two(26, "interface without network", (POD, MASQUERADE), (None, BRIDGE), (I, "ifaces[1].name")),
    one(26, "interface with network", NAD, BRIDGE),
    *(one(27, f"name {name}", NAD | {"name": name}, BRIDGE | {"name": name}, (I, NAME)) for name in ("a.b", "a b", "ä")),
    one(27, "name of letters, digits, - and _", NAD | {"name": "A-b_1"}, BRIDGE | {"name": "A-b_1"}),
    nic(28, "model unknown", {"model": "e1001"}, (NS, "ifaces[0].model")),
    *(nic(28, f"model {model}", {"model": model})
      for model in ("", "virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139")),
    *(nic(29, f"MAC {mac}", {"macAddress": mac}, (I, MAC))
      for mac in ("de:ad:00:00:be:af:be:af", "de:ad:00:00:be", "de-ad:00:00:be:af", "de:ad:00:00:be:ag", "dead.00.00.beaf")),
    *(nic(29, f"MAC {mac or 'empty'}", {"macAddress": mac})
      for mac in ("", "de:ad:00:00:be:af", "DE-AD-00-00-BE-AF", "dead.0000.beaf", "dead0000beaf")),
    *(nic(30, f"PCI {pci}", {"pciAddress": pci}, (I, PCI))
      for pci in ("0000:80.10.1", "0000:80:80:1.0", "0000:80:11.15", "0000:80:11.8", "80:11.1")),
    *(nic(30, f"PCI {pci}", {"pciAddress": pci}) for pci in ("0000:81:11.1", "00FF:aB:1f.7")),
    *(one(45, key, POD, {key: {}}, (I, f"ifaces[0].{key}"),
          why="the removed key is the one mistake; that no binding is left (rule 11) follows from it")
      for key in ("slirp", "passt", "macvtap")),
    one(45, "masquerade", POD, MASQUERADE),
    nic(46, "boot order 0", {"bootOrder": 0}, (I, "ifaces[0].bootOrder")),
    nic(46, "boot order of a disk", {"bootOrder": 1}, (I, "ifaces[0].bootOrder"),
        more={"devices": {"disks": [{"name": "root", "bootOrder": 1}]}}),
    two(46, "boot order of another", (POD, MASQUERADE | {"bootOrder": 2}), (NAD, BRIDGE | {"bootOrder": 2}),
        (I, "ifaces[1].bootOrder")),
    two(46, "two boot orders", (POD, MASQUERADE | {"bootOrder": 2}), (NAD, BRIDGE | {"bootOrder": 1}),
        more={"devices": {"disks": [{"name": "root", "bootOrder": 3}]}}),
]  # fmt: skip

PORTS = [
    nic(31, "port name twice", {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}, (D, "ifaces[0].ports[1].name")),
    nic(31, "no name twice", {"ports": [{"port": 1}, {"name": "", "port": 2}]}),
    one(31, "not on the pod network", NAD, BRIDGE | {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}),
    *(nic(32, f"port name {name}", {"ports": [{"name": name, "port": 80}]}, (I, f"{PORT}.name"))
      for name in ("Test", "sixteen-letters1", "-a", "a-", "a--b", "80", "a_b")),
    nic(32, "port name", {"ports": [{"name": "fifteen-letters", "port": 80}]}),
    one(32, "not on the pod network", NAD, BRIDGE | {"ports": [{"name": "Test", "port": 80}]}),
    nic(33, "port 0", {"ports": [{"port": 0}]}, (R, f"{PORT}.port")),
    nic(33, "name only", {"ports": [{"name": "a"}]}, (R, f"{PORT}.port")),
    one(33, "not on the pod network", NAD, BRIDGE | {"ports": [{"port": 0}]}, (R, f"{PORT}.port"), why=NOWHERE),
    nic(33, "port 1", {"ports": [{"port": 1}]}),
    *(nic(34, f"port {port}", {"ports": [{"port": port}]}, (I, f"{PORT}.port")) for port in (-1, 65536, 80000)),
    nic(34, "port 65535", {"ports": [{"port": 65535}]}),
    *(nic(35, f"protocol {name}", {"ports": [{"port": 80, "protocol": name}]}, (I, f"{PORT}.protocol"))
      for name in ("tcp", "bad", "SCTP")),
    nic(35, "protocols", {"ports": [{"port": 80, "protocol": name} for name in ("TCP", "UDP")] + [{"port": 81, "protocol": ""}]}),
    nic(36, "ranges, gate off", ranges(("TCP", 1, 2)), (I, NAME), cluster=OFF),
    one(36, "ranges on multus, gate off", NAD, BRIDGE | ranges(("TCP", 1, 2)), (I, NAME), cluster=OFF),
    nic(36, "ranges and ports, gate off", ranges(("TCP", 1, 2)) | {"ports": [{"port": 80}]}, (I, NAME), cluster=OFF),
    nic(36, "ranges, gate on", ranges(("TCP", 1, 2)), cluster=RANGES_ON),
    nic(36, "ranges, no KubeVirt document", ranges(("TCP", 1, 2))),
    nic(37, "ranges and ports", ranges(("TCP", 1, 2)) | {"ports": [{"port": 80}]}, (I, NAME)),
    one(37, "not on the pod network", NAD, BRIDGE | ranges(("TCP", 1, 2)) | {"ports": [{"port": 80}]}),
    nic(37, "ranges and no ports", ranges(("TCP", 1, 2)) | {"ports": []}, cluster=RANGES_ON),
    one(38, "ranges with bridge", POD, BRIDGE | ranges(("TCP", 1, 2)), (I, NAME)),
    one(38, "ranges with passt", POD, PASST | ranges(("TCP", 1, 2)), (I, NAME)),
    nic(38, "ranges with masquerade", ranges(("TCP", 1, 2))),
    nic(39, "eleven ranges", ranges(*(("TCP", n, n) for n in range(1, 12))), (I, "ifaces[0].portRanges")),
    nic(39, "ten ranges", ranges(*(("TCP", n, n) for n in range(1, 11)))),
    nic(40, "no protocol", ranges((None, 1, 2)), (I, "ifaces[0].portRanges[0].protocol")),
    nic(40, "protocol", ranges(("tcp", 1, 2)), (I, "ifaces[0].portRanges[0].protocol")),
    nic(40, "start", ranges(("TCP", 1, 2), ("TCP", 0, 2)), (I, "ifaces[0].portRanges[1].start")),
    nic(40, "end", ranges(("TCP", 1, 65536)), (I, "ifaces[0].portRanges[0].end")),
    nic(40, "start above end", ranges(("TCP", 2, 1)), (I, "ifaces[0].portRanges[0].start")),
    nic(40, "protocol and start", ranges(("tcp", 0, 2)), (I, "ifaces[0].portRanges[0].protocol"),
        (I, "ifaces[0].portRanges[0].start"), why=AT_ONCE),
    nic(40, "range of one", ranges(("UDP", 65535, 65535))),
    nic(41, "overlap", ranges(("TCP", 4, 9), ("TCP", 1, 4)), (I, "ifaces[0].portRanges")),
    nic(41, "two protocols", ranges(("TCP", 1, 4), ("UDP", 1, 4))),
    nic(41, "side by side", ranges(("TCP", 5, 9), ("TCP", 1, 4))),
    nic(42, "option twice", {OPTIONS: {"privateOptions": [{"option": 240, "value": a} for a in "ab"]}}, (I, "<root>")),
    nic(42, "two options", {OPTIONS: {"privateOptions": [{"option": number, "value": "a"} for number in (240, 241)]}}),
    *(nic(43, f"option {number}", {OPTIONS: {"privateOptions": [{"option": number, "value": "a"}]}}, (I, "<root>"))
      for number in (223, 255, 0)),
    nic(43, "first and last", {OPTIONS: {"privateOptions": [{"option": number, "value": "a"} for number in (224, 254)]}}),
    *(nic(44, f"NTP {server}", {OPTIONS: {"ntpServers": ["192.0.2.1", server]}}, (I, f"ifaces[0].{OPTIONS}.ntpServers[1]"))
      for server in ("time.example", "2001:db8::1", "192.0.2.256")),
    nic(44, "NTP with leading zeros", {OPTIONS: {"ntpServers": ["192.000.002.001"]}}),
]  # fmt: skip

LONG = "a" * 64
OTHERS = [
    nic(47, "host name with dot", {}, (I, "<root>.hostname"), more={"hostname": "a.b"}),
    nic(47, "host name too long", {}, (I, "<root>.hostname"), more={"hostname": LONG}),
    nic(47, "subdomain in capitals", {}, (I, "<root>.subdomain"), more={"subdomain": "A"}),
    nic(47, "both", {}, more={"hostname": "a-1", "subdomain": "a.b"}),
]

UNLOOKED = "not validated"
POD_FAILS = "KubeVirt finds out in the pod, where the machine ends as Failed"
NO_SUCH_NIC = "neither the hypervisor nor the kernel takes such an address"
UNVALIDATED = [
    *(one(UNLOOKED, f"CIDR {cidr}", {"pod": {"vmNetworkCIDR": cidr}}, MASQUERADE, None, why=POD_FAILS)
      for cidr in ("10.0.2.0", "10.0.2.0/31", "fd00::/64")),
    one(UNLOOKED, "IPv6 CIDR", {"pod": {"vmIPv6NetworkCIDR": "fd00::/127"}}, MASQUERADE, None, why=POD_FAILS),
    two(UNLOOKED, "acpiIndex", (POD, MASQUERADE | {"acpiIndex": 99999}), (NAD, BRIDGE | {"acpiIndex": 99999})),
    two(UNLOOKED, "MAC twice", (POD, MASQUERADE | {"macAddress": "02:00:00:00:00:07"}),
        (NAD, BRIDGE | {"macAddress": "02-00-00-00-00-07"}), None, why="one of the two NICs would not be reached"),
    nic(UNLOOKED, "multicast MAC", {"macAddress": "03:00:00:00:00:07"}, None, why=NO_SUCH_NIC),
    nic(UNLOOKED, "MAC of zeros", {"macAddress": "00:00:00:00:00:00"}, None, why=NO_SUCH_NIC),
    nic(UNLOOKED, "port twice", {"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}),
    nic(UNLOOKED, "Istio's ports", {"ports": [{"port": 15001}, {"port": 15090}]}),
    one(UNLOOKED, "ports on another network", NAD, BRIDGE | {"ports": [{"port": 80}, {"port": 80}]}),
]  # fmt: skip

ROWS = [*NETWORKS, *INTERFACES, *PORTS, *OTHERS, *UNVALIDATED]


def lists(row: Row) -> Json:
    """The two lists of a row, with names unless it gives its own."""
    names = ("default", "b", "c")
    nics = list(zip(names, row.nics, strict=False))
    networks = [{"name": name, **network} for name, (network, _) in nics if network is not None]
    return spec(
        networks, [{"name": name, **interface} for name, (_, interface) in nics if interface is not None], **row.more or {}
    )


def spelled(cause: Cause, root: str) -> Cause:
    if cause is None:
        return None
    field = cause[1].replace("<root>", root).replace("nets[", f"{root}.networks[")
    return cause[0], field.replace("ifaces[", f"{root}.domain.devices.interfaces[")


def needs_sriov(row: Row) -> bool:
    return any(interface is not None and "sriov" in interface for _, interface in row.nics)


@pytest.mark.parametrize("kind", ["VirtualMachineInstance", "VirtualMachine"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_admission(row: Row, kind: str) -> None:
    if needs_sriov(row) and "sriov" not in REGISTRY:
        pytest.skip("this converge has no sriov binding")
    machines = {"VirtualMachineInstance": ("spec", instance), "VirtualMachine": ("spec.template.spec", machine)}
    root, made = machines[kind]
    result = loaded(made(lists(row)), *filter(None, [row.cluster]))
    found = [each.cause for each in errors(result)]
    assert sorted(map(str, found)) == sorted(str(spelled(cause, root)) for cause in row.causes), rendered(result)
    assert all(each.at is not None and "\n" in each.detail for each in errors(result)), "each has a place and says what is right"
    assert [each.full_name for each in result.documents] == ([] if row.causes else ["shop/web"])


def test_every_rule_has_a_row_on_either_side() -> None:
    refused = {row.rule for row in ROWS if row.causes}
    allowed = {row.rule for row in ROWS if not row.causes}
    assert [rule for rule in RULES if rule not in refused or rule not in allowed] == []
    assert {row.rule for row in ROWS} == set(RULES)


def test_what_only_converge_refuses_says_why() -> None:
    assert [str(row) for row in ROWS if None in row.causes and not row.why] == []


def test_all_rules_at_once() -> None:
    """Everything accumulates: a machine with one mistake of each of many rules is told all of them, in one run."""
    networks: list[Json] = [{"name": "default", "pod": {}}, {"name": "default", "pod": {}}, {"name": "c"}]
    interfaces: list[Json] = [
        {"name": "default", "masquerade": {}, "macAddress": "de:ad", "model": "x", "state": "no", "ports": [{"port": 0}]},
        {"name": "b", "bridge": {}, "pciAddress": "1", "bootOrder": 0},
    ]
    result = loaded(machine(spec(networks, interfaces, hostname="A")), FORBIDS)
    found = {each.cause for each in errors(result) if each.cause}
    root = "spec.template.spec"
    expected: list[Cause] = [
        (D, "<root>.interfaces"), (D, "nets[1].name"), (R, "nets[2]"), (R, "nets[2].name"), (I, "ifaces[0].macAddress"),
        (NS, "ifaces[0].model"), (I, "ifaces[0].state"), (R, "ifaces[0].ports[0].port"), (I, "ifaces[1].name"),
        (I, "ifaces[1].pciAddress"), (I, "ifaces[1].bootOrder"), (I, "<root>.hostname"),
    ]  # fmt: skip
    assert found == {spelled(cause, root) for cause in expected}, rendered(result)


# ------------------------------------------------------------------------------------------------------------ defaults


@dataclass(frozen=True)
class Default:
    name: str
    network: Json | None
    binding: str | None
    devices: Json | None = None


DEFAULTS = [
    Default("no KubeVirt document", None, "bridge"),
    Default("nothing said", {}, "bridge"),
    Default("empty", {"defaultNetworkInterface": ""}, "bridge"),
    Default("masquerade", {"defaultNetworkInterface": "masquerade"}, "masquerade"),
    Default("bridge", {"defaultNetworkInterface": "bridge", "permitBridgeInterfaceOnPodNetwork": True}, "bridge"),
    Default("slirp", {"defaultNetworkInterface": "slirp"}, None),
    Default("slirp, permitted", {"defaultNetworkInterface": "slirp", "permitSlirpInterface": True}, None),
    Default("bridge, forbidden", {"permitBridgeInterfaceOnPodNetwork": False}, None),
    Default("masquerade, bridge forbidden",
            {"defaultNetworkInterface": "masquerade", "permitBridgeInterfaceOnPodNetwork": False}, "masquerade"),
    Default("slirp, but no NIC is wanted", {"defaultNetworkInterface": "slirp"}, "", {"autoattachPodInterface": False}),
    Default("NIC is wanted in so many words", {"defaultNetworkInterface": "masquerade"}, "masquerade",
            {"autoattachPodInterface": True}),
]  # fmt: skip


@pytest.mark.parametrize("made", [instance, machine])
@pytest.mark.parametrize("row", DEFAULTS, ids=attrgetter("name"))
def test_the_default_nic_of_an_empty_spec(row: Default, made: Any) -> None:
    """Section 1.4, and row 73 of section 10. KubeVirt refuses before its rules, so there is no cause."""
    cluster = [] if row.network is None else [kubevirt(row.network)]
    result = loaded(*cluster, made(spec(devices=row.devices or {})))
    if row.binding is None:
        assert [(each.summary, each.cause) for each in errors(result)] == [("Default binding not possible", None)]
        return
    assert result.valid, rendered(result)
    (found,) = result.documents
    assert [(nic.name, nic.binding, nic.network.kind) for nic in found.nics] == (
        [("default", row.binding, "pod")] if row.binding else []
    )


def test_a_network_alone_gets_no_default_nic() -> None:
    result = loaded(instance(spec([{"name": "a", "pod": {}}])))
    assert [each.cause for each in errors(result)] == [(R, "spec.networks[0].name")]
