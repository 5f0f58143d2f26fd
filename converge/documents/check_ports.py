"""Rules of `ports` and `portRanges`: 31 to 41 of KubeVirt's admission, and ports listed twice, which KubeVirt does not look for.

What one value alone can violate (a number out of bounds, a protocol in lower case) is the schema's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from converge.documents.binding_rules import binding_of
from converge.documents.draft import Draft, Part
from converge.documents.fields import get, integer, items, key_of, parts, text
from converge.documents.nodes import Mapping, shown
from converge.model import Diagnostic, Severity

PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
NAME_RIGHT = "at most 15 lower-case letters, digits and single hyphens, with at least one letter"
MAX_PORT = 65535
GATE = "PortRangesSpec"


def check_ports(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    closed = list(_gate(draft, part))
    yield from closed
    if not _counts(draft, part):
        return
    yield from _names(draft, part)
    yield from _twice(draft, part)
    yield from () if closed else _placement(draft, part)
    yield from _reversed(draft, part)
    yield from _overlaps(draft, part)


def _counts(draft: Draft, part: Part) -> bool:
    """KubeVirt looks at ports of the pod network only: elsewhere nobody reads them, so such a machine runs."""
    network = draft.network(part.name)
    return draft.ours or network is None or get(network.node, "pod") is not None


def _gate(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    if draft.ours or draft.cluster.allows(GATE) or not items(part.node, "portRanges"):
        return
    detail = f"portRanges while feature gate {GATE} is off\nlist single ports, or switch it on in the KubeVirt document"
    cause = ("FieldValueInvalid", f"{part.path}.name")
    yield draft.source.diagnostic(key_of(part.node, "portRanges"), "Feature gate is off", detail, nic=part.name, cause=cause)


def _names(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for path, entry in parts(get(part.node, "ports"), f"{part.path}.ports"):
        node, name = get(entry, "name"), text(entry, "name")
        if node is None or not name:
            continue
        if not PORT_NAME.fullmatch(name):
            detail = f"port name {shown(node)} is not one\n{NAME_RIGHT}"
            cause = ("FieldValueInvalid", f"{path}.name")
            yield draft.source.diagnostic(node, "Not a port name", detail, nic=part.name, cause=cause)
        elif name in seen:
            detail = f"port name {name} stands here a second time\nevery port has a name of its own, or none"
            cause = ("FieldValueDuplicate", f"{path}.name")
            yield draft.source.diagnostic(node, "Duplicate port name", detail, nic=part.name, cause=cause)
        seen.add(name)


def _twice(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    """KubeVirt admits it, and it means nothing more than once: such a VM runs, so it is only warned of."""
    severity = Severity.ERROR if draft.ours else Severity.WARNING
    seen: dict[tuple[str, int], int] = {}
    for _, entry in parts(get(part.node, "ports"), part.path):
        node, number = get(entry, "port"), integer(entry, "port")
        if node is None or number is None or not 0 < number <= MAX_PORT:
            continue
        key = ((text(entry, "protocol") or "TCP").upper(), number)
        if key in seen:
            detail = f"port {number}/{key[0]} is listed twice (first in line {seen[key]})\nkeep one of them"
            yield draft.source.diagnostic(node, "Duplicate port", detail, severity=severity, nic=part.name)
        seen.setdefault(key, draft.source.position(node).line)


def _placement(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    if not items(part.node, "portRanges"):
        return
    key, cause = key_of(part.node, "portRanges"), ("FieldValueInvalid", f"{part.path}.name")
    if items(part.node, "ports"):
        detail = "ports and portRanges in one interface\nwrite single ports as ranges of one, or ranges as ports"
        yield draft.source.diagnostic(key, "Ports and port ranges", detail, nic=part.name, cause=cause)
    if (binding := binding_of(draft, part)) and binding != "masquerade":
        detail = f"portRanges with binding {binding}\nportRanges are for masquerade only"
        yield draft.source.diagnostic(key, "Port ranges not possible", detail, nic=part.name, cause=cause)


def _reversed(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    for path, entry in parts(get(part.node, "portRanges"), f"{part.path}.portRanges"):
        node, start, end = get(entry, "start"), integer(entry, "start"), integer(entry, "end")
        if node is None or start is None or end is None or not (0 < end < start <= MAX_PORT):
            continue
        cause = ("FieldValueInvalid", f"{path}.start")
        detail = f"start {start} is above end {end}\nstart is the lower port"
        yield draft.source.diagnostic(node, "Reversed port range", detail, nic=part.name, cause=cause)


def _overlaps(draft: Draft, part: Part) -> Iterator[Diagnostic]:
    ranges = sorted(_valid_ranges(part), key=lambda each: each[:3])
    reach: dict[str, tuple[int, int]] = {}
    for protocol, start, end, entry in ranges:
        previous = reach.get(protocol)
        if previous and start <= previous[1]:
            detail = f"{protocol} {start}-{end} overlaps {previous[0]}-{previous[1]}\njoin the two, or move one"
            node, cause = get(entry, "start") or entry, ("FieldValueInvalid", f"{part.path}.portRanges")
            yield draft.source.diagnostic(node, "Overlapping port ranges", detail, nic=part.name, cause=cause)
        if previous is None or end > previous[1]:
            reach[protocol] = (start, end)


def _valid_ranges(part: Part) -> Iterator[tuple[str, int, int, Mapping]]:
    for _, entry in parts(get(part.node, "portRanges"), part.path):
        protocol, start, end = text(entry, "protocol"), integer(entry, "start"), integer(entry, "end")
        if protocol in ("TCP", "UDP") and start is not None and end is not None and 0 < start <= end <= MAX_PORT:
            yield protocol, start, end, entry
