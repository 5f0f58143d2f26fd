"""`KubeVirt` (kubevirt.io/v1): what an administrator has set for all virtual machines of the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converge.documents.bindings import Cluster
from converge.documents.fields import flag, get, items, text
from converge.documents.nodes import Mapping, Node, Scalar
from converge.documents.scalars import as_text
from converge.documents.text import Source
from converge.model import Diagnostic

NO_CLUSTER = Cluster()


def read(root: Mapping) -> Cluster:
    """What the document does not say is as KubeVirt does by default; its feature gates are then all off."""
    configuration = get(root, "spec", "configuration")
    network = get(configuration, "network")
    permitted = flag(network, "permitBridgeInterfaceOnPodNetwork")
    gates = items(configuration, "developerConfiguration", "featureGates")
    return Cluster(
        default_binding=text(network, "defaultNetworkInterface") or NO_CLUSTER.default_binding,
        permit_bridge=NO_CLUSTER.permit_bridge if permitted is None else permitted,
        plugins=_plugins(get(network, "binding")),
        gates=frozenset(name for gate in gates if isinstance(gate, Scalar) and (name := as_text(gate))),
    )


def _plugins(node: Node | None) -> dict[str, str]:
    """A plugin that is registered with nothing (`name: {}`) is registered all the same."""
    if not isinstance(node, Mapping):
        return {}
    return {name: text(entry.value, "domainAttachmentType") or "" for name, entry in node.entries.items()}


def more_than_one(documents: Sequence[tuple[Source, Mapping]]) -> Iterator[Diagnostic]:
    for source, root in documents[1:]:
        first, node = documents[0]
        where = f"{first.filename}:{first.position(node).line}"
        detail = f"a second KubeVirt document (the first is {where})\na cluster has one; keep the one that holds for these pods"
        yield source.diagnostic(get(root, "metadata", "name") or root, "More than one KubeVirt document", detail)
