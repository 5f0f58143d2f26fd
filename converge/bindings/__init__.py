"""compile(document, facts): what the pod's namespace should hold. A binding is one file here, one line in REGISTRY, one word
in the schema.
"""

from __future__ import annotations

from converge.bindings import bridge, masquerade
from converge.bindings.compile import Binding, compile_document, sysctl_paths

REGISTRY: dict[str, Binding] = {
    "masquerade": masquerade,
    "bridge": bridge,
}

__all__ = ["REGISTRY", "Binding", "compile_document", "sysctl_paths"]
