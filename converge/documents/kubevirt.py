"""`VirtualMachineInstance` and `VirtualMachine` (kubevirt.io): read as they are, for the same fields as our own kind.

What GuestNetwork says in fields stands here in annotations and in the status: the pod, custom pod links, the queues of a
running guest, who runs the hypervisor and how it migrates. A VirtualMachine is its template, under its own name; it has no
status that wiring could read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from converge.documents.addresses import parse_mac, unusable_mac
from converge.documents.draft import Draft, by_name, entries, identified, listed, wishes
from converge.documents.fields import flag, get, integer, items, text
from converge.documents.guest import annotated, check_annotation
from converge.documents.guest import annotation as guest_annotation
from converge.documents.guest_network import TAP_ID
from converge.documents.nodes import Entry, Node, Sequence
from converge.documents.nodes import Mapping as MappingNode
from converge.documents.reported import reported
from converge.documents.schema import schema
from converge.documents.text import Source
from converge.documents.unknown_keys import unknown_below
from converge.model import Diagnostic

OURS = "net.converge/"
TARGETS = {f"{OURS}netns": "netns", f"{OURS}pid": "pid"}


def read(source: Source, root: MappingNode) -> Draft:
    annotations = entries(get(root, "metadata", "annotations"))
    labels = (get(root, "metadata", "labels"),)
    draft = _read(source, root, get(root, "spec"), "spec", get(root, "status"), annotations, labels)
    return replace(draft, uid=text(root, "metadata", "uid") or "")


def read_machine(source: Source, root: MappingNode) -> Draft:
    """Its instance gets the template's annotations and labels. Ours count on the machine itself too, as do its labels."""
    template = get(root, "spec", "template")
    own = entries(get(root, "metadata", "annotations"))
    annotations = {name: entry for name, entry in own.items() if name.startswith(OURS)}
    annotations |= entries(get(template, "metadata", "annotations"))
    labels = (get(root, "metadata", "labels"), get(template, "metadata", "labels"))
    return _read(source, root, get(template, "spec"), "spec.template.spec", None, annotations, labels)


def _read(
    source: Source,
    root: MappingNode,
    spec: Node | None,
    path: str,
    status: Node | None,
    annotations: Mapping[str, Entry],
    labels: tuple[Node | None, ...],
) -> Draft:
    # Non-root is what KubeVirt does by default; a status that does not say is read as that.
    tap_id = 0 if integer(status, "runtimeUser") == 0 else TAP_ID
    nics = items(status, "interfaces")
    networks = listed(get(spec, "networks"), f"{path}.networks")
    return Draft(
        source=source,
        root=root,
        spec=spec,
        ours=False,
        targets=wishes(annotations, TARGETS),
        networks=networks,
        by_name=by_name(networks),
        interfaces=listed(get(spec, "domain", "devices", "interfaces"), f"{path}.domain.devices.interfaces"),
        root_path=path,
        domain=get(spec, "domain"),
        pod_links=_pod_links(nics),
        queue_counts=_queue_counts(nics),
        tap_owner=tap_id,
        tap_group=tap_id,
        legacy_migration_ports=text(status, "migrationTransport") != "Unix",
        default_nic=wants_default_nic(spec),
        guests=annotated(annotations),
        guest_at=guest_annotation(annotations),
        known_macs=_known_macs(nics),
        info_sources=_info_sources(nics),
        annotations=annotations,
        labels=labels,
        node=text(status, "nodeName") or "",
        reported=reported(nics),
        active_pods={uid: text(entry.value) or "" for uid, entry in entries(get(status, "activePods")).items()},
    )


def _pod_links(status: tuple[Node, ...]) -> dict[str, Node]:
    links = ((text(entry, "name"), get(entry, "podInterfaceName")) for entry in status)
    return {name: node for name, node in links if name and node is not None and text(node) != ""}


def _queue_counts(status: tuple[Node, ...]) -> dict[str, int]:
    """Only what the domain reports holds: a tap must fit the guest that runs, even after CPUs were plugged in."""
    counts: dict[str, int] = {}
    for entry in status:
        sources = (text(entry, "infoSource") or "").split(", ")  # KubeVirt's own separator, blank included
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


def _info_sources(status: tuple[Node, ...]) -> dict[str, str]:
    """The first entry of a name: a guest agent's further ones have none."""
    return {name: text(entry, "infoSource") or "" for entry in reversed(status) if (name := text(entry, "name"))}


def check(draft: Draft) -> Iterator[Diagnostic]:
    yield from check_annotation(draft)
    yield from _default_nic(draft)
    about = schema("VirtualMachineInstance")["properties"]["spec"]["properties"]
    for path in (("networks",), ("domain", "devices", "interfaces")):
        part = about
        for step in path[:-1]:
            part = part[step]["properties"]
        if node := get(draft.spec, *path):
            yield from unknown_below(draft.source, node, part[path[-1]])


def wants_default_nic(spec: Node | None) -> bool:
    """Reference section 1.4: without networks and interfaces KubeVirt adds one NIC of the cluster's default binding."""
    devices = get(spec, "domain", "devices")
    lists = (get(spec, "networks"), get(devices, "interfaces"))
    given = any(node is not None and (not isinstance(node, Sequence) or node.items) for node in lists)
    return not given and flag(devices, "autoattachPodInterface") is not False


def _default_nic(draft: Draft) -> Iterator[Diagnostic]:
    """The NIC that KubeVirt would add must be one that it allows; it refuses the machine otherwise, before its other rules."""
    binding = draft.cluster.default_binding
    if not draft.default_nic or (binding != "slirp" and (binding != "bridge" or draft.cluster.permit_bridge)):
        return
    why = "which was removed" if binding == "slirp" else "which it forbids on the pod network"
    right = "name networks and interfaces, or set devices.autoattachPodInterface: false"
    detail = f"there is neither network nor interface, and the cluster's default binding is {binding}, {why}\n{right}"
    yield draft.source.diagnostic(identified(draft), "Default binding not possible", detail)
