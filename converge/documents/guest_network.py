"""`GuestNetwork` (net.converge/v1alpha1): our own kind. KubeVirt's words, and fields where KubeVirt has a status."""

from __future__ import annotations

from converge.documents.draft import Draft, PodName, by_name, entries, listed, metadata_namespace, wishes
from converge.documents.fields import flag, get, integer, text
from converge.documents.nodes import Mapping
from converge.documents.text import Source

TAP_ID = 107  # the user KubeVirt's hypervisor runs as when it is not root


def read(source: Source, root: Mapping) -> Draft:
    spec = get(root, "spec")
    interfaces = listed(get(spec, "interfaces"), "spec.interfaces")
    owner, group = integer(spec, "tap", "owner"), integer(spec, "tap", "group")
    links = ((part.name, get(part.node, "podLink")) for part in interfaces)
    guests = ((part.name, get(part.node, "guest")) for part in interfaces)
    networks = listed(get(spec, "networks"), "spec.networks")
    return Draft(
        source=source,
        root=root,
        spec=spec,
        ours=True,
        targets=wishes(entries(get(spec, "target")), {"netns": "netns", "pid": "pid", "pod": "pod"}),
        networks=networks,
        by_name=by_name(networks),
        interfaces=interfaces,
        root_path="spec",
        domain=get(spec, "domain"),
        pod_links={name: node for name, node in links if name is not None and node is not None},
        queue_counts={},
        tap_owner=TAP_ID if owner is None else owner,
        tap_group=TAP_ID if group is None else group,
        legacy_migration_ports=bool(flag(spec, "legacyMigrationPorts")),
        guests={name: node for name, node in guests if name is not None and node is not None},
        annotations=entries(get(root, "metadata", "annotations")),
        labels=(get(root, "metadata", "labels"),),
        pod=_pod(root),
    )


def _pod(root: Mapping) -> PodName | None:
    pod = get(root, "spec", "target", "pod")
    name = text(pod, "name")
    return PodName(text(pod, "namespace") or metadata_namespace(root), name, text(pod, "uid") or "") if name else None
