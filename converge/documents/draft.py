"""A document as far as it is read: which node says what, whichever kind of document said so. Checks and `build` see only this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from converge.documents.bindings import Cluster
from converge.documents.fields import parts, text
from converge.documents.nodes import Entry, Node, Scalar
from converge.documents.nodes import Mapping as MappingNode
from converge.documents.text import Source, Span
from converge.model import Attachment, Reported


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of `networks` or `interfaces`, with the field path that Kubernetes would call it by."""

    path: str
    node: MappingNode
    name: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """How a document names its pod: the key or annotation, and its value."""

    how: str
    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class PodName:
    """A pod of Kubernetes, by its name, its UID or both; the other is empty."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Draft:
    """`ours`: our own kind, which may be stricter than KubeVirt. `root_path` is where `networks` stand, as a field path, and
    `spec` is that node: of a virtual machine, the spec of its template.

    `by_name` holds the networks; `pod_links`, `queue_counts`, `guests`, `known_macs` and `info_sources` are by NIC name.
    `guest_at` is where to point for what is wrong in `guests`, where that is not the node itself. `annotations` are those that
    count, `labels` the nodes that hold some, a later one over an earlier. `cluster` is what holds for all virtual machines.

    `pod` is the pod that the document means, where it is known by name, and `attachments` what Multus says of that. `uid`,
    `node` and `active_pods` (UID of a pod -> its node) are what a status knows to find it by. `reported` is its `interfaces`.
    """

    source: Source
    root: MappingNode
    spec: Node | None
    ours: bool
    targets: tuple[Wish, ...]
    networks: tuple[Part, ...]
    by_name: Mapping[str, Part]
    interfaces: tuple[Part, ...]
    root_path: str
    domain: Node | None
    pod_links: dict[str, Node]
    queue_counts: dict[str, int]
    tap_owner: int
    tap_group: int
    legacy_migration_ports: bool
    default_nic: bool = False
    guests: Mapping[str, Node] = field(default_factory=dict)
    guest_at: Node | None = None
    known_macs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    info_sources: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Entry] = field(default_factory=dict)
    labels: tuple[Node | None, ...] = ()
    uid: str = ""
    node: str = ""
    active_pods: Mapping[str, str] = field(default_factory=dict)
    pod: PodName | None = None
    attachments: tuple[Attachment, ...] = ()
    cluster: Cluster = field(default_factory=Cluster)
    reported: tuple[Reported, ...] = ()

    def network(self, name: str | None) -> Part | None:
        return None if name is None else self.by_name.get(name)


def metadata_name(root: MappingNode) -> str:
    return text(root, "metadata", "name") or ""


def metadata_namespace(root: MappingNode) -> str:
    return text(root, "metadata", "namespace") or "default"


def full_name(draft: Draft) -> str | None:
    """namespace/name as far as it can be read, in a document with mistakes too."""
    name = metadata_name(draft.root)
    return f"{metadata_namespace(draft.root)}/{name}" if name else None


def place(draft: Draft) -> str:
    """file:line of a document, for others to refer to."""
    return f"{draft.source.filename}:{draft.source.position(draft.root).line}"


def identified(draft: Draft) -> Span:
    """Where to point for what concerns the document as a whole."""
    metadata = draft.root.entries.get("metadata")
    return metadata.key if metadata else draft.root


def annotation(draft: Draft, name: str) -> str | None:
    entry = draft.annotations.get(name)
    return None if entry is None else text(entry.value)


def listed(node: Node | None, path: str) -> tuple[Part, ...]:
    return tuple(_listed(node, path))


def _listed(node: Node | None, path: str) -> Iterator[Part]:
    for where, item in parts(node, path):
        yield Part(where, item, text(item, "name"))


def by_name(networks: tuple[Part, ...]) -> dict[str, Part]:
    """The first of each name; a second one is reported and never used."""
    return {part.name: part for part in reversed(networks) if part.name is not None}


def entries(node: Node | None) -> Mapping[str, Entry]:
    """Of a mapping; of anything else none."""
    return node.entries if isinstance(node, MappingNode) else {}


def wishes(given: Mapping[str, Entry], keys: dict[str, str]) -> tuple[Wish, ...]:
    """The entries that name the pod; `keys` maps each key to what it is."""
    return tuple(Wish(keys[name], entry.key, entry.value) for name, entry in given.items() if name in keys)
