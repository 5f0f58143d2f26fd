"""`VirtualMachineInstance` (kubevirt.io): read as it is, for the same fields as our own kind.

What GuestNetwork says in fields stands here in annotations and in the status: the pod, custom pod links, the queues of a
running guest, who runs the hypervisor and how it migrates.
"""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.addresses import parse_mac, unusable_mac
from converge.documents.draft import Draft, by_name, listed, wishes
from converge.documents.fields import flag, get, integer, items, text
from converge.documents.guest import annotated, annotation, check_annotation
from converge.documents.guest_network import TAP_ID
from converge.documents.nodes import Mapping, Node, Sequence
from converge.documents.schema import schema
from converge.documents.text import Source
from converge.documents.unknown_keys import unknown_below
from converge.model import Diagnostic

TARGETS = {"net.converge/netns": "netns", "net.converge/pid": "pid"}
DEVICES = "spec.domain.devices"


def read(source: Source, root: Mapping) -> Draft:
    devices = get(root, "spec", "domain", "devices")
    # Non-root is what KubeVirt does by default; a status that does not say is read as that.
    tap_id = 0 if integer(root, "status", "runtimeUser") == 0 else TAP_ID
    status = items(root, "status", "interfaces")
    networks = listed(get(root, "spec", "networks"), "spec.networks")
    return Draft(
        source=source,
        root=root,
        ours=False,
        targets=wishes(get(root, "metadata", "annotations"), TARGETS),
        networks=networks,
        by_name=by_name(networks),
        interfaces=listed(get(devices, "interfaces"), f"{DEVICES}.interfaces"),
        root_path="spec",
        domain=get(root, "spec", "domain"),
        pod_links=_pod_links(status),
        queue_counts=_queue_counts(status),
        tap_owner=tap_id,
        tap_group=tap_id,
        legacy_migration_ports=text(root, "status", "migrationTransport") != "Unix",
        default_nic=wants_default_nic(root),
        guests=annotated(root),
        guest_at=annotation(root),
        known_macs=_known_macs(status),
    )


def _pod_links(status: tuple[Node, ...]) -> dict[str, Node]:
    links = ((text(entry, "name"), get(entry, "podInterfaceName")) for entry in status)
    return {name: node for name, node in links if name and node is not None and text(node) != ""}


def _queue_counts(status: tuple[Node, ...]) -> dict[str, int]:
    """Only what the domain reports holds: a tap must fit the guest that runs, even after CPUs were plugged in."""
    counts: dict[str, int] = {}
    for entry in status:
        sources = (text(entry, "infoSource") or "").replace(" ", "").split(",")
        if (name := text(entry, "name")) and "domain" in sources:
            counts[name] = integer(entry, "queueCount") or 0
    return counts


def _known_macs(status: tuple[Node, ...]) -> dict[str, tuple[str, ...]]:
    """What the guest was last seen with. One that cannot be read is nobody's."""
    macs: dict[str, tuple[str, ...]] = {}
    for entry in status:
        mac = parse_mac(text(entry, "mac") or "")
        if (name := text(entry, "name")) and isinstance(mac, str) and unusable_mac(mac) is None:
            macs[name] = tuple(dict.fromkeys((*macs.get(name, ()), mac)))
    return macs


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from check_annotation(draft)
    about = schema("VirtualMachineInstance")["properties"]["spec"]["properties"]
    for path in (("networks",), ("domain", "devices", "interfaces")):
        part = about
        for step in path[:-1]:
            part = part[step]["properties"]
        if node := get(draft.root, "spec", *path):
            yield from unknown_below(draft.source, node, part[path[-1]])


def wants_default_nic(root: Mapping) -> bool:
    """Reference section 1.4: without networks and interfaces KubeVirt adds one NIC of the cluster's default binding."""
    devices = get(root, "spec", "domain", "devices")
    lists = (get(root, "spec", "networks"), get(devices, "interfaces"))
    given = any(node is not None and (not isinstance(node, Sequence) or node.items) for node in lists)
    return not given and flag(devices, "autoattachPodInterface") is not False
