"""`interfaces[].virtualFunction`: which SR-IOV function a NIC is and what is set on it. In our own kind only."""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.bindings import KEYS
from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, integer, key_of, text
from converge.documents.nodes import shown
from converge.model import Diagnostic, VirtualFunction, Vlan

KEY = "virtualFunction"
MAX_LINK = 15  # IFNAMSIZ - 1


def check_virtual_functions(draft: Draft) -> Iterator[Diagnostic]:
    if not draft.ours:
        return
    functions: dict[tuple[str, int], str] = {}
    addresses: dict[str, str] = {}
    for part in draft.interfaces:
        if get(part.node, KEY) is None:
            continue
        yield from _binding(draft, part)
        yield from _parent(draft, part)
        yield from _twice(draft, part, functions, addresses)


def _binding(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    if get(part.node, "sriov") is not None or not any(get(part.node, key) is not None for key in KEYS):
        return
    detail = f"{KEY} in interface {part.name or ''}, which is not one\nonly an interface with sriov: {{}} is a virtual function"
    yield draft.source.diagnostic(key_of(part.node, KEY), "Virtual function without sriov", detail, nic=part.name)


def _parent(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    node, name = get(part.node, KEY, "parent"), text(part.node, KEY, "parent")
    index = get(part.node, KEY, "index")
    if node is not None and name is not None and not _fits(name):
        detail = f"parent {shown(node)} is not a name that a link can have\nat most {MAX_LINK} characters without / : and spaces"
        yield draft.source.diagnostic(node, "Unusable link name", detail, nic=part.name)
    if (alone := node or index) is not None and (node is None or index is None):
        given, missing = ("parent", "index") if index is None else ("index", "parent")
        detail = (
            f"{given} without {missing}\nboth together say which function it is: its parent link and its number there, from 0"
        )
        yield draft.source.diagnostic(alone, "Incomplete virtual function", detail, nic=part.name)


def _fits(name: str) -> bool:
    fine = name not in ("", ".", "..") and name.isprintable() and not any(each in name for each in "/: ")
    return fine and len(name.encode()) <= MAX_LINK


def _twice(draft: Draft, part: Part, functions: dict[tuple[str, int], str], addresses: dict[str, str]) -> Iterator[Diagnostic]:
    name, index = text(part.node, KEY, "parent"), integer(part.node, KEY, "index")
    nic, right = part.name or "", "a function is one guest NIC's"
    if name is not None and index is not None:
        other = functions.setdefault((name, index), nic)
        if other != nic:
            detail = f"function {index} of {name} is that of interface {other}\n{right}"
            where = get(part.node, KEY, "index") or part.node
            yield draft.source.diagnostic(where, "Duplicate virtual function", detail, nic=part.name)
    address = text(part.node, KEY, "pciAddress")
    if address:
        other = addresses.setdefault(address.lower(), nic)
        if other != nic:
            detail = f"pciAddress {address} is that of interface {other}\n{right}"
            where = get(part.node, KEY, "pciAddress") or part.node
            yield draft.source.diagnostic(where, "Duplicate virtual function", detail, nic=part.name)


def virtual_function(draft: Draft, part: Part) -> VirtualFunction | None:
    """None where the document says nothing of it, and in a KubeVirt document, which has no word for it."""
    if not draft.ours or get(part.node, KEY) is None:
        return None
    return VirtualFunction(
        parent=text(part.node, KEY, "parent") or "",
        index=integer(part.node, KEY, "index"),
        pci_address=(text(part.node, KEY, "pciAddress") or "").lower(),
        vlan=_vlan(part),
        spoof_check=flag(part.node, KEY, "spoofCheck"),
        trust=flag(part.node, KEY, "trust"),
        link_state=text(part.node, KEY, "linkState"),
    )


def _vlan(part: Part) -> Vlan | None:
    number = integer(part.node, KEY, "vlan", "id")
    if number is None:
        return None
    return Vlan(number, integer(part.node, KEY, "vlan", "qos") or 0, text(part.node, KEY, "vlan", "protocol") or "802.1Q")
