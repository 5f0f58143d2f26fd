"""`converge status -o yaml|json` on a wired pod of two NICs, with and without what a domain and a guest agent say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from converge.bindings.names import hashed
from tests.kernel.bridging import attached
from tests.kernel.inside import Pod, ns, shell
from tests.kernel.judge import differences, snapshot
from tests.unit.documents import machines
from tests.unit.documents.machines import instance, spec

MAC, RED_MAC, RED_LINK = "0a:58:0a:f4:01:05", "de:ad:00:00:be:af", hashed("red")
NETWORKS = [{"name": "default", "pod": {}}, {"name": "red", "multus": {"networkName": "red-net"}}]
INTERFACES = [{"name": "default", "masquerade": {}}, {"name": "red", "bridge": {}}]
MULTUS = [
    {"name": "k8s-pod-network", "interface": "eth0", "ips": ["10.244.1.5"], "mac": MAC, "default": True, "dns": {}},
    {"name": "shop/red-net", "interface": RED_LINK, "mac": RED_MAC, "dns": {}},
]
DOMAIN = f"""
<domain type='kvm' id='3'><name>shop_web</name><devices>
  <interface type='ethernet'>
    <mac address='{RED_MAC}'/><target dev='tapb1f51a511f1' managed='no'/><model type='virtio-non-transitional'/>
    <driver name='vhost' queues='4'/><link state='down'/><alias name='ua-red'/>
  </interface>
  <interface type='ethernet'>
    <mac address='{MAC}'/><target dev='tap0' managed='no'/><model type='virtio-non-transitional'/><alias name='ua-default'/>
  </interface>
</devices></domain>
"""


def told(name: str, mac: str, *ips: str) -> dict[str, Any]:
    addresses = [{"ip-address-type": "ipv6" if ":" in ip else "ipv4", "ip-address": ip, "prefix": 24} for ip in ips]
    return {"name": name, "hardware-address": mac, "ip-addresses": addresses}


AGENT = [
    told("lo", "00:00:00:00:00:00", "127.0.0.1", "::1"),
    told("enp1s0", MAC, "10.0.2.2", "fd10:0:2::2", "fe80::858:aff:fef4:105"),
    told("enp2s0", RED_MAC, "192.168.5.9"),
    told("docker0", "52:54:00:12:34:56", "172.17.0.1"),
]
SHOWN = [
    {
        "ipAddress": "10.244.1.5",
        "ipAddresses": ["10.244.1.5", "fd10:244:1::5"],
        "mac": MAC,
        "name": "default",
        "podInterfaceName": "eth0",
    },
    {
        "infoSource": "multus-status",
        "ipAddress": "192.168.5.9",
        "ipAddresses": ["192.168.5.9"],
        "mac": RED_MAC,
        "name": "red",
        "podInterfaceName": RED_LINK,
    },
]
"""Of the pod alone."""

WHOLE = [
    SHOWN[0] | {"infoSource": "domain, guest-agent", "interfaceName": "enp1s0", "linkState": "up", "queueCount": 1},
    SHOWN[1]
    | {"infoSource": "domain, guest-agent, multus-status", "interfaceName": "enp2s0", "linkState": "down", "queueCount": 4},
    {
        "infoSource": "guest-agent",
        "interfaceName": "docker0",
        "ipAddress": "172.17.0.1",
        "ipAddresses": ["172.17.0.1"],
        "mac": "52:54:00:12:34:56",
    },
]
"""With domain and guest agent."""


@dataclass(frozen=True, slots=True)
class Case:
    folder: Path
    netns: str

    def document(self, status: list[Any]) -> None:
        metadata = {"annotations": {"net.converge/netns": self.netns}}
        text = instance(spec(NETWORKS, INTERFACES), metadata, {"interfaces": status})
        (self.folder / "states" / "vmi.json").write_text(text)

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "converge", verb, str(self.folder / "states"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def interfaces(self, *words: str) -> Any:
        found = self.run("status", "-o", "json", *words)
        assert (found.returncode, found.stderr) == (0, "")
        (one,) = json.loads(found.stdout)["pods"]
        return one["interfaces"]

    @property
    def files(self) -> tuple[str, ...]:
        return "--domain", str(self.folder / "web.xml"), "--guest-agent", str(self.folder / "web.json")


@pytest.fixture
def web(pod: Callable[..., Pod], tmp_path: Path) -> Case:
    """A pod with a link of Multus' beside the CNI's, its documents, and files about its guest."""
    made = pod()
    shell(made.netns, attached(RED_LINK, "192.168.5.9/24", RED_MAC) + f"\nip address add fd05::9/64 dev {RED_LINK} nodad")
    found = Case(tmp_path, made.netns)
    (tmp_path / "states").mkdir()
    found.document([])
    (tmp_path / "states" / "pod.json").write_text(launcher())
    (tmp_path / "web.xml").write_text(DOMAIN)
    (tmp_path / "web.json").write_text(json.dumps({"return": AGENT}))
    return found


def launcher(multus: list[Any] | None = None) -> str:
    return machines.pod("virt-launcher-web-x", MULTUS if multus is None else multus, labels={"vm.kubevirt.io/name": "web"})


def test_a_pod_shows_the_same_before_and_after_it_is_wired(web: Case) -> None:
    """Although the bridged NIC's address has left its link, and nothing was written down but in the namespace."""
    assert web.interfaces() == SHOWN
    assert web.run("apply").returncode == 0
    assert "192.168.5.9" not in ns(web.netns, f"ip address show dev {RED_LINK.removeprefix('pod')}-nic")
    before = snapshot(web.netns)
    assert web.interfaces() == SHOWN
    assert not differences(before, snapshot(web.netns))


