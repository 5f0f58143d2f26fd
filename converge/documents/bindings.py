"""Names of bindings. A new one is a word in `BINDINGS`, a word in the schemas and an entry in `binding_rules`."""

from __future__ import annotations

BINDINGS = ("masquerade", "bridge")
DEFAULT_BINDING = "bridge"  # of a KubeVirt cluster whose administrator said nothing

# KubeVirt's keys for a binding, of which an interface has exactly one.
KEYS = ("bridge", "masquerade", "sriov", "passtBinding", "binding")
# Keys that KubeVirt removed (still decoded, always refused), and what stands in their place there.
REMOVED = {
    "slirp": "KubeVirt removed slirp in 1.3; masquerade takes its place",
    "passt": "in KubeVirt it is written passtBinding: {} now",
    "macvtap": "in KubeVirt it is written binding: {name: macvtap} now",
}
