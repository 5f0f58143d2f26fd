"""One row a rule, forbidden and allowed ones side by side. A row changes one place of a valid document and says what comes of it.

`rule` is the number in KubeVirt's admission (empty: ours). Where a row expects a mistake, it names the summary, the very text
that the diagnostic points at, and the cause where KubeVirt has the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

import pytest

from tests.unit.documents.examples import GUEST_NETWORK, VMI, changed, errors, loaded, pointed_at, rendered

INVALID, REQUIRED, DUPLICATE, UNSUPPORTED = (
    "FieldValueInvalid",
    "FieldValueRequired",
    "FieldValueDuplicate",
    "FieldValueNotSupported",
)
NET, NIC, PORTS = "spec.networks[0]", "spec.interfaces[0]", "[{port: 80}]"
POD, BINDING = "      pod: {}\n", "      masquerade: {}\n"


@dataclass(frozen=True)
class Row:
    name: str
    old: str
    new: str
    summary: str | None = None
    points_at: str = ""
    cause: tuple[str, str] | None = None
    rule: str = ""
    base: str = GUEST_NETWORK


def ports(
    name: str, new: str, summary: str | None = None, points_at: str = "", cause: tuple[str, str] | None = None, rule: str = ""
) -> Row:
    return Row(name, PORTS, new, summary, points_at, cause, rule)


def ranges(
    name: str, new: str, summary: str | None = None, at: str = "", cause: tuple[str, str] | None = None, rule: str = ""
) -> Row:
    return Row(name, f"ports: {PORTS}", f"portRanges: {new}", summary, at, cause, rule)


def nic(
    name: str, new: str, summary: str | None = None, points_at: str = "", cause: tuple[str, str] | None = None, rule: str = ""
) -> Row:
    return Row(name, BINDING, f"{BINDING}      {new}\n", summary, points_at, cause, rule)


def sriov(name: str, function: str, summary: str | None = None, points_at: str = "") -> Row:
    return Row(name, BINDING, f"      sriov: {{}}\n      virtualFunction: {function}\n", summary, points_at)


def pod(name: str, new: str, summary: str | None = None, points_at: str = "") -> Row:
    return Row(name, "pod: {}", f"pod: {{{new}}}", summary, points_at)


def target(name: str, new: str, summary: str | None = None, points_at: str = "") -> Row:
    return Row(name, "target: {netns: web}", f"target: {new}", summary, points_at)


SECOND = "    - {name: b, pod: {}}\n"
NETWORKS = [
    Row("two pod networks", "  interfaces:\n", f"{SECOND}  interfaces:\n    - {{name: b, masquerade: {{}}}}\n",
        "More than one pod network", "pod", (DUPLICATE, "spec.interfaces"), "1"),
    Row("two default networks", POD,
        "      multus: {networkName: a, default: true}\n    - {name: b, multus: {networkName: b, default: true}}\n",
        "More than one default network", "true", (INVALID, "spec.networks"), "2"),
    Row("pod and default network", POD, POD + "    - {name: b, multus: {networkName: b, default: true}}\n",
        "Pod network and default network", "true", (INVALID, "spec.networks"), "3"),
    Row("network of no kind", POD, "", "Network without source", "default", (REQUIRED, NET), "4"),
    Row("pod without braces", POD, "      pod:\n", "Network without source", "pod", (REQUIRED, NET), "4"),
    Row("network of two kinds", POD, POD + "      multus: {networkName: a}\n",
        "More than one network source", "multus", (REQUIRED, NET), "5"),
    Row("multus without name", POD, "      multus: {}\n", "Multus network without name", "multus", (REQUIRED, NET), "6"),
    Row("multus with empty name", POD, "      multus: {networkName: ''}\n", "Multus network without name", "''",
        (REQUIRED, NET), "6"),
    Row("multus without namespace", POD, "      multus: {networkName: /a}\n", "Multus network without name", "/a"),
    Row("network twice", POD, POD + "    - {name: default, pod: {}}\n", "Duplicate network", "default",
        (DUPLICATE, "spec.networks[1].name"), "17"),
    Row("resource claim", POD, "      resourceClaim: {claimName: a}\n", "Unknown network source", "resourceClaim",
        (INVALID, "spec.networks"), "18"),
    Row("network without interface", POD, POD + "    - {name: b, multus: {networkName: b}}\n",
        "Network without interface", "b", (REQUIRED, "spec.networks[1].name"), "24"),
    pod("subnet of 30", "vmNetworkCIDR: 10.0.0.0/30"),
    pod("subnet of 31", "vmNetworkCIDR: 10.0.0.0/31", "Unusable network address", "10.0.0.0/31"),
    pod("host bits are masked", "vmNetworkCIDR: 10.0.2.254/29"),
    pod("leading zeros are dropped", "vmNetworkCIDR: 010.000.002.000/24"),
    pod("subnet without prefix", "vmNetworkCIDR: 10.0.2.0", "Unusable network address", "10.0.2.0"),
    pod("subnet with netmask", "vmNetworkCIDR: 10.0.2.0/255.255.255.0", "Unusable network address", "10.0.2.0/255.255.255.0"),
    pod("subnet out of range", "vmNetworkCIDR: 10.0.2.256/24", "Unusable network address", "10.0.2.256/24"),
    pod("IPv6 in the IPv4 field", 'vmNetworkCIDR: "fd00::/64"', "Unusable network address", '"fd00::/64"'),
    pod("loopback", "vmNetworkCIDR: 127.0.0.0/24", "Unusable network address", "127.0.0.0/24"),
    pod("multicast", "vmNetworkCIDR: 224.0.0.0/24", "Unusable network address", "224.0.0.0/24"),
    pod("everything", "vmNetworkCIDR: 0.0.0.0/0", "Unusable network address", "0.0.0.0/0"),
    pod("empty text is the default", "vmNetworkCIDR: ''"),
    pod("IPv6 subnet of 126", 'vmIPv6NetworkCIDR: "fd00::/126"'),
    pod("IPv6 subnet of 127", 'vmIPv6NetworkCIDR: "fd00::/127"', "Unusable network address", '"fd00::/127"'),
    pod("IPv4 in the IPv6 field", "vmIPv6NetworkCIDR: 10.0.0.0/24", "Unusable network address", "10.0.0.0/24"),
    pod("link-local IPv6", 'vmIPv6NetworkCIDR: "fe80::/64"', "Unusable network address", '"fe80::/64"'),
    pod("IPv6 scope", 'vmIPv6NetworkCIDR: "fd00::%a/64"', "Unusable network address", '"fd00::%a/64"'),
]  # fmt: skip

INTERFACES = [
    nic("state up", "state: up"),
    nic("state down", "state: down"),
    nic("state unknown", "state: Up", "Value not known", "Up", (INVALID, f"{NIC}.state"), "7"),
    nic("state absent", "state: absent", "State not possible", "absent", (INVALID, f"{NIC}.state"), "9, 10"),
    Row("no binding", BINDING, "", "No binding", "default", (INVALID, NIC), "11"),
    Row("binding without braces", BINDING, "      masquerade:\n", "No binding", "masquerade", (INVALID, NIC), "11"),
    Row("two bindings", BINDING, BINDING + "      bridge: {}\n", "More than one binding", "bridge", (INVALID, NIC), "11"),
    Row("masquerade on multus", POD, "      multus: {networkName: a}\n",
        "Binding does not fit network", "default", (INVALID, f"{NIC}.name"), "12"),
    nic("the bridge's MAC", 'macAddress: "02:00:00:00:00:00"', "Reserved MAC address", '"02:00:00:00:00:00"',
        (INVALID, f"{NIC}.macAddress"), "13"),
    nic("the bridge's MAC, spelled otherwise", "macAddress: 02-00-00-00-00-00", "Reserved MAC address", "02-00-00-00-00-00"),
    Row("interface twice", BINDING, BINDING + "    - name: default\n      masquerade: {}\n",
        "Duplicate interface", "default", (DUPLICATE, "spec.interfaces[1].name"), "25"),
    Row("interface without network", BINDING, BINDING + "    - name: b\n      masquerade: {}\n",
        "Interface without network", "b", (INVALID, "spec.interfaces[1].name"), "26"),
    Row("interface name", "  interfaces:\n",
        "    - {name: a.b, multus: {networkName: b}}\n  interfaces:\n    - {name: a.b, bridge: {}}\n",
        "Value out of bounds", "a.b", (INVALID, f"{NIC}.name"), "27"),
    nic("model", "model: e1000e"),
    nic("model unknown", "model: e1001", "Value not known", "e1001", (UNSUPPORTED, f"{NIC}.model"), "28"),
    *(nic(f"MAC {text}", f"macAddress: {text}")
      for text in ("de:ad:00:00:be:af", "DE-AD-00-00-BE-AF", "dead.0000.beaf", "dead0000beaf")),
    nic("MAC unquoted with leading zero", "macAddress: 02:00:00:00:00:07"),
    nic("MAC as a number of base 60", "macAddress: 12:30:45:10:20:30", "Text needs quotes", "12:30:45:10:20:30"),
    nic("MAC as a number of base 60, quoted", 'macAddress: "12:30:45:10:20:30"'),
    nic("MAC of 5 bytes", "macAddress: de:ad:00:00:be", "Unusable MAC address", "de:ad:00:00:be",
        (INVALID, f"{NIC}.macAddress"), "29"),
    nic("MAC of 8 bytes", "macAddress: de:ad:00:00:be:af:00:01",
        "Unusable MAC address", "de:ad:00:00:be:af:00:01", (INVALID, f"{NIC}.macAddress"), "29"),
    nic("MAC with mixed separators", "macAddress: de-ad:00:00:be:af",
        "Unusable MAC address", "de-ad:00:00:be:af", (INVALID, f"{NIC}.macAddress"), "29"),
    nic("MAC of zeros", 'macAddress: "00:00:00:00:00:00"', "Unusable MAC address", '"00:00:00:00:00:00"'),
    nic("multicast MAC", "macAddress: 03:00:00:00:00:07", "Unusable MAC address", "03:00:00:00:00:07"),
    Row("MAC twice", "    - name: default\n      masquerade: {}\n",
        "    - {name: b, macAddress: 02:00:00:00:00:07}\n    - name: default\n      macAddress: 02-00-00-00-00-07\n",
        "Duplicate MAC address", "02-00-00-00-00-07"),
    nic("PCI address", 'pciAddress: "0000:81:11.1"'),
    nic("PCI address without colon", 'pciAddress: "0000:80.10.1"', "Value out of bounds", '"0000:80.10.1"',
        (INVALID, f"{NIC}.pciAddress"), "30"),
    nic("PCI function", 'pciAddress: "0000:80:11.8"', "Value out of bounds", '"0000:80:11.8"', (INVALID, f"{NIC}.pciAddress"),
        "30"),
    nic("NTP server", "dhcpOptions: {ntpServers: [192.0.2.1, 192.000.002.001]}"),
    nic("NTP server by name", "dhcpOptions: {ntpServers: [192.0.2.1, time]}",
        "Not an IPv4 address", "time", (INVALID, f"{NIC}.dhcpOptions.ntpServers[1]"), "44"),
    nic("private option", "dhcpOptions: {privateOptions: [{option: 224, value: a}]}"),
    nic("option not private", "dhcpOptions: {privateOptions: [{option: 223, value: a}]}", "Value out of bounds", "223",
        (INVALID, "spec"), "43"),
    nic("private option twice", "dhcpOptions: {privateOptions: [{option: 240, value: a}, {option: 240, value: b}]}",
        "Duplicate DHCP option", "240", (INVALID, "spec"), "42"),
    *(Row(f"removed binding {key}", BINDING, f"      {key}: {{}}\n", "Removed binding", key, (INVALID, f"{NIC}.{key}"), "45")
      for key in ("slirp", "passt", "macvtap")),
    Row("sriov", BINDING, "      sriov: {}\n"),
    *(Row(f"sriov {state}", BINDING, f"      sriov: {{}}\n      state: {state}\n", "State not possible", state,
          (INVALID, f"{NIC}.state"), "8" if state != "absent" else "9") for state in ("up", "down", "absent")),
    sriov("function", "{parent: pf0, index: 0, pciAddress: '0000:65:00.3', vlan: {id: 4094, qos: 7, protocol: 802.1ad}}"),
    sriov("function of which nothing is known", "{spoofCheck: true, trust: false, linkState: auto}"),
    sriov("function's parent alone", "{parent: pf0}", "Incomplete virtual function", "pf0"),
    sriov("function's number alone", "{index: 1}", "Incomplete virtual function", "1"),
    sriov("parent of 15", "{parent: abcdefghijklmno, index: 1}"),
    sriov("parent of 16", "{parent: abcdefghijklmnop, index: 1}", "Unusable link name", "abcdefghijklmnop"),
    sriov("parent with slash", "{parent: a/b, index: 1}", "Unusable link name", "a/b"),
    sriov("parent empty", "{parent: '', index: 1}", "Unusable link name", "''"),
    sriov("function's number below 0", "{parent: pf0, index: -1}", "Value out of bounds", "-1"),
    sriov("VLAN 4095", "{vlan: {id: 4095}}", "Value out of bounds", "4095"),
    sriov("VLAN without number", "{vlan: {qos: 1}}", "Missing key", "{qos: 1}"),
    sriov("priority 8", "{vlan: {id: 1, qos: 8}}", "Value out of bounds", "8"),
    sriov("VLAN of an unknown protocol", "{vlan: {id: 1, protocol: 802.1x}}", "Value not known", "802.1x"),
    sriov("link state of a NIC", "{linkState: up}", "Value not known", "up"),
    sriov("PCI address too short", "{pciAddress: '65:00.3'}", "Value out of bounds", "'65:00.3'"),
    nic("function of another binding", "virtualFunction: {trust: true}", "Virtual function without sriov", "virtualFunction"),
    Row("passt", BINDING, "      passtBinding: {}\n"),
    Row("named binding", BINDING, "      binding: {name: managedTap}\n"),
    Row("plugin that nobody registers", BINDING, "      binding: {name: managedtap}\n", "Unknown binding", "managedtap"),
    Row("plugin of no name", BINDING, "      binding: {}\n", "Missing key", "{}"),
    nic("boot order", "bootOrder: 1"),
    nic("boot order 0", "bootOrder: 0", "Value out of bounds", "0", (INVALID, f"{NIC}.bootOrder"), "46"),
    nic("pod link", "podLink: cust-iface"),
    nic("pod link of 11 after pod", "podLink: pod16477688c0e"),
    nic("pod link of 12", "podLink: abcdefghijkl", "Unusable link name", "abcdefghijkl"),
    nic("pod link with slash", "podLink: a/b", "Unusable link name", "a/b"),
    nic("pod link is our tap", "podLink: tap0", "Unusable link name", "tap0"),
    nic("key mistyped", "macAdress: 02:00:00:00:00:07", "Unknown key", "macAdress"),
]  # fmt: skip

PORT_ROWS = [
    ports("one port, both protocols", "[{port: 53}, {port: 53, protocol: UDP}]"),
    ports("port name twice", "[{name: a, port: 1}, {name: a, port: 2}]", "Duplicate port name", "a",
        (DUPLICATE, f"{NIC}.ports[1].name"), "31"),
    *(ports(f"port name {text}", f"[{{name: {text}, port: 80}}]", "Not a port name", text,
            (INVALID, f"{NIC}.ports[0].name"), "32")
      for text in ("Test", "a--b", "-a", "a-", "80", "sixteen-letters1", "a_b")),
    ports("port name of 15", "[{name: fifteen-letters, port: 80}]"),
    ports("no port", "[{name: a}]", "Missing key", "{name: a}", (REQUIRED, f"{NIC}.ports[0].port"), "33"),
    ports("port 0", "[{port: 0}]", "Value out of bounds", "0", (REQUIRED, f"{NIC}.ports[0].port"), "33"),
    ports("port 65535", "[{port: 65535}]"),
    ports("port 65536", "[{port: 65536}]", "Value out of bounds", "65536", (INVALID, f"{NIC}.ports[0].port"), "34"),
    ports("port -1", "[{port: -1}]", "Value out of bounds", "-1", (INVALID, f"{NIC}.ports[0].port"), "34"),
    ports("port as text", '[{port: "80"}]', "Wrong type", '"80"'),
    *(ports(f"port {text}", f"[{{port: {text}}}]", "Wrong type", text)
      for text in ("0x1F", "010", "8_0", "1:20", "80.0", "1e3", "http", "9" * 30)),
    ports("protocol empty", "[{port: 80, protocol: ''}]"),
    ports("protocol in lower case", "[{port: 80, protocol: tcp}]", "Value not known", "tcp",
        (INVALID, f"{NIC}.ports[0].protocol"), "35"),
    ports("port twice", "[{port: 80}, {port: 80, protocol: TCP}]", "Duplicate port", "80"),
    ports("ports and ranges", "[{port: 80}]\n      portRanges: [{protocol: TCP, start: 1, end: 2}]",
          "Ports and port ranges", "portRanges", (INVALID, f"{NIC}.name"), "37"),
    ranges("range of one", "[{protocol: TCP, start: 1, end: 1}]"),
    ranges("ten ranges", f"[{', '.join(f'{{protocol: TCP, start: {n}, end: {n}}}' for n in range(1, 11))}]"),
    ranges("eleven ranges", f"[{', '.join(f'{{protocol: TCP, start: {n}, end: {n}}}' for n in range(1, 12))}]",
        "Too many entries",
           f"[{', '.join(f'{{protocol: TCP, start: {n}, end: {n}}}' for n in range(1, 12))}]", (INVALID,
               f"{NIC}.portRanges"), "39"),
    ranges("range without protocol", "[{start: 1, end: 2}]", "Missing key", "{start: 1, end: 2}",
           (INVALID, f"{NIC}.portRanges[0].protocol"), "40"),
    ranges("range from 0", "[{protocol: TCP, start: 0, end: 2}]", "Value out of bounds", "0",
        (INVALID, f"{NIC}.portRanges[0].start"), "40"),
    ranges("range too far", "[{protocol: TCP, start: 1, end: 65536}]",
           "Value out of bounds", "65536", (INVALID, f"{NIC}.portRanges[0].end"), "40"),
    ranges("range reversed", "[{protocol: TCP, start: 2, end: 1}]", "Reversed port range", "2",
        (INVALID, f"{NIC}.portRanges[0].start"), "40"),
    ranges("ranges side by side", "[{protocol: TCP, start: 3, end: 4}, {protocol: TCP, start: 1, end: 2}]"),
    ranges("ranges of two protocols", "[{protocol: TCP, start: 1, end: 4}, {protocol: UDP, start: 1, end: 4}]"),
    ranges("ranges overlap", "[{protocol: TCP, start: 4, end: 9}, {protocol: TCP, start: 1, end: 4}]",
           "Overlapping port ranges", "4", (INVALID, f"{NIC}.portRanges"), "41"),
    ranges("ranges nested",
        "[{protocol: TCP, start: 1, end: 9}, {protocol: TCP, start: 2, end: 3}, {protocol: TCP, start: 10, end: 11}]",
           "Overlapping port ranges", "2", (INVALID, f"{NIC}.portRanges"), "41"),
]  # fmt: skip

IDENTITY = [
    target("name of a namespace", "{netns: a.b-c_1}"),
    target("path under /run/netns", "{netns: /run/netns/a}"),
    target("path under /var/run/netns", "{netns: /var/run/netns/a}"),
    target("path of a process", "{netns: /proc/12/ns/net}"),
    target("pid", "{pid: 12}"),
    target("other path", "{netns: /tmp/a}", "Not a network namespace", "/tmp/a"),
    target("path with dots", "{netns: /run/netns/../a}", "Not a network namespace", "/run/netns/../a"),
    target("dots", "{netns: ..}", "Not a network namespace", ".."),
    target("empty name", "{netns: ''}", "Not a network namespace", "''"),
    target("other namespace", "{netns: /proc/12/ns/mnt}", "Not a network namespace", "/proc/12/ns/mnt"),
    target("pid 0", "{pid: 0}", "Not a process id", "0"),
    target("pid too large", "{pid: 99999999}", "Not a process id", "99999999"),
    target("pid as text", "{pid: '12'}", "Wrong type", "'12'"),
    target("pod", "{pod: {name: a}}"),
    target("pod with everything", "{pod: {namespace: b, name: a.b, uid: 0af3}}"),
    target("pod without name", "{pod: {namespace: a}}", "Missing key", "{namespace: a}"),
    target("pod of no name", "{pod: {name: a_b}}", "Not a DNS name", "a_b"),
    target("pod of no namespace", "{pod: {name: a, namespace: a.b}}", "Not a DNS name", "a.b"),
    target("pod as text", "{pod: shop/web}", "Wrong type", "shop/web"),
    target("pod and netns", "{pod: {name: a}, netns: a}", "More than one target", "netns"),
    target("netns and pid", "{netns: a, pid: 12}", "More than one target", "pid"),
    target("neither", "{}", "No target", "{}"),
    target("unknown form", "{netns: a, nets: b}", "Unknown key", "nets"),
    Row("document name", "name: web,", "name: Web,", "Not a DNS name", "Web"),
    Row("no document name", "{name: web, namespace: shop}", "{namespace: shop}", "Missing key", "{namespace: shop}"),
    Row("namespace with dot", "namespace: shop", "namespace: a.b", "Not a DNS name", "a.b"),
    Row("no target", "  target: {netns: web}\n", "", "Missing key",
        GUEST_NETWORK.split("spec:\n  target: {netns: web}\n  ")[1].rstrip()),
    Row("another version", "net.converge/v1alpha1", "net.converge/v2", "Unknown document", "net.converge/v2"),
    Row("another kind of ours", "kind: GuestNetwork", "kind: GuestNetworks", "Unknown document", "GuestNetworks"),
    Row("another group", "net.converge/v1alpha1", "v1", "Unknown document", "v1"),
    Row("tap owner", "  networks:", "  tap: {owner: root}\n  networks:", "Wrong type", "root"),
    Row("boolean as text", "  networks:", "  legacyMigrationPorts: 'no'\n  networks:", "Wrong type", "'no'"),
    Row("boolean of YAML 1.1", "  networks:", "  legacyMigrationPorts: no\n  networks:"),
    Row("list is a mapping", "    - name: default\n      pod: {}", "    name: default", "Wrong type", "name: default"),
]  # fmt: skip

VMI_NIC = "spec.domain.devices.interfaces[0]"
KUBEVIRT = [
    Row("host name", "spec:\n", "spec:\n  hostname: a-b\n", base=VMI),
    Row("host name with dot", "spec:\n", "spec:\n  hostname: a.b\n", "Not a DNS name", "a.b", (INVALID, "spec.hostname"),
        "47", VMI),
    Row("subdomain", "spec:\n", "spec:\n  subdomain: a.b\n", base=VMI),
    Row("subdomain in capitals", "spec:\n", "spec:\n  subdomain: A\n", "Not a DNS name", "A", (INVALID, "spec.subdomain"),
        "47", VMI),
    Row("boot order of a disk", "masquerade: {}\n",
        "masquerade: {}\n          bootOrder: 1\n      disks: [{name: a, bootOrder: 1}]\n",
        "Duplicate boot order", "1", (INVALID, f"{VMI_NIC}.bootOrder"), "46", VMI),
    Row("field path", "masquerade: {}\n", "masquerade: {}\n          ports: [{port: 70000}]\n",
        "Value out of bounds", "70000", (INVALID, f"{VMI_NIC}.ports[0].port"), "34", VMI),
    Row("no annotation", "annotations: {net.converge/netns: web}", "annotations: {}", "No target", "metadata", base=VMI),
    Row("two annotations", "net.converge/netns: web", "net.converge/netns: web, net.converge/pid: '3'",
        "More than one target", "net.converge/pid", base=VMI),
    Row("pid by annotation", "net.converge/netns: web", "net.converge/pid: '3'", base=VMI),
    Row("pid by annotation, zero", "net.converge/netns: web", "net.converge/pid: '03'", "Not a process id", "'03'", base=VMI),
    Row("CPU quantity", "    devices:\n",
        "    resources: {limits: {cpu: many}}\n    devices:\n      networkInterfaceMultiqueue: true\n",
        "Not a CPU quantity", "many", base=VMI),
    Row("CPU quantity without multiqueue", "    devices:\n", "    resources: {limits: {cpu: many}}\n    devices:\n", base=VMI),
    Row("unknown keys elsewhere", "status: {}", "status: {phase: Running}\nother: {a: [1]}", base=VMI),
    Row("pod link too long", "status: {}", "status: {interfaces: [{name: default, podInterfaceName: abcdefghijkl}]}",
        "Unusable link name", "abcdefghijkl", base=VMI),
]  # fmt: skip


@pytest.mark.parametrize("row", [*NETWORKS, *INTERFACES, *PORT_ROWS, *IDENTITY, *KUBEVIRT], ids=attrgetter("name"))
def test_rule(row: Row) -> None:
    text = changed(row.base, row.old, row.new)
    result = loaded(text)
    found = errors(result)
    if row.summary is None:
        assert not found, rendered(result)
        return
    assert (row.summary, row.points_at, row.cause) in [(each.summary, pointed_at(text, each), each.cause) for each in found], (
        rendered(result)
    )
    assert not result.valid
    assert not result.documents
    assert all("\n" in each.detail for each in found), "each says what would be right"
