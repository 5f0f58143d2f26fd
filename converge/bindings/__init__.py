"""compile(document, facts): what the pod's namespace should hold. A binding is one file here, one line in REGISTRY, one word
in the schema.

The first four are KubeVirt's own, each with a key of its own in a document; the others are written `binding: {name: ...}`. `tap`
and `plugin` have no name of their own: they are what a cluster's registration of a plugin can come to.
"""

from __future__ import annotations

from converge.bindings import bridge, macvtap, managed_tap, masquerade, passt, plugin, sriov, tap
from converge.bindings.compile import Binding, compile_document, sysctl_paths

REGISTRY: dict[str, Binding] = {
    "masquerade": masquerade,
    "bridge": bridge,
    "passt": passt,
    "sriov": sriov,
    "managedTap": managed_tap,
    "macvtap": macvtap,
    "tap": tap,
    "plugin": plugin,
}

__all__ = ["REGISTRY", "Binding", "compile_document", "sysctl_paths"]
