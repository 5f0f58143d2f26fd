"""How a document says which binding a NIC has: one of KubeVirt's keys, or a name that a cluster or converge itself knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from converge.bindings import REGISTRY

# KubeVirt's keys for a binding, of which an interface has exactly one, and the binding of those that name one themselves.
KEYS = {"masquerade": "masquerade", "bridge": "bridge", "sriov": "sriov", "passtBinding": "passt", "binding": ""}
# Keys that KubeVirt removed (still decoded, always refused), and what stands in their place there.
REMOVED = {
    "slirp": "KubeVirt removed slirp in 1.3; masquerade takes its place",
    "passt": "it is written passtBinding: {} now",
    "macvtap": "it is written binding: {name: macvtap} now",
}
# What the registration of a plugin comes to, by its domainAttachmentType.
ATTACHMENTS = {"tap": "tap", "managedTap": "managedTap", "": "plugin"}
# Bindings that `binding: {name: ...}` chooses without a registration.
NAMED = tuple(name for name in REGISTRY if name not in KEYS.values() and name not in ("tap", "plugin"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a `KubeVirt` document sets for all virtual machines; the defaults are what KubeVirt does without one.

    `plugins`: domainAttachmentType by name of a registered binding plugin. `gates`: names of the feature gates that are on; None
    where no document says, and then nothing is refused for want of one.
    """

    default_binding: str = "bridge"
    permit_bridge: bool = True
    plugins: Mapping[str, str] = field(default_factory=dict)
    gates: frozenset[str] | None = None

    def allows(self, gate: str) -> bool:
        return self.gates is None or gate in self.gates

    def binding(self, plugin: str) -> str | None:
        """The binding that a plugin's name chooses: the cluster's registration comes first."""
        if plugin in self.plugins:
            return ATTACHMENTS.get(self.plugins[plugin])
        return plugin if plugin in NAMED else None
