"""Which binding an interface has, and what each binding asks of it. A new binding is one entry of `RULES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from converge.documents.addresses import BRIDGE_MAC, parse_mac
from converge.documents.bindings import BINDINGS, KEYS, REMOVED
from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, key_of, text
from converge.documents.nodes import shown
from converge.model import Diagnostic

KNOWN = "the bindings are: " + ", ".join(f"{name} (write {name}: {{}})" for name in BINDINGS)


def binding_of(part: Part) -> str | None:
    """The one key that selects the binding; None where there is none or more than one."""
    given = _given(part)
    return given[0] if len(given) == 1 else None


def _given(part: Part) -> list[str]:
    return [name for name in part.node.entries if name in KEYS and get(part.node, name) is not None]


def check_binding(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    yield from _removed(draft, part)
    yield from _exactly_one(draft, part)
    for name in _given(part):
        if name not in BINDINGS:
            plugin = text(part.node, "binding", "name") if name == "binding" else None
            detail = f"binding {plugin or name} is not one of converge's\n{KNOWN}"
            yield draft.source.diagnostic(key_of(part.node, name), "Unknown binding", detail, nic=part.name)
    binding = binding_of(part)
    if binding is not None and binding in RULES:
        yield from RULES[binding](draft, part)
    if binding != "bridge":
        yield from _absent(draft, part)


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


def _absent(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    node = get(part.node, "state")
    if node is None or text(node) != "absent":
        return
    cause = ("FieldValueInvalid", f"{part.path}.state")
    detail = "state absent is for NICs of binding bridge only\nremove the interface and its network instead"
    yield draft.source.diagnostic(node, "State not possible", detail, nic=part.name, cause=cause)
    network = draft.network(part.name)
    if network and (get(network.node, "pod") is not None or flag(network.node, "multus", "default")):
        detail = "the primary NIC cannot be absent\nuse down to take its link away from the guest"
        yield draft.source.diagnostic(node, "State not possible", detail, nic=part.name, cause=cause)


def _masquerade(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    network, name = draft.network(part.name), get(part.node, "name")
    if network and name and get(network.node, "pod") is None:
        field = ("FieldValueInvalid", f"{part.path}.name")
        detail = f"masquerade on network {part.name}, which is not the pod network\nmasquerade is for a network with pod: {{}}"
        yield draft.source.diagnostic(name, "Binding does not fit network", detail, nic=part.name, cause=field)
    mac, value = get(part.node, "macAddress"), text(part.node, "macAddress")
    if mac and value and parse_mac(value) == BRIDGE_MAC:
        detail = f"macAddress {shown(mac)} is that of the bridge in the pod\ntake another, as 02:00:00:00:00:07"
        # KubeVirt compares the text, so other spellings of this address slip through its admission.
        cause = ("FieldValueInvalid", f"{part.path}.macAddress") if value == BRIDGE_MAC else None
        yield draft.source.diagnostic(mac, "Reserved MAC address", detail, nic=part.name, cause=cause)


def _bridge(_draft: Draft, _part: Part) -> Iterator[Diagnostic]:
    """Any network; what its pod link must be like is known only in the pod."""
    yield from ()


RULES: Mapping[str, Callable[[Draft, Part], Iterator[Diagnostic]]] = {"masquerade": _masquerade, "bridge": _bridge}
