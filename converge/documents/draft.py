"""A document as far as it is read: which node says what, whichever kind of document said so. Checks and `build` see only this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from converge.documents.bindings import Cluster
from converge.documents.fields import parts, text
from converge.documents.nodes import Mapping as MappingNode
from converge.documents.nodes import Node, Scalar
from converge.documents.text import Source


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
class Draft:
    """`ours`: our own kind, which may be stricter than KubeVirt. `root_path` is where `networks` stand, as a field path.

    `by_name` holds the networks; `pod_links`, `queue_counts`, `guests` and `known_macs` are by NIC name. `guest_at` is where to
    point for what is wrong in `guests`, where that is not the node itself. `cluster` is what holds for all virtual machines.
    """

    source: Source
    root: MappingNode
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
    cluster: Cluster = field(default_factory=Cluster)

    def network(self, name: str | None) -> Part | None:
        return None if name is None else self.by_name.get(name)


def full_name(draft: Draft) -> str | None:
    """namespace/name as far as it can be read, in a document with mistakes too."""
    name = text(draft.root, "metadata", "name")
    return f"{text(draft.root, 'metadata', 'namespace') or 'default'}/{name}" if name else None


def listed(node: Node | None, path: str) -> tuple[Part, ...]:
    return tuple(_listed(node, path))


def _listed(node: Node | None, path: str) -> Iterator[Part]:
    for where, item in parts(node, path):
        yield Part(where, item, text(item, "name"))


def by_name(networks: tuple[Part, ...]) -> dict[str, Part]:
    """The first of each name; a second one is reported and never used."""
    return {part.name: part for part in reversed(networks) if part.name is not None}


def wishes(node: Node | None, keys: dict[str, str]) -> tuple[Wish, ...]:
    """The entries of a mapping that name the pod; `keys` maps each key to what it is."""
    if not isinstance(node, MappingNode):
        return ()
    return tuple(Wish(keys[name], entry.key, entry.value) for name, entry in node.entries.items() if name in keys)
