"""Draft -> GuestNetwork. Only called for a draft in which no check found an error, so everything read here is there and right."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from converge.documents.addresses import parse_cidr, parse_mac
from converge.documents.binding_rules import binding_of
from converge.documents.check_dhcp import dhcp_options
from converge.documents.dns import dns_config
from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, integer, parts, text
from converge.documents.guest import guest_options
from converge.documents.nodes import Mapping, Scalar
from converge.documents.queues import capacity, queues
from converge.documents.scalars import as_text
from converge.model import DomainOptions, GuestNetwork, Network, Nic, Ports, Target

DEFAULT_4 = IPv4Network("10.0.2.0/24")
DEFAULT_6 = IPv6Network("fd10:0:2::/120")
ISTIO = "sidecar.istio.io/inject"
SLOTS = "kubevirt.io/pci-interface-slot-count"
ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex"


def build(draft: Draft) -> GuestNetwork:
    root = draft.root
    return GuestNetwork(
        namespace=text(root, "metadata", "namespace") or "default",
        name=text(root, "metadata", "name") or "",
        target=_target(draft),
        nics=_nics(draft),
        at=draft.source.position(root),
        labels=_labels(root),
        istio=(text(root, "metadata", "annotations", ISTIO) or "").lower() == "true",
        tap_owner=draft.tap_owner,
        tap_group=draft.tap_group,
        legacy_migration_ports=draft.legacy_migration_ports,
        hostname=_hostname(root),
        subdomain=text(root, "spec", "subdomain") or "",
        dns=dns_config(draft),
        domain=_domain(draft),
    )


def _domain(draft: Draft) -> DomainOptions:
    slots = text(draft.root, "metadata", "annotations", SLOTS) or ""
    return DomainOptions(
        architecture=text(draft.root, "spec", "architecture") or "amd64",
        virtio_transitional=bool(flag(draft.domain, "devices", "useVirtioTransitional")),
        launch_security=get(draft.domain, "launchSecurity") is not None,
        interface_slots=int(slots) if slots.isascii() and slots.isdigit() else None,
        root_complex=text(draft.root, "metadata", "annotations", ROOT_COMPLEX) == "true",
    )


def _hostname(root: Mapping) -> str:
    """As KubeVirt makes it of a name that is no label: up to the first dot, at most 63 characters."""
    name = (text(root, "metadata", "name") or "").partition(".")[0]
    return text(root, "spec", "hostname") or name[:63].rstrip("-")


def _nics(draft: Draft) -> tuple[Nic, ...]:
    """One that is `absent` is to be unplugged: it is wished for no more."""
    if draft.default_nic:
        at = draft.source.position(draft.root)
        network, macs = Network("default", "pod", at), draft.known_macs.get("default", ())
        return (Nic("default", draft.cluster.default_binding, network, at, known_macs=macs),)
    return tuple(_nic(draft, part) for part in draft.interfaces if text(part.node, "state") != "absent")


def _target(draft: Draft) -> Target:
    wish = next(wish for wish in draft.targets if isinstance(wish.value, Scalar) and as_text(wish.value))
    value = text(wish.value) or ""
    return Target(wish.how, value, draft.source.position(wish.value))


def _labels(root: Mapping) -> dict[str, str]:
    labels = get(root, "metadata", "labels")
    if not isinstance(labels, Mapping):
        return {}
    return {name: text(entry.value) or "" for name, entry in labels.entries.items()}


def _nic(draft: Draft, part: Part) -> Nic:
    network = draft.network(part.name)
    binding = binding_of(draft, part)
    if part.name is None or network is None or binding is None:
        raise ValueError(f"{part.path} was never checked")
    mac = text(part.node, "macAddress")
    parsed = parse_mac(mac) if mac else None
    link = draft.pod_links.get(part.name)
    return Nic(
        name=part.name,
        binding=binding,
        network=_network(draft, network),
        at=draft.source.position(part.node),
        ports=tuple(_ports(draft, part)),
        mac=parsed if isinstance(parsed, str) else None,
        model=text(part.node, "model") or "virtio",
        pod_link=text(link) if link else None,
        queues=queues(draft, part),
        dhcp=dhcp_options(part),
        guest=guest_options(draft, part),
        known_macs=draft.known_macs.get(part.name, ()),
        plugin=text(part.node, "binding", "name") or "",
        state=text(part.node, "state") or "up",
        boot_order=integer(part.node, "bootOrder"),
        pci_address=text(part.node, "pciAddress") or None,
        acpi_index=integer(part.node, "acpiIndex"),
        capacity=capacity(draft),
        passt_socket=bool(flag(part.node, "passtSocket")),
    )


def _network(draft: Draft, part: Part) -> Network:
    at = draft.source.position(part.node)
    name = part.name or ""
    if get(part.node, "pod") is None:
        default = bool(flag(part.node, "multus", "default"))
        return Network(name, "multus", at, multus_name=text(part.node, "multus", "networkName") or "", primary=default)
    four = parse_cidr(text(part.node, "pod", "vmNetworkCIDR") or str(DEFAULT_4), 4)
    six = parse_cidr(text(part.node, "pod", "vmIPv6NetworkCIDR") or str(DEFAULT_6), 6)
    return Network(
        name,
        "pod",
        at,
        cidr4=four if isinstance(four, IPv4Network) else DEFAULT_4,
        cidr6=six if isinstance(six, IPv6Network) else DEFAULT_6,
    )


def _ports(draft: Draft, part: Part) -> Iterator[Ports]:
    seen: set[tuple[str, int]] = set()
    for _, entry in parts(get(part.node, "ports"), part.path):
        number = integer(entry, "port") or 0
        protocol = (text(entry, "protocol") or "TCP").lower()
        if (protocol, number) in seen:
            continue
        seen.add((protocol, number))
        yield Ports(protocol, number, number, draft.source.position(entry), text(entry, "name") or "")
    for _, entry in parts(get(part.node, "portRanges"), part.path):
        start, end = integer(entry, "start") or 0, integer(entry, "end") or 0
        yield Ports((text(entry, "protocol") or "TCP").lower(), start, end, draft.source.position(entry))
