"""Rules of `interfaces`: 9 to 13, 25 to 29, 45 and 46 of KubeVirt's admission, and MACs and link names, which it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.addresses import parse_mac, unusable_mac
from converge.documents.binding_rules import check_binding
from converge.documents.check_dhcp import check_dhcp
from converge.documents.check_ports import check_ports
from converge.documents.draft import Draft
from converge.documents.fields import get, integer, items, text
from converge.documents.guest import check_guest
from converge.documents.nodes import Scalar, shown
from converge.documents.scalars import as_text
from converge.documents.virtual_function import check_virtual_functions
from converge.model import Diagnostic

MAX_LINK = 15  # IFNAMSIZ - 1
MAX_DERIVED = 11  # what "k6t-" and "-nic" leave of it


def check_interfaces(draft: Draft) -> Iterator[Diagnostic]:
    yield from _names(draft)
    yield from _macs(draft)
    yield from _boot_orders(draft)
    yield from _pod_links(draft)
    yield from check_virtual_functions(draft)
    for part in draft.interfaces:
        yield from check_binding(draft, part)
        yield from check_ports(draft, part)
        yield from check_dhcp(draft, part)
        yield from check_guest(draft, part)


def _names(draft: Draft) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for part in draft.interfaces:
        node, name, field = get(part.node, "name"), part.name, f"{part.path}.name"
        if node is None or name is None:
            continue
        if name in seen:
            detail = f"interface {name} stands here a second time\neach network has one interface"
            yield draft.source.diagnostic(node, "Duplicate interface", detail, nic=name, cause=("FieldValueDuplicate", field))
        elif draft.network(name) is None:
            detail = f"interface {name} has no network\nadd a network of that name, or name the interface as its network"
            yield draft.source.diagnostic(node, "Interface without network", detail, nic=name, cause=("FieldValueInvalid", field))
        seen.add(name)


def _macs(draft: Draft) -> Iterator[Diagnostic]:
    seen: dict[str, str | None] = {}
    for part in draft.interfaces:
        node, value = get(part.node, "macAddress"), text(part.node, "macAddress")
        if node is None or not value:
            continue
        mac = parse_mac(value)
        refusal = mac if isinstance(mac, tuple) else unusable_mac(mac)
        cause = ("FieldValueInvalid", f"{part.path}.macAddress") if isinstance(mac, tuple) else None
        if refusal:
            detail = f"macAddress {shown(node)} {refusal[0]}\n{refusal[1]}"
            yield draft.source.diagnostic(node, "Unusable MAC address", detail, nic=part.name, cause=cause)
        elif isinstance(mac, str) and mac in seen:
            detail = f"macAddress {shown(node)} is that of interface {seen[mac]}\neach NIC needs an address of its own"
            yield draft.source.diagnostic(node, "Duplicate MAC address", detail, nic=part.name)
        elif isinstance(mac, str):
            seen[mac] = part.name


def _boot_orders(draft: Draft) -> Iterator[Diagnostic]:
    disks = items(draft.domain, "devices", "disks")
    seen = {order: "a disk" for disk in disks if (order := integer(disk, "bootOrder"))}
    for part in draft.interfaces:
        node, order = get(part.node, "bootOrder"), integer(part.node, "bootOrder")
        if node is None or order is None or order < 1:
            continue
        if order in seen:
            detail = f"bootOrder {order} is that of {seen[order]}\neach disk and interface needs an order of its own"
            cause = ("FieldValueInvalid", f"{part.path}.bootOrder")
            yield draft.source.diagnostic(node, "Duplicate boot order", detail, nic=part.name, cause=cause)
        seen.setdefault(order, f"interface {part.name}")


def _pod_links(draft: Draft) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for nic, node in draft.pod_links.items():
        link = as_text(node) if isinstance(node, Scalar) else None
        if link is None:
            continue
        if refusal := _unusable_link(link):
            detail = f"pod link {shown(node)} {refusal[0]}\n{refusal[1]}"
            yield draft.source.diagnostic(node, "Unusable link name", detail, nic=nic)
        elif link in seen:
            detail = f"pod link {link} is that of NIC {seen[link]}\neach NIC has a pod link of its own"
            yield draft.source.diagnostic(node, "Duplicate pod link", detail, nic=nic)
        seen.setdefault(link, nic)


def _unusable_link(link: str) -> tuple[str, str] | None:
    if link in ("", ".", "..") or not link.isprintable() or any(each in link for each in "/: "):
        return "is not a name that a link can have", f"at most {MAX_LINK} characters without / : and spaces"
    derived = link.removeprefix("pod")
    if len(derived.encode()) > MAX_DERIVED:
        right = f"at most {MAX_DERIVED} without a leading pod: k6t-{derived} and {derived}-nic may have {MAX_LINK}"
        return f"is too long: {len(derived.encode())} characters", right
    if not derived or link.startswith(("tap0", "k6t-")):
        return "collides with the names of our own links", "the name of the link that the CNI made, as eth0"
    return None
