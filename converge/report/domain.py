"""`domain-xml`: the public JSON value and the lines of it, and what libvirt or QEMU would refuse or needs besides.

The hard part of a device's XML is what QEMU says to it: a tap is made for one queue or for several, and can only be opened as
such. So an element is written only where it fits what the pod will have; a pod with an error is shown without elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converge import __version__
from converge.model import Device, Diagnostic, Nic, Outcome, Result, Severity
from converge.report import Json
from converge.report.diagnostics import as_json
from converge.report.document import FORMAT, netns
from converge.report.domain_xml import PCI, elements, placeholders

_SHARED = '<memoryBacking><source type="memfd"></source><access mode="shared"></access></memoryBacking>'


def described(results: Sequence[Result], about_files: Sequence[Diagnostic] = (), *, reserve: bool = False) -> Json:
    """`nics` maps a NIC to its XML text, and is None for a pod of which nothing can be said. `reserve`: with placeholders."""
    found = [as_json(each, result.document.full_name) for result in results for each in (*result.diagnostics, *problems(result))]
    return {
        "format_version": FORMAT,
        "tool_version": __version__,
        "pods": [_pod(result, reserve) for result in results],
        "diagnostics": [*map(as_json, about_files), *found],
    }


def _pod(result: Result, reserve: bool) -> Json:
    document, failed = result.document, fails(result)
    pod: Json = {
        "document": document.full_name,
        "source": f"{document.at.filename}:{document.at.line}",
        "netns": netns(document.target),
        "nics": None if failed else elements(document, result.desired.devices),
    }
    if reserve:
        pod["placeholders"] = [] if failed else placeholders(document)
    return pod


def lines(found: Json) -> Iterator[str]:
    """Elements to be pasted into `<devices>`, under a comment that names their pod; a blank line between pods."""
    shown = [pod for pod in found["pods"] if pod["nics"] is not None]
    for number, pod in enumerate(shown):
        if number:
            yield ""
        written = [*pod["nics"].values(), *pod.get("placeholders", ())]
        yield _comment(pod["document"] if written else f"{pod['document']}: no device")
        for text in written:
            yield from text.splitlines()


def _comment(text: str) -> str:
    """Two hyphens end a comment, but a name may hold them."""
    return f"<!-- {text.replace('--', '- -').replace('--', '- -')} -->"


def problems(result: Result) -> Iterator[Diagnostic]:
    """Errors: libvirt or QEMU would refuse what would be written. Warnings: what the domain must have besides."""
    nics = {nic.name: nic for nic in result.document.nics}
    functions: dict[str, str] = {}
    for device in result.desired.devices:
        nic = nics[device.nic]
        yield from _bad_addresses(nic, device, functions)
        yield from _missing_source(nic, device)
        yield from _queues_differ(nic, device, result)
        yield from _about_passt(nic, device)
        yield from _about_stream(nic, device)


def fails(result: Result) -> bool:
    """Is there nothing that could be handed to libvirt?"""
    return result.outcome is Outcome.REFUSED or any(each.severity is Severity.ERROR for each in problems(result))


def _bad_addresses(nic: Nic, device: Device, functions: dict[str, str]) -> Iterator[Diagnostic]:
    """`functions`: the node's PCI functions that are given away already, and to which NIC."""
    given = {"in the guest": nic.pci_address or "", "of the function": device.source if device.kind == "hostdev" else ""}
    for whose, address in given.items():
        if address and not PCI.fullmatch(address):
            detail = f"NIC {nic.name}: {address} {whose} is no PCI address\nwrite it as 0000:81:01.0, the slot at most 1f"
            yield Diagnostic("not a PCI address", detail, nic.at, nic=nic.name)
    if device.kind == "hostdev" and device.source:
        first = functions.setdefault(device.source.lower(), nic.name)
        if first != nic.name:
            detail = (
                f"NICs {first} and {nic.name} are both given the PCI function {device.source}\n"
                "each needs one of its own; what the CNI reported about one of them is wrong"
            )
            yield Diagnostic("PCI function is given twice", detail, nic.at, nic=nic.name)


def _missing_source(nic: Nic, device: Device) -> Iterator[Diagnostic]:
    if device.kind in ("vhostuser", "hostdev") and not device.source:
        what = "PCI function" if device.kind == "hostdev" else "pod link"
        detail = f"NIC {nic.name}: the {what} behind its device is not known\nthe CNI must have reported it"
        yield Diagnostic("device has no source", detail, nic.at, nic=nic.name)


def _queues_differ(nic: Nic, device: Device, result: Result) -> Iterator[Diagnostic]:
    """The tap as it will be after apply, or, where nobody here makes it, as it is."""
    taps = {
        link.name: link.tap.multi_queue
        for resources in (result.observed, result.desired.resources)
        for key, link in resources.items()
        if key.kind == "link" and link.tap is not None
    }
    asked = nic.capacity if nic.model == "virtio" and nic.capacity else 1
    if device.kind != "tap" or taps.get(device.target, asked > 1) == (asked > 1):
        return
    made = "several queues" if asked == 1 else "one queue"
    detail = (
        f"NIC {nic.name}: the domain would open {device.target} with {asked} queue{'s' if asked > 1 else ''}, "
        f"but the tap is for {made}\n"
        "QEMU would end with `Invalid argument`: the two must agree\n"
        "the domain has one queue per CPU where networkInterfaceMultiqueue is on; "
        "the tap follows the status of a guest that runs, or its CNI"
    )
    yield Diagnostic("queues of tap and domain differ", detail, nic.at, nic=nic.name)


def _about_passt(nic: Nic, device: Device) -> Iterator[Diagnostic]:
    if device.kind != "vhostuser":
        return
    detail = f"NIC {nic.name}: the domain's memory must be shared with passt\nput this into the domain: {_SHARED}"
    yield Diagnostic("domain needs shared memory", detail, nic.at, Severity.WARNING, nic.name)
    if nic.state == "down":
        detail = f"NIC {nic.name}: its link stays up in the guest\na vhost-user device has no link state: leave `state` out"
        yield Diagnostic("link state is not written", detail, nic.at, Severity.WARNING, nic.name)


def _about_stream(nic: Nic, device: Device) -> Iterator[Diagnostic]:
    if device.kind != "stream":
        return
    detail = (
        f"NIC {nic.name}: libvirt has no element for a passt that converge runs\n"
        f"give QEMU -netdev stream,id=n0,server=off,addr.type=unix,addr.path={device.target}, or leave passtSocket out"
    )
    yield Diagnostic("device has no element", detail, nic.at, Severity.WARNING, nic.name)
