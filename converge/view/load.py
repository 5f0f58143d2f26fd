"""Texts -> snapshots, with everything that is wrong found before anything is returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from converge import __version__
from converge.documents.compose import compose
from converge.documents.envelope import OURS
from converge.documents.fields import get, text
from converge.documents.nodes import Mapping, Node, Sequence, is_null, shown
from converge.documents.text import Source, decode
from converge.model import Diagnostic, Key, Observation, Resources, Severity, Snapshot, Text
from converge.resources.sysctl import RELEASE, Sysctl
from converge.view.reading import Wrong, as_bytes_were, read, value_of
from converge.view.snapshot import KIND, TARGETS, TIME

Value = TypeVar("Value")
SUMMARY = "Not a snapshot"
KEYS = (
    *("apiVersion", "kind", "metadata", "taken", "converge", "target", "kernel"),
    *("resolvConf", "sysctls", "resources", "complete"),
)
STANDINS = {True: "dummy", False: "ifb"}


@dataclass(frozen=True, slots=True)
class Snapshots:
    """By namespace/name, and what is wrong with those that are not here."""

    by_name: dict[str, Snapshot]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def valid(self) -> bool:
        return not any(each.severity is Severity.ERROR for each in self.diagnostics)


def load(found: Iterable[Text]) -> Snapshots:
    """All snapshots in these files. Documents of another kind are passed over: snapshots may lie beside state files."""
    by_name: dict[str, Snapshot] = {}
    diagnostics: list[Diagnostic] = []
    for each in found:
        source, wrong = decode(each)
        roots, more = ([], []) if wrong else compose(source)
        diagnostics += [*wrong, *more]
        for root in roots if not more else ():
            snapshot, wrong = _one(source, root)
            diagnostics += wrong
            if snapshot is None:
                continue
            other = by_name.setdefault(snapshot.full_name, snapshot)
            if other is not snapshot:
                detail = f"a snapshot of {snapshot.full_name} is also in {other.at}\nleave one of them out"
                diagnostics.append(source.diagnostic(get(root, "metadata") or root, "Duplicate snapshot", detail))
    return Snapshots(by_name, tuple(diagnostics))


def _one(source: Source, root: Node) -> tuple[Snapshot | None, list[Diagnostic]]:
    if is_null(root):
        return None, []
    if not isinstance(root, Mapping) or get(root, "kind") is None:
        return None, [
            source.diagnostic(root, SUMMARY, "a document without kind\na snapshot begins with apiVersion and kind: Snapshot")
        ]
    if text(root, "kind") != KIND:
        return None, []
    wrong = _envelope(source, root)
    if wrong:
        return None, wrong
    parts = _Parts(source, root)
    snapshot = parts.snapshot()
    return (None if parts.wrong else snapshot), [_of_version(each, text(root, "converge")) for each in parts.wrong]


def _of_version(wrong: Diagnostic, version: str | None) -> Diagnostic:
    if version in (None, __version__):
        return wrong
    return replace(wrong, detail=f"{wrong.detail}\nconverge {version} wrote it, this is {__version__}; take the snapshot again")


def _envelope(source: Source, root: Mapping) -> list[Diagnostic]:
    if text(root, "apiVersion") != OURS:
        span = get(root, "apiVersion") or root
        detail = f"a snapshot of apiVersion {shown(span)} is not known\nthis version reads {OURS}; take the snapshot again"
        return [source.diagnostic(span, SUMMARY, detail)]
    strange = [entry.key for name, entry in root.entries.items() if name not in KEYS]
    advice = "is no part of a snapshot\nanother version may have written it; take it again"
    wrong = [source.diagnostic(key, SUMMARY, f"{shown(key)} {advice}") for key in strange]
    missing = [name for name in KEYS if name not in root.entries]
    if missing == ["complete"] or missing[-2:] == ["resources", "complete"]:
        detail = "the snapshot is cut off: its last line, `complete: true`, is missing\ntake it again"
        return [*wrong, source.diagnostic(root, SUMMARY, detail)]
    return [*wrong, *(source.diagnostic(root, SUMMARY, f"the snapshot has no {name}\ntake it again") for name in missing)]


class _Parts:
    """The parts of one snapshot; what is wrong is collected, and the part then is None."""

    def __init__(self, source: Source, root: Mapping) -> None:
        self.source, self.root = source, root
        self.wrong: list[Diagnostic] = []

    def part(self, name: str, read_it: Callable[[Node], Value]) -> Value | None:
        try:
            return read_it(self.root.entries[name].value)
        except Wrong as wrong:
            self.wrong.append(self.source.diagnostic(wrong.at, SUMMARY, f"{name}: {wrong.detail}"))
            return None

    def snapshot(self) -> Snapshot | None:
        metadata = self.part("metadata", lambda node: [_field(node, name, str) for name in ("namespace", "name")])
        taken = self.part("taken", _time)
        version = self.part("converge", lambda node: str(value_of(node, str)))
        target = self.part("target", _target)
        kernel = self.part("kernel", _kernel)
        resolv = self.part("resolvConf", lambda node: {path: "\n".join(lines) for path, lines in _map(node, tuple[str, ...])})
        sysctls = self.part("sysctls", lambda node: dict(_map(node, str | None)))
        resources = self.part("resources", self.resources)
        self.part("complete", lambda node: value_of(node, bool))
        if metadata is None or taken is None or version is None or target is None or kernel is None:
            return None
        if resolv is None or sysctls is None or resources is None:
            return None
        release, dummy, br_netfilter = kernel
        resources[Key("sysctl", "", RELEASE)] = Sysctl(release)
        seen = Observation(resources, sysctls, resolv, STANDINS[dummy])
        at = self.source.position(self.root)
        return Snapshot(metadata[0], metadata[1], taken, version, target, release, dummy, br_netfilter, seen, at)

    def resources(self, node: Node) -> Resources:
        if not isinstance(node, Sequence):
            raise Wrong(node, f"{shown(node)} is not a list")
        found, wrong = read(self.source, node)
        self.wrong += wrong
        return found


def _field(node: Node, name: str, wanted: Any) -> Any:
    if not isinstance(node, Mapping) or name not in node.entries:
        raise Wrong(node, f"{name} is missing")
    return value_of(node.entries[name].value, wanted)


def _map(node: Node, wanted: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(node, Mapping):
        raise Wrong(node, f"{shown(node)} is not a mapping")
    return [(as_bytes_were(name), value_of(entry.value, wanted)) for name, entry in node.entries.items()]


def _time(node: Node) -> datetime:
    try:
        return datetime.strptime(value_of(node, str), TIME).replace(tzinfo=UTC)
    except ValueError:
        raise Wrong(node, f"{shown(node)} is not a time, as 2026-11-24T17:00:00Z") from None


def _target(node: Node) -> tuple[str, str]:
    found = list(_map(node, str))
    if len(found) != 1 or found[0][0] not in TARGETS:
        raise Wrong(node, f"a target is one of {', '.join(TARGETS)}")
    return found[0]


def _kernel(node: Node) -> tuple[str, bool, bool]:
    return _field(node, "release", str), _field(node, "dummy", bool), _field(node, "brNetfilter", bool)