def test_a_pod_of_kubevirts_shows_the_same_and_is_told_as_such(web: Case) -> None:
    """Without our marks and facts, with its rules: the stand-in's name, kind and addresses are enough."""
    assert web.run("apply").returncode == 0
    links = [link["ifname"] for link in json.loads(ns(web.netns, "ip -j link"))]
    marks = {name: ns(web.netns, f"ip link show dev {name}").partition("altname ")[2].split() for name in links}
    script = [f"ip link property del dev {name} altname {mark[0]}" for name, mark in marks.items() if mark]
    assert len(script) > 4
    rules = ["nft delete table inet converge", "nft add table ip nat", "nft add chain ip nat KUBEVIRT_PREINBOUND"]
    shell(web.netns, "\n".join([*script, *rules]))
    found = web.run("status", "-o", "yaml")
    assert found.returncode == 1
    assert "this pod was wired by KubeVirt" in found.stderr
    assert yaml.safe_load(found.stdout)["status"]["interfaces"] == SHOWN


def test_the_guests_files_make_it_kubevirts_status_and_again(web: Case) -> None:
    assert web.run("apply").returncode == 0
    assert web.interfaces(*web.files) == WHOLE
    web.document(WHOLE)
    assert web.run("apply").returncode == 0  # the tap of `red` is for the four queues that the domain has
    assert web.interfaces(*web.files) == WHOLE
    assert web.interfaces() == WHOLE


def test_a_domain_as_domain_xml_makes_it_has_the_same_names_and_macs(web: Case) -> None:
    elements = web.run("domain-xml").stdout
    (web.folder / "web.xml").write_text(f"<devices>{elements}</devices>")
    sources = ("domain", "domain, multus-status")
    expected = [
        shown | {"infoSource": source, "linkState": "up", "queueCount": 1} for shown, source in zip(SHOWN, sources, strict=True)
    ]
    assert web.interfaces(*web.files[:2]) == expected


def test_an_attachment_that_multus_no_longer_reports(web: Case) -> None:
    web.document(WHOLE)
    (web.folder / "states" / "pod.json").write_text(launcher(MULTUS[:1]))
    found = web.interfaces(*web.files)
    assert [each.get("infoSource") for each in found] == ["domain, guest-agent", "domain, guest-agent", "guest-agent"]
    assert found[1]["podInterfaceName"] == RED_LINK


def test_yaml_is_one_document_a_pod(web: Case, pod: Callable[..., Pod]) -> None:
    other = pod("db", addresses4=["10.244.1.9/24"], addresses6=[], gateway6="")
    nics = spec(NETWORKS[:1], INTERFACES[:1])
    metadata = {"name": "db", "annotations": {"net.converge/netns": other.netns}}
    (web.folder / "states" / "db.json").write_text(instance(nics, metadata))
    gone = {"name": "gone", "annotations": {"net.converge/netns": "no-such-namespace"}}
    (web.folder / "states" / "gone.json").write_text(instance(nics, gone))
    found = web.run("status", "-o", "yaml")
    assert found.returncode == 1
    assert "shop/gone: cannot open the pod's network namespace /run/netns/no-such-namespace" in found.stderr
    head = "metadata:\n  name: db\n  namespace: shop\nstatus:\n  interfaces:\n  - ipAddress: 10.244.1.9\n    ipAddresses:\n"
    assert found.stdout.startswith(f"{head}    - 10.244.1.9\n    mac: ")
    db, vmi = yaml.safe_load_all(found.stdout)
    assert [each["podInterfaceName"] for each in db["status"]["interfaces"]] == ["eth0"]
    assert vmi == {"metadata": {"name": "web", "namespace": "shop"}, "status": {"interfaces": SHOWN}}
    value = json.loads(web.run("status", "-o", "json").stdout)
    shown = {each["document"]: each["interfaces"] for each in value["pods"]}
    assert (shown["shop/gone"], shown["shop/web"]) == (None, SHOWN)
    assert [each["document"] for each in value["diagnostics"]] == ["shop/gone"]
    only = web.run("status", "-o", "yaml", "--only", "shop/web", *web.files)
    assert yaml.safe_load(only.stdout)["status"]["interfaces"] == WHOLE
    several = web.run("status", "-o", "yaml", *web.files)
    assert (several.returncode, several.stdout) == (1, "")
    assert "are about one guest, but 3 documents are chosen; use --only" in several.stderr


def test_files_that_are_none_are_said_at_once_and_no_pod_is_looked_at(web: Case) -> None:
    (web.folder / "web.xml").write_text("<network/>")
    (web.folder / "web.json").write_text('{"return": 7}')
    found = web.run("status", "-o", "json", *web.files)
    assert (found.returncode, found.stdout) == (1, "")
    assert "web.xml:1:1: this is no libvirt domain: <network> is no domain" in found.stderr
    assert "web.json:1:1: this is no guest agent's reply: no list of interfaces in it" in found.stderr
    missing = web.run("status", "-o", "json", "--domain", str(web.folder / "none.xml"))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "none.xml does not exist" in missing.stderr
    table = web.run("status", *web.files)
    assert (table.returncode, table.stdout) == (1, "")
    assert table.stderr.startswith("converge: --domain and --guest-agent are for -o yaml and -o json\n")
