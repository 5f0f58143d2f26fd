"""A virtual machine, its pod, its domain and its guest, said in few words: for tests about `status.interfaces`.

Everything goes the way it goes in a run: documents are loaded, the domain is XML, the agent's reply is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from converge.documents import Text, guest_agent, libvirt, load
from converge.documents.libvirt import Domain
from converge.model import GuestNetwork, Reported
from converge.report.vmi_status import Guest, Seen
from tests.unit.documents.machines import TARGET, instance, pod, spec

Json = dict[str, Any]
MAC = {"default": "0a:58:0a:f4:01:05", "red": "de:ad:00:00:be:af", "doo": "de:ad:00:00:00:05"}
"""Of the NICs in these cases, as domain and guest spell it."""

ASKED = {"doo": MAC["doo"]}
"""MACs that the document names."""

POD = {
    "default": Seen("eth0", MAC["default"], ("10.244.1.5", "fd10:244:1::5")),
    "red": Seen("podb1f51a511f1", MAC["red"], ("192.168.5.9",)),
}
"""What the pod shows; the link of `red` is the hashed one of reference section 2.3."""

CBR0: Json = {"name": "k8s-pod-network", "interface": "eth0", "default": True}
RED: Json = {"name": "shop/red", "interface": "podb1f51a511f1"}


def vmi(
    *nics: str, status: Iterable[Json] = (), multus: Sequence[Json] | None = None, networks: Sequence[Json] | None = None
) -> GuestNetwork:
    """NICs as "name binding": `default` is on the pod network, any other on one of Multus. `multus`: a Pod document says this.
    `networks`: others than follow from the NICs. A binding is loaded as bridge where it is sriov, which needs a node.
    """
    pairs = [(name, binding) for name, _, binding in (nic.partition(" ") for nic in nics)]
    interfaces = [{"name": name, "bridge" if binding == "sriov" else binding: {}} for name, binding in pairs]
    own = [{"name": name} | ({"pod": {}} if name == "default" else {"multus": {"networkName": name}}) for name, _ in pairs]
    machine = spec(own if networks is None else networks, interfaces)
    texts = [instance(machine, TARGET, {"interfaces": list(status)})]
    if multus is not None:
        texts.append(pod("virt-launcher-web-x", list(multus), labels={"vm.kubevirt.io/name": "web"}))
    loaded = load([Text(f"{number}.json", text.encode()) for number, text in enumerate(texts)])
    assert loaded.valid, [each.detail for each in loaded.diagnostics]
    (found,) = loaded.documents
    bindings = dict(pairs)
    return replace(found, nics=tuple(replace(each, binding=bindings[each.name], mac=ASKED.get(each.name)) for each in found.nics))


def nic(name: str, mac: str | None = None, queues: int | None = None, link: str | None = None) -> str:
    """One `<interface>`."""
    node = ElementTree.Element("interface", type="ethernet")
    ElementTree.SubElement(node, "mac", address=MAC[name] if mac is None else mac)
    if queues is not None:
        ElementTree.SubElement(node, "driver", name="vhost", queues=str(queues))
    if link is not None:
        ElementTree.SubElement(node, "link", state=link)
    ElementTree.SubElement(node, "alias", name=f"ua-{name}")
    return ElementTree.tostring(node, encoding="unicode")


def function(alias: str) -> str:
    return f"<hostdev type='pci'><source/><alias name='{alias}'/></hostdev>"


def domain(*devices: str) -> Domain:
    found = libvirt.read(Text("domain.xml", f"<domain><devices>{''.join(devices)}</devices></domain>".encode()))
    assert isinstance(found, Domain)
    return found


def guest_nic(name: str, mac: str | None, *ips: str) -> Json:
    """One interface as the agent tells it; a tunnel has no MAC, one without a name comes from old launchers only."""
    addresses = [{"ip-address": ip, "ip-address-type": "ipv6" if ":" in ip else "ipv4", "prefix": 64} for ip in ips]
    named = {"name": name} if name else {}
    return {**named, **({} if mac is None else {"hardware-address": mac}), "ip-addresses": addresses}


LOOPBACK = guest_nic("lo", "00:00:00:00:00:00", "127.0.0.1", "::1")


def agent(*told: Json) -> tuple[Reported, ...]:
    found = guest_agent.read(Text("agent.json", json.dumps({"return": [LOOPBACK, *told]}).encode()))
    assert isinstance(found, tuple)
    return found


def guest(devices: Sequence[str] | None, told: Sequence[Json] | None = None) -> Guest:
    return Guest(None if devices is None else domain(*devices), None if told is None else agent(*told))


def entry(name: str, sources: str, *ips: str, **more: Any) -> Json:
    """One of KubeVirt's, with what a domain's NIC has unless said otherwise: `mac`, one queue, a link that is up."""
    told = {"name": name, "infoSource": sources, "mac": MAC.get(name, ""), "queueCount": 1, "linkState": "up", **addresses(*ips)}
    return {key: value for key, value in {**told, **more}.items() if value}


def guest_only(guest_name: str, mac: str, *ips: str) -> Json:
    return {**({"mac": mac} if mac else {}), "interfaceName": guest_name, "infoSource": "guest-agent", **addresses(*ips)}


def addresses(*ips: str) -> Mapping[str, Any]:
    return {"ipAddress": ips[0], "ipAddresses": list(ips)} if ips else {}
