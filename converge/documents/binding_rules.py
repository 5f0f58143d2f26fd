"""Which binding an interface has, and what that binding asks of it: all it asks is declared in the binding's own file."""

from __future__ import annotations

from collections.abc import Iterator

from converge.bindings import REGISTRY
from converge.documents.addresses import parse_mac
from converge.documents.bindings import KEYS, NAMED, REMOVED, Cluster
from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, key_of, text
from converge.documents.nearest import nearest
from converge.documents.nodes import shown
from converge.model import Diagnostic

PASST_GATE = "PasstBinding"
KNOWN = "the bindings are: " + ", ".join(
    [f"{key}: {{}}" for key, name in KEYS.items() if name in REGISTRY] + [f"binding: {{name: {name}}}" for name in NAMED]
)


def binding_of(draft: Draft, part: Part) -> str | None:
    """The registry name of an interface's binding; None where it has none, more than one, or one that nobody knows."""
    given = _given(part)
    return _named(draft.cluster, part, given[0]) if len(given) == 1 else None


def _given(part: Part) -> list[str]:
    return [name for name in part.node.entries if name in KEYS and get(part.node, name) is not None]


def _named(cluster: Cluster, part: Part, key: str) -> str | None:
    if key == "binding":
        return cluster.binding(text(part.node, "binding", "name") or "")
    return KEYS[key] if KEYS[key] in REGISTRY else None


def check_binding(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    yield from _removed(draft, part)
    yield from _exactly_one(draft, part)
    for key in _given(part):
        if _named(draft.cluster, part, key) is None and (key != "binding" or text(part.node, key, "name")):
            yield _unknown(draft, part, key)
    binding = binding_of(draft, part)
    if binding is not None:
        yield from _network(draft, part, binding)
        yield from _reserved_mac(draft, part, binding)
    yield from _permitted(draft, part)
    yield from _state(draft, part, binding)


def _unknown(draft: Draft, part: Part, key: str) -> Diagnostic:
    plugin = text(part.node, key, "name") or key
    near = nearest(plugin, [*draft.cluster.plugins, *NAMED])
    hint = f"did you mean {near}? " if near else ""
    where = get(part.node, "binding", "name") or key_of(part.node, key)
    detail = f"binding {plugin} is not known\n{hint}{KNOWN}, or a plugin that a KubeVirt document among the state files registers"
    return draft.source.diagnostic(where, "Unknown binding", detail, nic=part.name)


def _removed(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    for name, instead in REMOVED.items():
        if get(part.node, name) is not None:
            detail = f"binding {name} is not one of converge's, and KubeVirt refuses it\n{instead}. Here {KNOWN}"
            cause = ("FieldValueInvalid", f"{part.path}.{name}")
            yield draft.source.diagnostic(key_of(part.node, name), "Removed binding", detail, nic=part.name, cause=cause)


def _exactly_one(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    given, cause = _given(part), ("FieldValueInvalid", part.path)
    for name in given[1:]:
        detail = f"{given[0]} and {name} in one interface\nkeep one of them"
        yield draft.source.diagnostic(key_of(part.node, name), "More than one binding", detail, nic=part.name, cause=cause)
    if given or any(get(part.node, name) is not None for name in REMOVED):
        return
    if empty := next((name for name in part.node.entries if name in KEYS), None):
        detail = f"{empty} is empty, which counts as absent\nwrite {empty}: {{}}"
        yield draft.source.diagnostic(key_of(part.node, empty), "No binding", detail, nic=part.name, cause=cause)
        return
    detail = f"interface {part.name or ''} has no binding\n{KNOWN}"
    yield draft.source.diagnostic(get(part.node, "name") or part.node, "No binding", detail, nic=part.name, cause=cause)


def _network(draft: Draft, part: Part, binding: str) -> Iterator[Diagnostic]:
    network, name = draft.network(part.name), get(part.node, "name")
    if network is None or name is None or _kind(network) in REGISTRY[binding].NETWORKS:
        return
    kinds = " or ".join(f"{kind}: {{}}" for kind in sorted(REGISTRY[binding].NETWORKS))
    detail = f"{binding} on network {part.name}, which is not the pod network\n{binding} is for a network with {kinds}"
    cause = ("FieldValueInvalid", f"{part.path}.name")
    yield draft.source.diagnostic(name, "Binding does not fit network", detail, nic=part.name, cause=cause)


def _kind(network: Part) -> str:
    """A resource claim asks for the same as a Multus network; what it asks for more is `check_claims`'."""
    return "pod" if get(network.node, "pod") is not None else "multus"


def _permitted(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    """What the cluster's administrator has to allow: a bridge NIC on the pod network, and passt while it is behind a gate."""
    network, cause = draft.network(part.name), ("FieldValueInvalid", f"{part.path}.name")
    on_pod = network is not None and get(network.node, "pod") is not None
    if get(part.node, "bridge") is not None and on_pod and not draft.cluster.permit_bridge:
        detail = "bridge on the pod network, which the cluster forbids\nuse masquerade, or permit it in the KubeVirt document"
        yield draft.source.diagnostic(key_of(part.node, "bridge"), "Binding not permitted", detail, nic=part.name, cause=cause)
    if get(part.node, "passtBinding") is not None and not draft.ours and not draft.cluster.allows(PASST_GATE):
        key = key_of(part.node, "passtBinding")
        detail = f"passtBinding while feature gate {PASST_GATE} is off\nuse masquerade, or switch it on in the KubeVirt document"
        yield draft.source.diagnostic(key, "Feature gate is off", detail, nic=part.name, cause=cause)


def _reserved_mac(draft: Draft, part: Part, binding: str) -> Iterator[Diagnostic]:
    mac, value = get(part.node, "macAddress"), text(part.node, "macAddress")
    if mac is None or not value or parse_mac(value) not in REGISTRY[binding].RESERVED_MACS:
        return
    detail = f"macAddress {shown(mac)} is that of the bridge in the pod\ntake another, as 02:00:00:00:00:07"
    # KubeVirt compares the text, so other spellings of this address slip through its admission.
    cause = ("FieldValueInvalid", f"{part.path}.macAddress") if value == parse_mac(value) else None
    yield draft.source.diagnostic(mac, "Reserved MAC address", detail, nic=part.name, cause=cause)


def _state(draft: Draft, part: Part, binding: str | None) -> Iterator[Diagnostic]:
    """A binding that nobody knows is still none that could be unplugged by `absent`."""
    node, state = get(part.node, "state"), text(part.node, "state")
    if node is None or state not in ("up", "down", "absent"):
        return
    cause = ("FieldValueInvalid", f"{part.path}.state")
    possible = REGISTRY[binding].STATES if binding is not None else frozenset({"up", "down"})
    if state not in possible:
        right = "remove the interface and its network instead" if state == "absent" else "leave state out"
        detail = f"state {state} is not possible with binding {binding or 'unknown'}\n{right}"
        yield draft.source.diagnostic(node, "State not possible", detail, nic=part.name, cause=cause)
    network = draft.network(part.name)
    if state == "absent" and network and (get(network.node, "pod") is not None or flag(network.node, "multus", "default")):
        detail = "the primary NIC cannot be absent\nuse down to take its link away from the guest"
        yield draft.source.diagnostic(node, "State not possible", detail, nic=part.name, cause=cause)
