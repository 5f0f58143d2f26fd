"""`interfaces[].guest`: our own words about what a guest is told. A KubeVirt document has the same map in an annotation.

The annotation is JSON inside of YAML, so it is read like a file of its own and judged by the same schema; what is wrong in it
is reported at the annotation, since its own lines and columns would mean nothing to a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from typing import Any

from converge.documents.compose import compose
from converge.documents.draft import Draft, Part
from converge.documents.fields import flag, get, integer, text
from converge.documents.nodes import Entry, Mapping, Node, Scalar, is_null, shown
from converge.documents.scalars import as_text
from converge.documents.schema import Schema, certainly_valid, plain, schema
from converge.documents.text import Source, made
from converge.model import Diagnostic, GuestOptions, Severity

ANNOTATION = "net.converge/guest"
PATH = re.compile(r"/[^\0]{1,4094}")
MINIMUM_MTU6 = 1280
Annotations = ReadOnly[str, Entry]


def check_guest(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    guest = draft.guests.get(part.name or "")
    node, path = get(guest, "resolvConf"), text(guest, "resolvConf")
    if node is not None and path is not None and (not PATH.fullmatch(path) or ".." in path.split("/")):
        detail = f"resolvConf {shown(node)} is not a path\nan absolute path without .., as /etc/resolv.conf"
        yield draft.source.diagnostic(draft.guest_at or node, "Not a path", detail, nic=part.name)
    node, mtu = get(guest, "mtu"), integer(guest, "mtu")
    if node is not None and mtu is not None and mtu < MINIMUM_MTU6 and flag(guest, "ipv6"):
        detail = f"mtu {mtu} is too small for IPv6\nno IPv6 link has less than {MINIMUM_MTU6}: the guest keeps its own MTU there"
        yield draft.source.diagnostic(draft.guest_at or node, "MTU too small", detail, severity=Severity.WARNING, nic=part.name)


def guest_options(draft: Draft, part: Part) -> GuestOptions:
    guest, given = draft.guests.get(part.name or ""), GuestOptions()
    return GuestOptions(
        mtu=integer(guest, "mtu"),
        ipv6=_or(flag(guest, "ipv6"), given.ipv6),
        dhcp_router=_or(flag(guest, "dhcp", "router"), given.dhcp_router),
        dhcp_dns=_or(flag(guest, "dhcp", "dns"), given.dhcp_dns),
        router_advertisements=_or(flag(guest, "routerAdvertisements"), given.router_advertisements),
        resolv_conf=text(guest, "resolvConf") or None,
    )


def _or(value: bool | None, default: bool) -> bool:
    return default if value is None else value


# ------------------------------------------------------------------------------------------------------- annotation


def annotation(annotations: Annotations) -> Scalar | None:
    entry = annotations.get(ANNOTATION)
    return entry.value if entry is not None and isinstance(entry.value, Scalar) and not is_null(entry.value) else None


def annotated(annotations: Annotations) -> dict[str, Node]:
    """The maps of an annotation, by NIC name. Empty where it cannot be read: `check_annotation` says why."""
    node = annotation(annotations)
    found = _read(node)[1] if node is not None else None
    return {name: entry.value for name, entry in found.entries.items()} if found is not None else {}


def check_annotation(draft: Draft) -> Iterator[Diagnostic]:
    node = annotation(draft.annotations)
    if node is None:
        return
    inner, found, wrong = _read(node)
    if found is None:
        first = wrong[0].detail if wrong else 'it is not a mapping\nwrite JSON, as {"default": {"mtu": 1400}}'
        yield draft.source.diagnostic(node, "Unreadable annotation", f"{ANNOTATION}: {first}")
        return
    for each in _by_schema(inner, found):
        yield draft.source.diagnostic(node, each.summary, f"{ANNOTATION}: {each.detail}", severity=each.severity)
    names = {part.name for part in draft.interfaces}
    for name in found.entries.keys() - names:
        detail = f"{ANNOTATION}: there is no interface {name!a}\nthe keys are names of interfaces"
        yield draft.source.diagnostic(node, "Unknown interface", detail, severity=Severity.WARNING)


def _read(node: Scalar) -> tuple[Source, Mapping | None, list[Diagnostic]]:
    """A mapping between braces, which JSON and YAML read alike."""
    source = made(ANNOTATION, as_text(node) or "")
    if not source.text.lstrip().startswith("{"):
        return source, None, []
    roots, wrong = compose(source)
    only = roots[0] if len(roots) == 1 and not wrong else None
    return source, only if isinstance(only, Mapping) else None, wrong


def _by_schema(source: Source, found: Mapping) -> Iterator[Diagnostic]:
    spec: Any = schema("GuestNetwork")["properties"]["spec"]["properties"]
    each: Schema = spec["interfaces"]["items"]["properties"]["guest"]
    about: Schema = {"description": "By NIC name.", "type": "object", "properties": {}, "additionalProperties": each}
    value = plain(found, about)
    if not certainly_valid(value, about):
        from converge.documents.schema_errors import schema_errors

        yield from schema_errors(source, found, about, value)
