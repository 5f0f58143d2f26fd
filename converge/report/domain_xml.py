"""`domain-xml`: the elements that a libvirt domain needs for the NICs of one pod, with the content and in the order in which
KubeVirt hands them to libvirt (reference section 6).

Written by ElementTree, every attribute in the order given here and every element with its end tag, as KubeVirt's own writer has
it: so the same NIC is the same bytes, and what differs from KubeVirt shows in a plain diff. One difference is meant: the source
address of an SR-IOV `hostdev` has no type, which libvirt's schema refuses, and its `mode` is said although it is the default.

Pure. What libvirt or QEMU would refuse is found beforehand, in `domain`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from converge.bindings.nat import MESH_PORTS
from converge.model import Device, DomainOptions, GuestNetwork, Nic

INTERFACES_WITH_RESERVE = 4
"""So many interfaces there can be in all before KubeVirt keeps no further PCI slot."""

PCI = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{2}):([01][0-9a-fA-F])\.([0-7])")
_PASST_LOG = "/var/run/kubevirt/passt.log"


def elements(document: GuestNetwork, devices: Iterable[Device]) -> dict[str, str]:
    """XML text by NIC, in the document's order; a NIC without a device, or with one that libvirt has no element for, has none.
    Only where `domain.problems` finds no error.
    """
    by_nic = {device.nic: device for device in devices if device.kind in _KINDS}
    return {
        nic.name: _text(_KINDS[by_nic[nic.name].kind](document, nic, by_nic[nic.name]))
        for nic in document.nics
        if nic.name in by_nic
    }


def placeholders(document: GuestNetwork) -> list[str]:
    """Interfaces for a first definition only: they make libvirt lay out PCI slots, in which NICs can be plugged later."""
    options, nics = document.domain, len(document.nics)
    if options.interface_slots is not None:
        count = options.interface_slots - nics
    else:
        count = 0 if options.root_complex or not nics else INTERFACES_WITH_RESERVE - nics
    return [_text(_placeholder(options, f"placeholder-{number}")) for number in range(count)]


# ------------------------------------------------------------------------------------------------------- elements


def _tap(document: GuestNetwork, nic: Nic, device: Device) -> Element:
    options = document.domain
    root = Element("interface", type="ethernet")
    root.extend(_address(nic))
    _child(root, "source")
    _child(root, "target", dev=device.target, managed="no")
    _child(root, "model", type=_model(options, nic.model))
    if mac := nic.mac or device.mac:
        _child(root, "mac", address=mac)
    if mtu := nic.guest.mtu or device.mtu:
        _child(root, "mtu", size=str(mtu))
    root.extend(_boot(nic))
    if nic.state == "down":
        _child(root, "link", state="down")
    _child(root, "alias", name=f"ua-{nic.name}")
    root.extend(_driver(options, nic))
    if _without_rom(options, nic):
        _child(root, "rom", enabled="no")
    root.extend(_acpi(nic))
    return root


def _vhostuser(document: GuestNetwork, nic: Nic, device: Device) -> Element:
    """passt: what is not here (MTU, boot order, link state, ROM) it does not know."""
    options = document.domain
    root = Element("interface", type="vhostuser")
    root.extend(_address(nic))
    _child(root, "source", dev=device.source)
    _child(root, "model", type=_model(options, nic.model))
    if nic.mac:
        _child(root, "mac", address=nic.mac)
    _child(root, "alias", name=f"ua-{nic.name}")
    root.extend(_driver(options, nic))
    root.extend(_acpi(nic))
    _child(root, "backend", type="passt", logFile=_PASST_LOG)
    root.extend(_forwards(document.istio, nic))
    return root


def _hostdev(_document: GuestNetwork, nic: Nic, device: Device) -> Element:
    root = Element("hostdev", mode="subsystem", type="pci", managed="no")
    _child(_child(root, "source"), "address", **_pci(device.source))
    root.extend(_boot(nic))
    root.extend(_address(nic))
    _child(root, "alias", name=f"ua-sriov-{nic.name}")
    return root


_KINDS: Mapping[str, Callable[[GuestNetwork, Nic, Device], Element]] = {
    "tap": _tap,
    "vhostuser": _vhostuser,
    "hostdev": _hostdev,
}


def _placeholder(options: DomainOptions, name: str) -> Element:
    root = Element("interface", type="ethernet")
    _child(root, "source")
    _child(root, "target", dev=name, managed="no")
    _child(root, "model", type=_model(options, "virtio"))
    _child(root, "alias", name=name)
    return root


# --------------------------------------------------------------------------------------------------------- parts


def _address(nic: Nic) -> Iterator[Element]:
    if nic.pci_address:
        yield Element("address", {"type": "pci", **_pci(nic.pci_address)})


def _pci(address: str) -> dict[str, str]:
    match = PCI.fullmatch(address)
    if match is None:
        raise ValueError(f"PCI address {address!r} was never checked")
    parts = zip(("domain", "bus", "slot", "function"), match.groups(), strict=True)
    return {name: f"0x{part}" for name, part in parts}


def _model(options: DomainOptions, model: str) -> str:
    if model != "virtio" or options.architecture == "s390x":
        return model
    return "virtio-transitional" if options.virtio_transitional else "virtio-non-transitional"


def _boot(nic: Nic) -> Iterator[Element]:
    if nic.boot_order:
        yield Element("boot", order=str(nic.boot_order))


def _driver(options: DomainOptions, nic: Nic) -> Iterator[Element]:
    """One queue is written too, wherever multi-queue is on (trap T17)."""
    queues = {"queues": str(nic.capacity)} if nic.capacity else {}
    iommu = {"iommu": "on"} if options.launch_security else {}
    if nic.model == "virtio" and (queues or iommu):
        yield Element("driver", {"name": "vhost", **queues, **iommu})


def _without_rom(options: DomainOptions, nic: Nic) -> bool:
    """A ROM is for booting from the network. There is none on s390x, and a protected guest must not run one."""
    if options.architecture == "s390x":
        return False
    return options.launch_security or (options.architecture in ("amd64", "arm64") and not nic.boot_order)


def _acpi(nic: Nic) -> Iterator[Element]:
    if nic.acpi_index:
        yield Element("acpi", index=str(nic.acpi_index))


def _forwards(istio: bool, nic: Nic) -> Iterator[Element]:
    """Without any port everything is forwarded. In a mesh the sidecar's own ports never are, which makes a list of TCP's."""
    for protocol in ("tcp", "udp"):
        ports = [port.start for port in nic.ports if port.protocol == protocol]
        excluded = MESH_PORTS if istio and protocol == "tcp" else ()
        if not (ports or excluded) and (nic.ports or istio):
            continue
        forward = Element("portForward", proto=protocol)
        for port in excluded:
            _child(forward, "range", start=str(port), exclude="yes")
        for port in ports:
            _child(forward, "range", start=str(port))
        yield forward


def _child(parent: Element, tag: str, **attributes: str) -> Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _text(element: Element) -> str:
    ElementTree.indent(element)
    return ElementTree.tostring(element, encoding="unicode", short_empty_elements=False)
