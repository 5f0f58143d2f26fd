"""Each kind of document, and what becomes of it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest

from converge.model import Severity
from tests.unit.documents.examples import GUEST_NETWORK, VMI, changed, document, errors, loaded, rendered, summaries

FULL = """\
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {name: web, labels: {app: shop}, annotations: {sidecar.istio.io/inject: True}}
spec:
  target: {pid: 4711}
  networks:
    - {name: default, pod: {vmNetworkCIDR: 010.11.012.7/24, vmIPv6NetworkCIDR: "FD00:1::5/64"}}
  interfaces:
    - name: default
      masquerade: {}
      model: virtio
      macAddress: DE-AD-00-00-BE-AF
      podLink: cust-iface
      ports: [{name: http, port: 80}, {port: 53, protocol: UDP}]
  domain: {cpu: {sockets: 2, cores: 2}, devices: {networkInterfaceMultiqueue: yes}}
  tap: {owner: 0, group: 36}
  legacyMigrationPorts: true
"""


def test_guest_network_with_everything() -> None:
    read = document(FULL)
    assert (read.full_name, read.labels, read.istio) == ("default/web", {"app": "shop"}, True)
    assert (read.target.how, read.target.value) == ("pid", "4711")
    assert (read.tap_owner, read.tap_group, read.legacy_migration_ports) == (0, 36, True)
    (nic,) = read.nics
    assert (nic.name, nic.binding, nic.mac, nic.pod_link, nic.queues) == (
        "default",
        "masquerade",
        "de:ad:00:00:be:af",
        "cust-iface",
        4,
    )
    assert (nic.network.cidr4, nic.network.cidr6) == (IPv4Network("10.11.12.0/24"), IPv6Network("fd00:1::/64"))
    assert [(each.protocol, each.start, each.end, each.name) for each in nic.ports] == [
        ("tcp", 80, 80, "http"),
        ("udp", 53, 53, ""),
    ]


def test_guest_network_with_the_least() -> None:
    read = document(GUEST_NETWORK)
    assert (read.istio, read.tap_owner, read.tap_group, read.legacy_migration_ports) == (False, 107, 107, False)
    (nic,) = read.nics
    assert (nic.model, nic.mac, nic.pod_link, nic.queues) == ("virtio", None, None, 0)
    assert (nic.network.cidr4, nic.network.cidr6) == (IPv4Network("10.0.2.0/24"), IPv6Network("fd10:0:2::/120"))
    assert nic.network.primary


def test_guest_network_without_nics() -> None:
    assert document(GUEST_NETWORK.split("  networks:")[0]).nics == ()


def test_port_ranges_are_allowed() -> None:
    (nic,) = document(changed(GUEST_NETWORK, "ports: [{port: 80}]", "portRanges: [{protocol: UDP, start: 1, end: 9}]")).nics
    assert [(each.protocol, each.start, each.end) for each in nic.ports] == [("udp", 1, 9)]


# ----------------------------------------------------------------------------------------------------------- KubeVirt


def vmi(status: str = "{}", old: str = "", new: str = "") -> str:
    text = changed(VMI, "status: {}", f"status: {status}")
    return changed(text, old, new) if old else text


@pytest.mark.parametrize(
    ("status", "owner"), [("{}", 107), ("{runtimeUser: 107}", 107), ("{runtimeUser: 0}", 0), ("{runtimeUser: 1000}", 107)]
)
def test_vmi_tap_owner(status: str, owner: int) -> None:
    read = document(vmi(status))
    assert (read.tap_owner, read.tap_group) == (owner, owner)


@pytest.mark.parametrize(
    ("status", "legacy"), [("{}", True), ("{migrationTransport: Unix}", False), ("{migrationTransport: TCP}", True)]
)
def test_vmi_migration_ports(status: str, legacy: bool) -> None:
    assert document(vmi(status)).legacy_migration_ports is legacy


@pytest.mark.parametrize(
    ("value", "istio"), [("'true'", True), ("'True'", True), ("true", True), ("'false'", False), ("'yes'", False)]
)
def test_vmi_istio_is_an_annotation_of_its_own(value: str, istio: bool) -> None:
    text = changed(VMI, "net.converge/netns: web", f"net.converge/netns: web, sidecar.istio.io/inject: {value}")
    assert document(text).istio is istio


def test_vmi_label_is_not_the_annotation() -> None:
    assert not document(changed(VMI, "  name: web\n", "  name: web\n  labels: {sidecar.istio.io/inject: 'true'}\n")).istio


def test_vmi_pod_link_comes_from_the_status() -> None:
    (nic,) = document(vmi("{interfaces: [{infoSource: guest-agent}, {name: default, podInterfaceName: cust-iface}]}")).nics
    assert nic.pod_link == "cust-iface"
    (nic,) = document(vmi("{interfaces: [{name: default, podInterfaceName: ''}]}")).nics
    assert nic.pod_link is None


MULTI = "    devices:\n      networkInterfaceMultiqueue: true\n"
QUEUES = [  # what stands before the devices, status, queues
    ("", "{}", 1),
    ("    cpu: {cores: 4}\n", "{}", 4),
    ("    cpu: {sockets: 2, cores: 3, threads: 2}\n", "{}", 12),
    ("    cpu: {cores: 300}\n", "{}", 256),
    ("    cpu: {model: host-passthrough}\n    resources: {limits: {cpu: 3}}\n", "{}", 3),
    ("    resources: {limits: {cpu: '2500m'}, requests: {cpu: 1}}\n", "{}", 3),
    ("    resources: {requests: {cpu: '2'}}\n", "{}", 2),
    ("    cpu: {cores: 4}\n", "{interfaces: [{name: default, infoSource: 'domain, guest-agent', queueCount: 1}]}", 1),
    ("    cpu: {cores: 4}\n", "{interfaces: [{name: default, infoSource: guest-agent, queueCount: 1}]}", 4),
]


@pytest.mark.parametrize(("before", "status", "queues"), QUEUES)
def test_vmi_queues(before: str, status: str, queues: int) -> None:
    text = vmi(status, "    devices:\n", before + MULTI)
    assert document(text).nics[0].queues == queues
    assert document(changed(text, "masquerade: {}", "masquerade: {}\n          model: e1000")).nics[0].queues == 0


def test_vmi_without_multiqueue_has_no_queues() -> None:
    assert document(vmi("{}", "    devices:\n", "    cpu: {cores: 4}\n    devices:\n")).nics[0].queues == 0


BARE = changed(VMI.split("  domain:")[0], "spec:\n", "spec:\n  domain: {devices: {}}\n")


def test_vmi_without_lists_gets_the_cluster_default() -> None:
    (nic,) = document(BARE).nics
    assert (nic.name, nic.binding, nic.network.kind) == ("default", "bridge", "pod")
    assert document(changed(BARE, "devices: {}", "devices: {autoattachPodInterface: false}")).nics == ()


def test_vmi_unknown_keys_of_lists_warn_with_the_nearest() -> None:
    result = loaded(
        vmi("{}", "masquerade: {}", "masquerade: {}\n          macAdress: a\n          ports: [{port: 80, prtocol: TCP}]")
    )
    assert result.valid
    assert [(each.severity, each.detail) for each in result.diagnostics] == [
        (Severity.WARNING, "unknown key macAdress\ndid you mean 'macAddress'?"),
        (Severity.WARNING, "unknown key prtocol\ndid you mean 'protocol'?"),
    ]


def test_vmi_port_twice_warns_and_is_read_once() -> None:
    result = loaded(vmi("{}", "masquerade: {}", "masquerade: {}\n          ports: [{name: a, port: 80}, {port: 81}, {port: 80}]"))
    assert [(each.severity, each.summary) for each in result.diagnostics] == [(Severity.WARNING, "Duplicate port")]
    assert [each.start for each in result.documents[0].nics[0].ports] == [80, 81]


def test_vmi_null_is_absent() -> None:
    assert loaded(vmi("null", "masquerade: {}", "masquerade: {}\n          macAddress: null\n          bridge: null")).valid


def test_vmi_of_the_older_version() -> None:
    assert document(changed(VMI, "kubevirt.io/v1", "kubevirt.io/v1alpha3")).name == "web"


# -------------------------------------------------------------------------------------------------------------- others


def test_other_kinds_are_skipped_with_one_note_a_file() -> None:
    result = loaded("apiVersion: v1\nkind: Service\n---\n" + GUEST_NETWORK + "---\napiVersion: apps/v1\nkind: Deployment\n")
    assert [document.name for document in result.documents] == ["web"]
    (note,) = result.diagnostics
    assert (note.severity, note.detail.split("\n")[0]) == (
        Severity.NOTE,
        "skipped 2 documents of other kinds: Deployment, Service",
    )


def test_snapshots_are_skipped_silently() -> None:
    assert not loaded("apiVersion: net.converge/v1alpha1\nkind: Snapshot\nresources: []\n").diagnostics


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "kind: GuestNetwork",
        "apiVersion: net.converge/v1alpha1\nkind: Bridge",
        "apiVersion: x\nkind: Service",
        "kind: [a]",
    ],
)
def test_documents_of_nobody_name_the_kinds(text: str) -> None:
    (error,) = errors(loaded(text))
    assert error.summary == "Unknown document"
    assert "net.converge/v1alpha1" in error.detail


def test_lists_are_opened() -> None:
    items = "".join(
        f"- apiVersion: net.converge/v1alpha1\n  kind: GuestNetwork\n  metadata: {{name: {name}}}\n"
        f"  spec: {{target: {{netns: {name}}}}}\n"
        for name in "ab"
    )
    result = loaded(f"apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: ''}}\nitems:\n{items}")
    assert [document.name for document in result.documents] == ["a", "b"], rendered(result)


# ------------------------------------------------------------------------------------------------------ between documents

SAME_POD = [
    ("{netns: a}", "{netns: /run/netns/a}"),
    ("{netns: a}", "{netns: /var/run/netns/a}"),
    ("{pid: 7}", "{netns: /proc/7/ns/net}"),
    ("{netns: /proc/7/ns/net}", "{pid: 7}"),
]


@pytest.mark.parametrize(("one", "other"), SAME_POD)
def test_two_documents_for_one_pod(one: str, other: str) -> None:
    first = changed(GUEST_NETWORK, "{netns: web}", one)
    second = changed(changed(GUEST_NETWORK, "{netns: web}", other), "name: web,", "name: b,")
    (error,) = errors(loaded(first, second))
    assert (error.summary, str(error.at)) == ("Two documents for one pod", f"b.yaml:5:{12 + other.index(' ')}")
    assert "a.yaml:1" in error.detail


def test_two_documents_of_one_name() -> None:
    (error,) = errors(loaded(GUEST_NETWORK, changed(GUEST_NETWORK, "netns: web", "netns: b")))
    assert (error.summary, str(error.at)) == ("Duplicate document", "b.yaml:3:18")


def test_one_name_in_two_namespaces() -> None:
    other = changed(changed(GUEST_NETWORK, "netns: web", "netns: b"), "namespace: shop", "namespace: b")
    assert loaded(GUEST_NETWORK, other).valid


def test_conflicts_are_found_in_documents_that_have_other_mistakes() -> None:
    wrong = changed(GUEST_NETWORK, "port: 80", "port: 0")
    assert summaries(loaded(wrong, GUEST_NETWORK)) == ["Value out of bounds", "Duplicate document", "Two documents for one pod"]
