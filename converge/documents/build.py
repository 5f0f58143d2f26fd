"""Draft -> GuestNetwork. Only called for a draft in which no check found an error, so everything read here is there and right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from converge.documents.addresses import parse_cidr, parse_mac
from converge.documents.binding_rules import binding_of
from converge.documents.check_dhcp import dhcp_options
from converge.documents.dns import dns_config
from converge.documents.draft import Draft, Part, annotation, entries, identified, metadata_name, metadata_namespace
from converge.documents.fields import flag, get, integer, parts, text
from converge.documents.guest import guest_options
from converge.documents.nodes import Scalar
from converge.documents.queues import capacity, queues
from converge.documents.scalars import as_text
from converge.documents.virtual_function import virtual_function
from converge.model import DomainOptions, GuestNetwork, Network, Nic, Ports, Target

DEFAULT_4 = IPv4Network("10.0.2.0/24")
DEFAULT_6 = IPv6Network("fd10:0:2::/120")
ISTIO = "sidecar.istio.io/inject"
SLOTS = "kubevirt.io/pci-interface-slot-count"
ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex"
COUNT = re.compile(r"[0-9]{1,4}")


def build(draft: Draft) -> GuestNetwork:
    return GuestNetwork(
        namespace=metadata_namespace(draft.root),
        name=metadata_name(draft.root),
        target=_target(draft),
        nics=_nics(draft),
        at=draft.source.position(draft.root),
        labels=_labels(draft),
        istio=(annotation(draft, ISTIO) or "").lower() == "true",
        tap_owner=draft.tap_owner,
        tap_group=draft.tap_group,
        legacy_migration_ports=draft.legacy_migration_ports,
        hostname=_hostname(draft),
        subdomain=text(draft.spec, "subdomain") or "",
        dns=dns_config(draft),
        attachments=draft.attachments,
        domain=_domain(draft),
        reported=draft.reported,
    )


def _hostname(draft: Draft) -> str:
    """As KubeVirt makes it of a name that is no label: up to the first dot, at most 63 characters."""
    name = metadata_name(draft.root).partition(".")[0]
    return text(draft.spec, "hostname") or name[:63].rstrip("-")


def _domain(draft: Draft) -> DomainOptions:
    """A slot count that is no number counts for nothing, as it does in KubeVirt."""
    slots = annotation(draft, SLOTS) or ""
    return DomainOptions(
        architecture=text(draft.spec, "architecture") or DomainOptions().architecture,
        virtio_transitional=bool(flag(draft.domain, "devices", "useVirtioTransitional")),
        launch_security=get(draft.domain, "launchSecurity") is not None,
        interface_slots=int(slots) if COUNT.fullmatch(slots) else None,
        root_complex=annotation(draft, ROOT_COMPLEX) == "true",
    )


def _nics(draft: Draft) -> tuple[Nic, ...]:
    """One that is `absent` is to be unplugged: it is wished for no more."""
    if draft.default_nic:
        at = draft.source.position(draft.root)
        network, macs = Network("default", "pod", at), draft.known_macs.get("default", ())
        return (_default_nic(draft, Nic("default", draft.cluster.default_binding, network, at, known_macs=macs)),)
    return tuple(_nic(draft, part) for part in draft.interfaces if text(part.node, "state") != "absent")


def _default_nic(draft: Draft, nic: Nic) -> Nic:
    """With all that the status and the domain say of it, as of one that is written out."""
    link, count = draft.pod_links.get(nic.name), capacity(draft)
    queues = draft.queue_counts.get(nic.name, count)
    info = draft.info_sources.get(nic.name, "")
    return replace(nic, pod_link=text(link) if link else None, queues=queues, capacity=count, info_source=info)


def _target(draft: Draft) -> Target:
    for wish in draft.targets:
        if isinstance(wish.value, Scalar) and (value := as_text(wish.value)):
            return Target(wish.how, value, draft.source.position(wish.value))
    if draft.pod is None:
        raise ValueError(f"the target of {draft.root_path} was never checked")
    span = next((wish.value for wish in draft.targets if wish.how == "pod"), None) or identified(draft)
    return Target("pod", f"{draft.pod.namespace}/{draft.pod.name}", draft.source.position(span), draft.pod.uid)


def _labels(draft: Draft) -> dict[str, str]:
    return {name: text(entry.value) or "" for node in draft.labels for name, entry in entries(node).items()}


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
        pci_address=(text(part.node, "pciAddress") or "").lower() or None,
        acpi_index=integer(part.node, "acpiIndex"),
        capacity=capacity(draft),
        passt_socket=bool(flag(part.node, "passtSocket")),
        info_source=draft.info_sources.get(part.name, ""),
        virtual_function=virtual_function(draft, part),
    )


def _network(draft: Draft, part: Part) -> Network:
    at = draft.source.position(part.node)
    name = part.name or ""
    if get(part.node, "resourceClaim") is not None:
        return Network(name, "resourceClaim", at, primary=False)
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
