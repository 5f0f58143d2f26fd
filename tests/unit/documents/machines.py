"""Documents of KubeVirt as values, since a test is about one place of them: JSON is what goes in, as `kubectl -o json` prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

TARGET = {"annotations": {"net.converge/netns": "web"}}


def spec(networks: Iterable[Json] = (), interfaces: Iterable[Json] = (), **more: Any) -> Json:
    """A machine's spec; `devices` and `domain` in `more` are merged into it."""
    devices = {"interfaces": list(interfaces), **more.pop("devices", {})}
    return {"networks": list(networks), "domain": {"devices": devices, **more.pop("domain", {})}, **more}


def instance(machine: Json, metadata: Mapping[str, Any] | None = None, status: Json | None = None) -> str:
    return json.dumps(
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "metadata": {"name": "web", "namespace": "shop", **(TARGET if metadata is None else metadata)},
            "spec": machine,
            "status": status or {},
        }
    )


def machine(template: Json, metadata: Mapping[str, Any] | None = None, of_template: Mapping[str, Any] | None = None) -> str:
    return json.dumps(
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {"name": "web", "namespace": "shop", **(TARGET if metadata is None else metadata)},
            "spec": {"runStrategy": "Always", "template": {"metadata": dict(of_template or {}), "spec": template}},
        }
    )


def kubevirt(network: Json | None = None, gates: Iterable[str] = ()) -> str:
    configuration = {"network": network or {}, "developerConfiguration": {"featureGates": list(gates)}}
    metadata = {"name": "kubevirt", "namespace": "kubevirt"}
    document = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "KubeVirt",
        "metadata": metadata,
        "spec": {"configuration": configuration},
    }
    return json.dumps(document)


def pod(name: str, status: Any = None, **metadata: Any) -> str:
    """`status` is what Multus writes: text as it is, anything else as JSON."""
    annotations = dict(metadata.pop("annotations", {}))
    if status is not None:
        annotations["k8s.v1.cni.cncf.io/network-status"] = status if isinstance(status, str) else json.dumps(status)
    about = metadata.pop("about", {})
    whole = {"name": name, "namespace": "shop", "annotations": annotations, **metadata}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": whole, **about})
