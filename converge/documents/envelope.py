"""Which documents a file holds: `kind` and `apiVersion` say who reads each, lists are opened, foreign kinds are passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from converge.documents.fields import get, text
from converge.documents.nearest import nearest
from converge.documents.nodes import Mapping, Node, Sequence, is_null, shown
from converge.documents.text import Source, Span
from converge.model import Diagnostic, Severity

OURS = "net.converge/v1alpha1"
READ = {
    "GuestNetwork": (OURS,),
    "VirtualMachineInstance": ("kubevirt.io/v1", "kubevirt.io/v1alpha3"),
    "VirtualMachine": ("kubevirt.io/v1", "kubevirt.io/v1alpha3"),
    "KubeVirt": ("kubevirt.io/v1", "kubevirt.io/v1alpha3"),
    "Pod": ("v1",),
}
SKIPPED = {"Snapshot": (OURS,)}  # what we wrote ourselves, beside the state files
KUBERNETES = re.compile(r"(?:[a-z0-9.-]+/)?v[0-9]+(?:(?:alpha|beta)[0-9]+)?")
_NAMED = [f"{kind} ({versions[0]})" for kind, versions in READ.items()]
KINDS = f"the kinds are {', '.join(_NAMED[:-1])} and {_NAMED[-1]}"


@dataclass(frozen=True, slots=True)
class Document:
    """`clear`: no mistake of the YAML lies in it, so that what it says is sure."""

    kind: str
    source: Source
    root: Mapping
    clear: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a file: documents with their kind, kinds passed over with their places, and what is wrong."""

    documents: tuple[tuple[str, Mapping], ...]
    foreign: tuple[tuple[str, Span], ...]
    diagnostics: tuple[Diagnostic, ...]


def sort_out(source: Source, roots: list[Node]) -> Found:
    documents: list[tuple[str, Mapping]] = []
    foreign: list[tuple[str, Span]] = []
    diagnostics: list[Diagnostic] = []
    for node in _opened(roots):
        if not isinstance(node, Mapping):
            detail = f"a document is {shown(node)}, not a mapping\n{KINDS}"
            diagnostics.append(source.diagnostic(node, "Not a document", detail))
            continue
        kind, version = text(node, "kind"), text(node, "apiVersion")
        if kind in READ and version in READ[kind]:
            documents.append((kind, node))
        elif kind in SKIPPED and version in SKIPPED[kind]:
            continue
        elif _of_kubernetes(kind, version):
            foreign.append((str(kind), get(node, "kind") or node))
        else:
            diagnostics.append(_unknown(source, node, kind, version))
    return Found(tuple(documents), tuple(foreign), tuple(diagnostics))


def _opened(roots: list[Node]) -> Iterator[Node]:
    for node in roots:
        if is_null(node):
            continue
        listed = get(node, "items")
        if isinstance(listed, Sequence) and _is_list(text(node, "kind")):
            yield from _opened(list(listed.items))
        else:
            yield node


def _is_list(kind: str | None) -> bool:
    return kind == "List" or kind in {f"{known}List" for known in READ}


def _of_kubernetes(kind: str | None, version: str | None) -> bool:
    if not kind or version is None or not KUBERNETES.fullmatch(version):
        return False
    return kind not in READ and not version.startswith("net.converge/")


def _unknown(source: Source, node: Mapping, kind: str | None, version: str | None) -> Diagnostic:
    if kind in READ and not version:
        detail = f"{kind} without apiVersion\nwrite apiVersion: {READ[kind][0]}"
        return source.diagnostic(get(node, "kind") or node, "Unknown document", detail)
    if kind in READ or kind in SKIPPED:
        versions = " or ".join({**READ, **SKIPPED}[kind])
        span = get(node, "apiVersion") or node
        detail = f"{kind} of apiVersion {shown(span)} is not known\nwrite apiVersion: {versions}"
        return source.diagnostic(span, "Unknown document", detail)
    found = get(node, "kind")
    if found is None:
        detail = f"the document has no kind\n{KINDS}"
        return source.diagnostic(node.entries["kind"].key if "kind" in node.entries else node, "Unknown document", detail)
    near = nearest(kind or "", READ)
    hint = f"did you mean {near}? " if near else ""
    return source.diagnostic(found, "Unknown document", f"kind {shown(found)} is not one of converge's\n{hint}{KINDS}")


def skipped_note(source: Source, foreign: tuple[tuple[str, Span], ...]) -> Iterator[Diagnostic]:
    """One note a file, however many there are."""
    if foreign:
        kinds = ", ".join(sorted({kind for kind, _ in foreign}))
        count = f"{len(foreign)} documents" if len(foreign) > 1 else "a document"
        detail = f"skipped {count} of other kinds: {kinds}\n{KINDS}"
        yield source.diagnostic(foreign[0][1], "Other kinds skipped", detail, severity=Severity.NOTE)
