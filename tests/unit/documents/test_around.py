"""What stands around a machine's document: the cluster's configuration, its launcher pod, and what Multus says of that."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from converge.bindings.names import names, pod_link_names
from converge.documents.attachments import attachments
from converge.model import Attachment, DomainOptions, GuestNetwork, Severity
from tests.unit.documents.examples import GUEST_NETWORK, changed, errors, loaded, rendered
from tests.unit.documents.machines import Json, instance, kubevirt, machine, pod, spec

LISTS: tuple[list[Json], list[Json]] = ([{"name": "default", "pod": {}}], [{"name": "default", "masquerade": {}}])
RED: Json
BLUE: Json
RED, BLUE = ({"name": name, "multus": {"networkName": name}} for name in ("red", "blue"))
THREE: tuple[list[Json], list[Json]] = (
    [RED, *LISTS[0], BLUE],
    [{"name": "red", "bridge": {}}, *LISTS[1], {"name": "blue", "bridge": {}}],
)
NO_TARGET: Json = {}
CBR0: Json = {"name": "k8s-pod-network", "interface": "eth0", "default": True, "dns": {}}


def only(*texts: str) -> GuestNetwork:
    result = loaded(*texts)
    assert not errors(result), rendered(result)
    (found,) = result.documents
    return found


def links(found: GuestNetwork, *present: str) -> dict[str, str]:
    return pod_link_names(found, present)


# -------------------------------------------------------------------------------------------------------------- files


def test_the_order_of_files_means_nothing() -> None:
    plugin = spec([{"name": "a", "pod": {}}], [{"name": "a", "binding": {"name": "vdpa"}}])
    texts = [
        instance(plugin, NO_TARGET),
        kubevirt({"binding": {"vdpa": {"domainAttachmentType": "tap", "sidecarImage": "registry/vdpa"}}}),
        pod("virt-launcher-web-abcde", [CBR0], labels={"vm.kubevirt.io/name": "web"}),
    ]
    read = [only(*order) for order in permutations(texts)]
    shown = [(each.nics[0].binding, each.nics[0].plugin, each.target.value, len(each.attachments)) for each in read]
    assert set(shown) == {("tap", "vdpa", "shop/virt-launcher-web-abcde", 1)}
    assert len(shown) == 6


def test_a_list_as_kubectl_prints_it() -> None:
    """JSON, every kind in one List, with all that a cluster adds."""
    items = [
        json.loads(text)
        for text in (kubevirt(gates=["PasstBinding"]), pod("virt-launcher-web-x"), machine(spec(*LISTS)), instance(spec(*LISTS)))
    ]
    items[1]["metadata"]["labels"] = {"vm.kubevirt.io/name": "web"}
    for each in items:
        each["metadata"] |= {"managedFields": [{"manager": "kubectl"}], "resourceVersion": "7", "creationTimestamp": None}
    result = loaded(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}, indent=4)
    )
    assert result.valid
    assert [each.full_name for each in result.documents] == ["shop/web"]
    assert [(each.severity, each.summary) for each in result.diagnostics] == [(Severity.NOTE, "Instance takes precedence")]


def test_kinds_that_say_things_about_others_are_no_documents() -> None:
    result = loaded(kubevirt(), pod("a"), pod("b", "not JSON"))
    assert result.valid
    assert not result.documents
    assert [each.summary for each in result.diagnostics] == ["Unreadable annotation"]


def test_plugins_by_how_they_attach() -> None:
    registered = {
        "one": {"domainAttachmentType": "tap"},
        "two": {"domainAttachmentType": "managedTap"},
        "three": {},
    }
    nics = spec(
        [{"name": name, "multus": {"networkName": name}} for name in registered],
        [{"name": name, "binding": {"name": name}} for name in registered],
    )
    found = only(instance(nics), kubevirt({"binding": registered}))
    assert [nic.binding for nic in found.nics] == ["tap", "managedTap", "plugin"]
    result = loaded(instance(nics), kubevirt({"binding": {"one": {"domainAttachmentType": "macvtap"}}}))
    assert "Value not known" in [each.summary for each in errors(result)]


def test_a_permission_holds_for_our_own_kind_a_gate_does_not() -> None:
    forbidden = kubevirt({"permitBridgeInterfaceOnPodNetwork": False}, gates=["HostDisk"])
    result = loaded(forbidden, changed(GUEST_NETWORK, "      masquerade: {}\n", "      bridge: {}\n"))
    assert [each.summary for each in errors(result)] == ["Binding not permitted"]
    assert loaded(forbidden, changed(GUEST_NETWORK, "      masquerade: {}\n", "      passtBinding: {}\n")).valid


# ----------------------------------------------------------------------------------------------------------- machines


def test_a_machine_is_its_template_under_its_own_name() -> None:
    template = spec(*LISTS, hostname="www", architecture="arm64", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]})
    text = machine(
        template,
        {
            "labels": {"app": "shop", "tier": "a"},
            "annotations": {"net.converge/netns": "web", "sidecar.istio.io/inject": "false"},
        },
        {"name": "other", "labels": {"tier": "b"}, "annotations": {"sidecar.istio.io/inject": "true"}},
    )
    found = only(text)
    assert (found.full_name, found.labels) == ("shop/web", {"app": "shop", "tier": "b"})
    assert (found.istio, found.hostname, found.domain.architecture) == (True, "www", "arm64")
    assert (found.target.how, found.target.value) == ("netns", "web")
    assert found.dns is not None
    assert found.dns.nameservers == ("192.0.2.53",)
    assert (found.tap_owner, found.legacy_migration_ports) == (107, True)


def test_our_annotations_count_on_the_template_too() -> None:
    found = only(
        machine(
            spec(*LISTS),
            {"annotations": {"net.converge/guest": '{"default": {"mtu": 1300}}'}},
            {"annotations": {"net.converge/pid": "7"}},
        )
    )
    assert (found.target.how, found.target.value, found.nics[0].guest.mtu) == ("pid", "7", 1300)
    written = {"annotations": {"net.converge/netns": "web", "net.converge/guest": '{\n  "default": {"mtu": 1300}\n}\n'}}
    assert only(machine(spec(*LISTS), written)).nics[0].guest.mtu == 1300


def test_a_template_is_needed() -> None:
    text = json.loads(machine(spec(*LISTS)))
    del text["spec"]["template"]
    assert [each.summary for each in errors(loaded(json.dumps(text)))] == ["Missing key"]


def test_two_machines_of_one_name() -> None:
    result = loaded(machine(spec(*LISTS)), machine(spec(*LISTS), {"annotations": {"net.converge/netns": "b"}}))
    assert [each.summary for each in errors(result)] == ["Duplicate document"]


def test_facts_about_the_domain() -> None:
    more: Json = {
        "architecture": "s390x",
        "domain": {"launchSecurity": {"sev": {}}, "cpu": {"cores": 3}},
        "devices": {"useVirtioTransitional": True, "networkInterfaceMultiqueue": True},
    }
    nics = ([{"name": "default", "pod": {}}], [{"name": "default", "bridge": {}, "model": "e1000", "bootOrder": 2,
             "pciAddress": "0000:8A:01.0", "acpiIndex": 101}])  # fmt: skip
    annotations = {
        "net.converge/netns": "web",
        "kubevirt.io/pci-interface-slot-count": "8",
        "kubevirt.io/placePCIDevicesOnRootComplex": "true",
    }
    found = only(instance(spec(*nics, **more), {"annotations": annotations}))
    assert found.domain == DomainOptions("s390x", True, True, 8, True)
    (nic,) = found.nics
    assert (nic.boot_order, nic.pci_address, nic.acpi_index, nic.capacity, nic.queues) == (2, "0000:8a:01.0", 101, 3, 0)
    plain = only(instance(spec(*LISTS)))
    assert plain.domain == DomainOptions()
    assert (plain.nics[0].boot_order, plain.nics[0].pci_address, plain.nics[0].acpi_index, plain.nics[0].capacity) == (
        None,
        None,
        None,
        0,
    )


@pytest.mark.parametrize("count", ["", "many", "-1", "1.5", "8 "])
def test_a_slot_count_that_is_no_number_counts_for_nothing(count: str) -> None:
    annotations = {"net.converge/netns": "web", "kubevirt.io/pci-interface-slot-count": count}
    assert only(instance(spec(*LISTS), {"annotations": annotations})).domain.interface_slots is None


def test_the_status_is_an_input() -> None:
    status = {
        "runtimeUser": 0,
        "migrationTransport": "Unix",
        "interfaces": [
            {"infoSource": "guest-agent", "mac": "02:00:00:00:00:99"},
            {"name": "default", "infoSource": "domain, guest-agent", "queueCount": 2, "mac": "02:00:00:00:00:0A",
             "podInterfaceName": "cust-iface"},
        ],
    }  # fmt: skip
    devices = {"networkInterfaceMultiqueue": True}
    found = only(instance(spec(*LISTS, devices=devices, domain={"cpu": {"cores": 4}}), None, status))
    (nic,) = found.nics
    assert (nic.info_source, nic.queues, nic.capacity) == ("domain, guest-agent", 2, 4)
    assert (nic.known_macs, nic.pod_link) == (("02:00:00:00:00:0a",), "cust-iface")
    assert (found.tap_owner, found.legacy_migration_ports) == (0, False)
    (default,) = only(instance(spec(devices=devices), None, status)).nics
    assert (default.info_source, default.queues, default.pod_link, default.capacity) == (
        "domain, guest-agent",
        2,
        "cust-iface",
        1,
    )


def test_the_nic_that_kubevirt_would_add_has_a_queue_a_cpu_too() -> None:
    """Its tap is made before any status tells of queues; one for a single queue could not be opened with four."""
    devices, domain = {"networkInterfaceMultiqueue": True}, {"cpu": {"cores": 4}}
    (default,) = only(instance(spec(devices=devices, domain=domain))).nics
    assert (default.name, default.queues, default.capacity) == ("default", 4, 4)


def test_one_that_is_absent_is_wished_for_no_more_whatever_the_status_says() -> None:
    """Row 61 of section 10 is about what KubeVirt plugs next; here only the document says which NICs there are to be."""
    nics = (THREE[0], [*THREE[1][:2], {"name": "blue", "bridge": {}, "state": "absent"}])
    for source in ("multus-status", "domain", "domain, multus-status"):
        status = {"interfaces": [{"name": name, "infoSource": source} for name in ("red", "blue")]}
        found = only(instance(spec(*nics), None, status))
        assert [(nic.name, nic.info_source) for nic in found.nics] == [("red", source), ("default", "")]


# --------------------------------------------------------------------------------------------------------------- pods

LAUNCHERS: list[tuple[str, Json, Json]] = [  # how it is told, metadata of the pod, metadata of the instance
    ("uid of the instance", {"labels": {"kubevirt.io/created-by": "u-1"}}, {"uid": "u-1"}),
    ("name in a label", {"labels": {"vm.kubevirt.io/name": "web"}}, {}),
    ("name in an annotation", {"annotations": {"kubevirt.io/domain": "web"}}, {}),
]


@pytest.mark.parametrize(("how", "of_pod", "of_instance"), LAUNCHERS, ids=[each[0] for each in LAUNCHERS])
def test_the_pod_of_an_instance(how: str, of_pod: Json, of_instance: Json) -> None:
    found = only(pod("virt-launcher-web-x", [CBR0], uid="p-1", **of_pod), instance(spec(*LISTS), of_instance))
    assert (found.target.how, found.target.value, found.target.uid) == ("pod", "shop/virt-launcher-web-x", "p-1"), how
    assert [each.interface for each in found.attachments] == ["eth0"]


NOT_LAUNCHERS: list[tuple[str, Json]] = [
    ("another name", {"labels": {"vm.kubevirt.io/name": "db"}}),
    ("another namespace", {"labels": {"vm.kubevirt.io/name": "web"}, "namespace": "other"}),
    ("an earlier machine's", {"labels": {"vm.kubevirt.io/name": "web", "kubevirt.io/created-by": "u-0"}}),
    ("ended", {"labels": {"vm.kubevirt.io/name": "web"}, "about": {"status": {"phase": "Succeeded"}}}),
]


@pytest.mark.parametrize(("how", "of_pod"), NOT_LAUNCHERS, ids=[each[0] for each in NOT_LAUNCHERS])
def test_a_pod_of_somebody_else(how: str, of_pod: Json) -> None:
    result = loaded(pod("virt-launcher-web-x", [CBR0], **of_pod), instance(spec(*LISTS), {"uid": "u-1"}))
    assert [each.summary for each in errors(result)] == ["No target"], how


def test_a_machine_finds_its_pod_by_name() -> None:
    found = only(pod("virt-launcher-web-x", [CBR0], labels={"vm.kubevirt.io/name": "web"}), machine(spec(*LISTS), {}))
    assert (found.target.value, len(found.attachments)) == ("shop/virt-launcher-web-x", 1)


def test_active_pods_name_the_pod_by_uid() -> None:
    status = {"activePods": {"p-1": "node-a"}, "nodeName": "node-a"}
    found = only(instance(spec(*LISTS), {}, status))
    assert (found.target.how, found.target.value, found.target.uid) == ("pod", "shop/", "p-1")
    found = only(instance(spec(*LISTS), {}, status), pod("virt-launcher-web-x", [CBR0], uid="p-1"))
    assert (found.target.value, found.target.uid, len(found.attachments)) == ("shop/virt-launcher-web-x", "p-1", 1)


def test_the_source_of_a_migration_is_the_pod_on_the_node_of_the_status() -> None:
    active = {"p-1": "node-a", "p-2": "node-b"}
    assert only(instance(spec(*LISTS), {}, {"activePods": active, "nodeName": "node-b"})).target.uid == "p-2"
    result = loaded(instance(spec(*LISTS), {}, {"activePods": active}))
    assert [each.summary for each in errors(result)] == ["More than one pod"]
    labels = {"vm.kubevirt.io/name": "web"}
    both = [pod(f"launcher-{node}", labels=labels, about={"spec": {"nodeName": node}}) for node in active.values()]
    found = only(*both, instance(spec(*LISTS), {}, {"nodeName": "node-a"}))
    assert found.target.value == "shop/launcher-node-a"


def test_several_pods_and_an_annotation_that_says_where() -> None:
    labels = {"vm.kubevirt.io/name": "web"}
    result = loaded(pod("a", [CBR0], labels=labels), pod("b", [CBR0], labels=labels), instance(spec(*LISTS)))
    assert [(each.severity, each.summary) for each in result.diagnostics] == [(Severity.WARNING, "More than one pod")]
    assert (result.documents[0].target.value, result.documents[0].attachments) == ("web", ())


def test_the_pod_of_our_own_kind_is_the_one_it_names() -> None:
    wish = "target: {pod: {name: launcher, uid: p-1}}"
    text = changed(GUEST_NETWORK, "target: {netns: web}", wish)
    found = only(text, pod("launcher", [CBR0], uid="p-1"))
    assert (found.target.how, found.target.value, found.target.uid) == ("pod", "shop/launcher", "p-1")
    assert [each.network for each in found.attachments] == ["k8s-pod-network"]
    assert only(text, pod("launcher", [CBR0], uid="p-2")).attachments == (), "another pod of that name"
    assert only(GUEST_NETWORK, pod("web", [CBR0])).attachments == ()
    other = only(changed(text, "{name: launcher, uid: p-1}", "{namespace: other, name: launcher}"))
    assert (other.target.value, other.target.uid) == ("other/launcher", "")


def test_two_documents_for_one_pod() -> None:
    named = changed(GUEST_NETWORK, "target: {netns: web}", "target: {pod: {name: launcher}}")
    again = changed(changed(named, "name: web,", "name: b,"), "{name: launcher}", "{namespace: shop, name: launcher, uid: p-1}")
    assert [each.summary for each in errors(loaded(named, again))] == ["Two documents for one pod"]
    machine_ = instance(spec(*LISTS), {"name": "c"}, {"activePods": {"p-1": "node-a"}})
    result = loaded(again, machine_)
    assert [each.detail.split("\n")[0] for each in errors(result)] == ["pod p-1 is also the target of shop/b (a.yaml:1)"]


def test_a_pod_twice() -> None:
    assert [each.summary for each in errors(loaded(pod("a"), pod("a")))] == ["Duplicate document"]


# -------------------------------------------------------------------------------------------------------------- Multus

DEVICE = {"type": "pci", "version": "1.0.0", "pci": {"pci-address": "0000:65:00.3"}}


def test_network_status_as_multus_writes_it() -> None:
    """Over several lines, which no other text of a document may have."""
    status = [
        {**CBR0, "ips": ["10.244.196.146", "fd10:244::c491"], "mac": "8A:37:d9:e7:0f:18"},
        {"name": "default/sriov", "interface": "pod778c553efa0", "mac": "", "mtu": 1500, "dns": {}, "device-info": DEVICE},
    ]
    written = pod("a", json.dumps(status, indent=4), labels={"vm.kubevirt.io/name": "web"})
    assert only(instance(spec(*LISTS)), written).attachments == (
        Attachment("k8s-pod-network", "eth0", True, "8a:37:d9:e7:0f:18", None, ("10.244.196.146", "fd10:244::c491")),
        Attachment("default/sriov", "pod778c553efa0", mtu=1500, pci_address="0000:65:00.3"),
    )


@pytest.mark.parametrize("status", ["", " \n", "null", "[]", "[1, null, []]"])
def test_no_networks_and_nothing_wrong(status: str) -> None:
    assert attachments(status) == ()
    assert only(instance(spec(*LISTS)), pod("a", status, labels={"vm.kubevirt.io/name": "web"})).attachments == ()


@pytest.mark.parametrize("status", ["{", "[", "{}", "eth0", "[" * 100_000, f"[{'9' * 5000}]"])
def test_what_multus_never_writes_is_warned_of_and_says_nothing(status: str) -> None:
    result = loaded(instance(spec(*LISTS)), pod("a", status, labels={"vm.kubevirt.io/name": "web"}))
    assert [(each.severity, each.summary) for each in result.diagnostics] == [(Severity.WARNING, "Unreadable annotation")]
    assert result.documents[0].attachments == ()


@pytest.mark.parametrize(
    "element",
    [
        {"name": 1, "interface": None, "mtu": "1500", "ips": "a", "mac": 7, "default": "true", "device-info": []},
        {"mtu": True, "ips": [1], "device-info": {"pci": {"pci-address": 5}}},
        {"mtu": -1, "device-info": {"pci": None}},
    ],
)
def test_values_of_other_types_say_nothing(element: Any) -> None:
    assert attachments(json.dumps([element])) == (Attachment("", ""),)


LAUNCHER = {"labels": {"vm.kubevirt.io/name": "web"}}
STATUS: list[tuple[str, Any, Json]] = [  # rows 36, 37, 58 and 59 of section 10
    ("no annotation", None, {"red": "podb1f51a511f1", "default": "eth0", "blue": "pod16477688c0e"}),
    ("hashed", [CBR0, {"interface": "podb1f51a511f1"}, {"interface": "pod16477688c0e"}],
     {"red": "podb1f51a511f1", "default": "eth0", "blue": "pod16477688c0e"}),
    ("one ordinal", [CBR0, {"interface": "net7"}], {"red": "net1", "default": "eth0", "blue": "net2"}),
    ("nearly ordinal", [CBR0, {"interface": "net7a"}, {"interface": "mynet1"}],
     {"red": "podb1f51a511f1", "default": "eth0", "blue": "pod16477688c0e"}),
    ("another primary", [{**CBR0, "interface": "custom-iface"}],
     {"red": "podb1f51a511f1", "default": "custom-iface", "blue": "pod16477688c0e"}),
    ("default of no name", [{**CBR0, "interface": ""}],
     {"red": "podb1f51a511f1", "default": "eth0", "blue": "pod16477688c0e"}),
]  # fmt: skip


@pytest.mark.parametrize(("how", "status", "expected"), STATUS, ids=[each[0] for each in STATUS])
def test_multus_decides_the_names_of_pod_links(how: str, status: Any, expected: Json) -> None:
    assert links(only(instance(spec(*THREE)), pod("a", status, **LAUNCHER))) == expected, how


def test_a_status_of_the_machine_comes_before_multus() -> None:
    told = {"interfaces": [{"name": "default", "podInterfaceName": "told"}]}
    found = only(instance(spec(*THREE), None, told), pod("a", [{**CBR0, "interface": "custom"}], **LAUNCHER))
    assert links(found)["default"] == "told"


def test_a_default_network_of_multus_is_the_primary() -> None:
    nics = ([{"name": "red", "multus": {"networkName": "a", "default": True}}], [{"name": "red", "bridge": {}}])
    found = only(instance(spec(*nics)), pod("a", [{**CBR0, "name": "shop/a", "interface": "ext0"}], **LAUNCHER))
    assert links(found) == {"red": "ext0"}
    own = names(found.nics[0], "ext0")
    assert (own.tap, own.bridge, own.renamed) == ("tap0", "k6t-ext0", "ext0-nic")


def test_lists_without_networks_have_no_names() -> None:
    """Row 36: no entry for a primary that is not there."""
    assert links(only(instance(spec(devices={"autoattachPodInterface": False})))) == {}
    assert links(only(instance(spec([THREE[0][0]], [THREE[1][0]])))) == {"red": "podb1f51a511f1"}
