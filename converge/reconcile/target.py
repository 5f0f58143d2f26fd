"""Where a document's pod is: one that is named as Kubernetes names it is looked for on this node first."""

from __future__ import annotations

from dataclasses import replace

from converge.model import GuestNetwork
from converge.sources import cni_cache


def located(document: GuestNetwork) -> GuestNetwork:
    """The document with a namespace to open for its target. Raises cni_cache.NotFound."""
    target = document.target
    if target.how != "pod":
        return document
    namespace, _, name = target.value.partition("/")
    path = cni_cache.find(namespace, name, target.uid)
    return replace(document, target=replace(target, how="netns", value=path, pod=target.value, found="CNI cache"))
