"""Networks of `resourceClaim` (a device that Kubernetes hands out): rules 18 to 23 of KubeVirt's admission."""

from __future__ import annotations

from collections.abc import Iterator

from converge.documents.draft import Draft, Part
from converge.documents.fields import get, items, key_of, text
from converge.documents.nodes import Node
from converge.model import Diagnostic

GATE = "NetworkDevicesWithDRA"
FITS = ("sriov", "binding")
FIELDS = ("claimName", "requestName")


def check_claims(draft: Draft) -> Iterator[Diagnostic]:
    """In KubeVirt's order: a gate that is off, or a Multus network beside it, ends the look at the claims."""
    claims = [part for part in draft.networks if get(part.node, "resourceClaim") is not None]
    if not claims:
        return
    key, cause = key_of(claims[0].node, "resourceClaim"), ("FieldValueInvalid", f"{draft.root_path}.networks")
    if draft.ours:
        detail = "resourceClaim is for KubeVirt's documents, where a claim is made\nthe sources are pod and multus"
        yield draft.source.diagnostic(key, "Unknown network source", detail, cause=cause)
        return
    if not draft.cluster.allows(GATE):
        detail = f"resourceClaim while feature gate {GATE} is off\nuse multus, or switch it on in the KubeVirt document"
        yield draft.source.diagnostic(key, "Feature gate is off", detail, cause=cause)
        return
    if any(get(part.node, "multus") is not None for part in draft.networks):
        detail = "resourceClaim and multus networks in one machine\nkeep one of the two kinds"
        yield draft.source.diagnostic(key, "Network sources exclude each other", detail, cause=cause)
        return
    yield from _bindings(draft, claims)
    yield from _names(draft, claims)
    yield from _twice(draft, claims)


def _bindings(draft: Draft, claims: list[Part]) -> Iterator[Diagnostic]:
    interfaces = {part.name: part for part in reversed(draft.interfaces)}
    for claim in claims:
        joined = interfaces.get(claim.name)
        if joined is None or any(get(joined.node, key) is not None for key in FITS):
            continue
        detail = f"interface {claim.name} is on a resourceClaim, which its binding cannot join\nsriov or binding: {{name: NAME}}"
        cause = ("FieldValueInvalid", f"{draft.root_path}.domain.devices.interfaces")
        span = get(joined.node, "name") or joined.node
        yield draft.source.diagnostic(span, "Binding does not fit network", detail, nic=claim.name, cause=cause)


def _names(draft: Draft, claims: list[Part]) -> Iterator[Diagnostic]:
    known = {text(entry, "name") for entry in items(draft.spec, "resourceClaims")}
    for part in claims:
        claim, path = get(part.node, "resourceClaim"), f"{part.path}.resourceClaim"
        for field in FIELDS:
            if not text(claim, field):
                detail = f"{field} is missing\nthe name of a claim in resourceClaims, and of a request in it"
                cause = ("FieldValueRequired", f"{path}.{field}")
                yield draft.source.diagnostic(_at(part, field), "Claim without name", detail, nic=part.name, cause=cause)
        name = text(claim, "claimName")
        if name and name not in known:
            detail = f"there is no claim {name} among resourceClaims\nadd it, or name one of those"
            cause = ("FieldValueNotFound", f"{path}.claimName")
            yield draft.source.diagnostic(_at(part, "claimName"), "Unknown claim", detail, nic=part.name, cause=cause)


def _at(part: Part, field: str) -> Node:
    return get(part.node, "resourceClaim", field) or key_of(part.node, "resourceClaim")


def _twice(draft: Draft, claims: list[Part]) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], str | None] = {}
    for part in claims:
        claim, request = (text(part.node, "resourceClaim", field) or "" for field in FIELDS)
        if not claim or not request:
            continue
        if (claim, request) in seen:
            detail = f"request {request} of claim {claim} is that of network {seen[claim, request]}\neach request is one device"
            cause = ("FieldValueDuplicate", part.path)
            yield draft.source.diagnostic(_at(part, "requestName"), "Duplicate claim", detail, nic=part.name, cause=cause)
        seen.setdefault((claim, request), part.name)
