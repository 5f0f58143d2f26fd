"""sriov: the guest has a function of the network card itself, as a PCI device; no link is made (reference sections 3.8, 6.3).

What the function is like (MAC, VLAN, spoof check, trust, link state) is set by way of its parent, the card's own link. That is
done here where the parent is in the pod's namespace, the only one that a document names. Nearly always it is the node's, which
nobody here may touch: then what the node must set is said, and of the pod only looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from converge.bindings import virtual_function
from converge.bindings.parts import no_sysctls
from converge.model import Desired, Device, Diagnostic, GuestNetwork, Nic, PodFacts, Severity

NETWORKS = frozenset({"pod", "multus"})
STATES: frozenset[str] = frozenset()
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = False
NEEDS_POD_LINK = False
MAKES: tuple[str, ...] = ()
sysctl_paths = no_sysctls


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    key = virtual_function.key_of(nic, facts)
    if key is None:
        done = Desired({}, takes=virtual_function.kept(nic, facts), warnings=tuple(_elsewhere(nic, facts)))
    else:
        done = virtual_function.programmed(nic, key, facts)
    device, doubts = _device(document, nic, facts)
    return Desired(done.resources, done.origins, done.takes, done.refusals, (*done.warnings, *doubts), (device,))


def _elsewhere(nic: Nic, facts: PodFacts) -> Iterator[Diagnostic]:
    """What the node must set, and whether the pod's side shows that it has."""
    if not virtual_function.asked(nic):
        return
    said, link = nic.virtual_function, facts.links.get(nic.name)
    whole = said is not None and said.parent and said.index is not None
    why = (
        f"{said.parent if said else ''} is not in the pod's namespace, so nothing is set on its functions here"
        if whole
        else "which function it is, `virtualFunction` with parent and index would say; without them nothing is set on it here"
    )
    detail = f"NIC {nic.name}: the node must have run `{virtual_function.command(nic)}`\n{why}"
    yield Diagnostic("virtual function is the node's to set", detail, nic.at, Severity.WARNING, nic.name)
    if nic.mac is not None and link is not None and link.resource.mac not in (None, nic.mac):
        detail = (
            f"NIC {nic.name}: {link.resource.name} has the MAC address {link.resource.mac}, not {nic.mac}\n"
            "the node sets it on the function; the guest sees the one that the function has"
        )
        yield Diagnostic("virtual function has another MAC address", detail, nic.at, Severity.WARNING, nic.name)


def _device(document: GuestNetwork, nic: Nic, facts: PodFacts) -> tuple[Device, tuple[Diagnostic, ...]]:
    """A PCI device of the node: the one that the document names, or that Multus says was handed to the pod. It carries its MAC
    itself, so the VMM is told none.
    """
    named = nic.virtual_function.pci_address if nic.virtual_function is not None else ""
    handed = (each.pci_address for each in document.attachments if each.interface == facts.names[nic.name] and each.pci_address)
    source = named or next(handed, "")
    device = Device(nic.name, "hostdev", source=source)
    if source:
        return device, ()
    detail = (
        f"NIC {nic.name}: nothing says which PCI device of the node it is\n"
        "the pod's Multus status does, in a Pod document, or `virtualFunction.pciAddress`, as 0000:65:00.3\n"
        "the guest has no device until then"
    )
    return device, (Diagnostic("PCI address is not known", detail, nic.at, Severity.WARNING, nic.name),)
