"""Rules of `networks`: 1 to 6, 17 and 24 of KubeVirt's admission, and the CIDRs, which it finds out about in the pod."""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.addresses import parse_cidr
from converge.documents.check_claims import check_claims
from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, key_of, text
from converge.documents.nodes import shown
from converge.model import Diagnostic

SOURCES = ("pod", "multus", "resourceClaim")


def check_networks(draft: Draft) -> Iterator[Diagnostic]:
    yield from _primaries(draft)
    yield from _names(draft)
    yield from check_claims(draft)
    for part in draft.networks:
        yield from _source(draft, part)
        yield from _cidrs(draft, part)
        yield from _multus(draft, part)


def _primaries(draft: Draft) -> Iterator[Diagnostic]:
    root, source = draft.root_path, draft.source
    pods = [part for part in draft.networks if get(part.node, "pod") is not None]
    defaults = [part for part in draft.networks if flag(part.node, "multus", "default")]
    for part in pods[1:]:
        detail = "a second pod network\nonly one network can be the pod's; the others are multus"
        duplicate = ("FieldValueDuplicate", f"{root}.interfaces")  # the field that KubeVirt names
        yield source.diagnostic(key_of(part.node, "pod"), "More than one pod network", detail, cause=duplicate)
    for index, part in enumerate(defaults):
        node = get(part.node, "multus", "default") or part.node
        cause = ("FieldValueInvalid", f"{root}.networks")
        if index:
            detail = "a second default network\nonly one Multus network can have default: true"
            yield source.diagnostic(node, "More than one default network", detail, cause=cause)
        if pods:
            wrong = f"network {part.name} is the default, and so is pod network {pods[0].name}"
            detail = f"{wrong}\nleave default out, or remove the pod network"
            yield source.diagnostic(node, "Pod network and default network", detail, cause=cause)


def _names(draft: Draft) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    joined = {part.name for part in draft.interfaces}
    for part in draft.networks:
        node = get(part.node, "name")
        if part.name is None or node is None:
            continue
        if part.name in seen:
            detail = f"network {part.name} stands here a second time\nevery network has a name of its own"
            yield draft.source.diagnostic(node, "Duplicate network", detail, cause=("FieldValueDuplicate", f"{part.path}.name"))
        elif part.name not in joined:
            detail = f"network {part.name} has no interface\nadd an interface of that name, or remove the network"
            required = ("FieldValueRequired", f"{part.path}.name")
            yield draft.source.diagnostic(node, "Network without interface", detail, cause=required)
        seen.add(part.name)


def _source(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    given = [name for name in SOURCES if get(part.node, name) is not None]
    cause = ("FieldValueRequired", part.path)
    if not given:
        empty = next((name for name in SOURCES if name in part.node.entries), None)
        span = part.node.entries[empty].key if empty else get(part.node, "name") or part.node
        wrong = f"{empty} is empty, which counts as absent" if empty else f"network {part.name or ''} says neither pod nor multus"
        detail = f"{wrong}\nwrite pod: {{}} or multus: {{networkName: NAME}}"
        yield draft.source.diagnostic(span, "Network without source", detail, cause=cause)
    for name in given[1:]:
        detail = f"{given[0]} and {name} in one network\nkeep one of them"
        yield draft.source.diagnostic(key_of(part.node, name), "More than one network source", detail, cause=cause)


def _cidrs(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    for field, version in (("vmNetworkCIDR", 4), ("vmIPv6NetworkCIDR", 6)):
        node, value = get(part.node, "pod", field), text(part.node, "pod", field)
        if node is None or not value:  # empty text is KubeVirt's "not given"
            continue
        parsed = parse_cidr(value, version)
        if isinstance(parsed, tuple):
            detail = f"{field} {shown(node)} {parsed[0]}\n{parsed[1]}"
            yield draft.source.diagnostic(node, "Unusable network address", detail, nic=part.name)


def _multus(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    multus = get(part.node, "multus")
    if multus is None:
        return
    node, value = get(multus, "networkName"), text(multus, "networkName")
    if node is None or value == "":
        detail = "networkName is missing\nthe NetworkAttachmentDefinition, as name or namespace/name"
        span = node or key_of(part.node, "multus")
        yield draft.source.diagnostic(span, "Multus network without name", detail, cause=("FieldValueRequired", part.path))
    elif value is not None and not all(value.split("/", 1)):
        detail = f"networkName {shown(node)} lacks a part\nname, or namespace/name"
        yield draft.source.diagnostic(node, "Multus network without name", detail)
