"""Texts -> documents: the whole way, over all files, with everything that is wrong found before anything is returned.

    bytes -decode-> text -compose-> nodes -sort_out-> documents -read-> Draft -check-> diagnostics, or -build-> GuestNetwork

Schema and checks look at the same nodes on their own. Where both object to one value, the check's words are kept: it knows
why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from converge.documents import guest_network, kubevirt
from converge.documents.build import build
from converge.documents.check_identity import check_identity, normal
from converge.documents.check_interfaces import check_interfaces
from converge.documents.check_networks import check_networks
from converge.documents.compose import compose
from converge.documents.dns import check_dns
from converge.documents.draft import Draft, full_name
from converge.documents.envelope import skipped_note, sort_out
from converge.documents.fields import get, text
from converge.documents.nodes import Mapping as MappingNode
from converge.documents.queues import check_queues
from converge.documents.schema import certainly_valid, plain, schema
from converge.documents.text import Source, decode
from converge.model import Diagnostic, GuestNetwork, Position, Severity, Text


@dataclass(frozen=True, slots=True)
class Loaded:
    """`documents` are those without an error of their own, in the order of the texts; `diagnostics` are sorted by place."""

    documents: tuple[GuestNetwork, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def valid(self) -> bool:
        return not any(each.severity is Severity.ERROR for each in self.diagnostics)


# What the schema says of a value even where a check objects to it: these concern something else than the value's meaning.
BESIDES = frozenset({"Missing key", "Control character"})
READERS: Mapping[str, Callable[[Source, MappingNode], Draft]] = {
    "GuestNetwork": guest_network.read,
    "VirtualMachineInstance": kubevirt.read,
}
CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_identity,
    check_networks,
    check_interfaces,
    check_queues,
    check_dns,
)
OWN_CHECKS: Mapping[str, Callable[[Draft], Iterator[Diagnostic]]] = {"VirtualMachineInstance": kubevirt.check}


def load(sources: Iterable[Text]) -> Loaded:
    """Every document of every text, and everything that is wrong with them and between them."""
    documents: list[GuestNetwork] = []
    drafts: list[Draft] = []
    diagnostics: list[Diagnostic] = []
    for each in sources:
        source, wrong = decode(each)
        diagnostics += wrong
        if not wrong:
            _load_one(source, documents, drafts, diagnostics)
    diagnostics += [*_names_twice(drafts), *_pods_twice(drafts)]
    return Loaded(tuple(documents), tuple(sorted(diagnostics, key=_place)))


def _load_one(source: Source, documents: list[GuestNetwork], drafts: list[Draft], diagnostics: list[Diagnostic]) -> None:
    roots, wrong = compose(source)
    found = sort_out(source, roots)
    diagnostics += [*wrong, *found.diagnostics, *skipped_note(source, found.foreign)]
    unclear = [each.at for each in wrong if each.at is not None]
    for kind, root in found.documents:
        draft, wrong = checked(source, kind, root)
        diagnostics += wrong
        drafts.append(draft)
        if not any(each.severity is Severity.ERROR for each in wrong) and not _holds(source.position(root), unclear):
            documents.append(build(draft))


def _holds(document: Position, places: list[Position]) -> bool:
    """Whether a mistake of the YAML (a key that stands twice) lies in a document, which then says nothing for sure."""
    start, end = (document.line, document.column), (document.end_line, document.end_column)
    return any(start <= (at.line, at.column) <= end for at in places)


def checked(source: Source, kind: str, root: MappingNode) -> tuple[Draft, list[Diagnostic]]:
    draft = READERS[kind](source, root)
    wrong = [each for check in CHECKS for each in check(draft)]
    if kind in OWN_CHECKS:
        wrong += OWN_CHECKS[kind](draft)
    taken = {each.at for each in wrong if each.severity is Severity.ERROR}
    by_schema = [each for each in _by_schema(source, kind, root) if each.at not in taken or each.summary in BESIDES]
    kept = [each for each in wrong if each.severity is Severity.ERROR or each.at not in taken]
    return draft, _unique([*kept, *by_schema])


def _by_schema(source: Source, kind: str, root: MappingNode) -> list[Diagnostic]:
    about = schema(kind)
    value = plain(root, about)
    if certainly_valid(value, about):
        return []
    from converge.documents.schema_errors import schema_errors

    return list(schema_errors(source, root, about, value))


def _unique(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Aliases let one place stand in several parts of a document: it is reported once."""
    return list({(each.at, each.summary, each.detail): each for each in diagnostics}.values())


def _names_twice(drafts: list[Draft]) -> Iterator[Diagnostic]:
    seen: dict[str, Draft] = {}
    for draft in drafts:
        node = get(draft.root, "metadata", "name")
        if node is None or (name := full_name(draft)) is None:
            continue
        if other := seen.get(name):
            detail = f"{name} is also in {_where(other)}\na document's name is unique in its namespace"
            yield draft.source.diagnostic(node, "Duplicate document", detail)
        seen.setdefault(name, draft)


def _pods_twice(drafts: list[Draft]) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        for wish in draft.targets:
            pod = normal(wish.how, text(wish.value) or "")
            if pod is None or not pod[1]:
                continue
            if other := seen.get(pod):
                detail = f"{wish.how} {text(wish.value)} is also the target of {full_name(other)} ({_where(other)})"
                right = "put all NICs of a pod into one document"
                yield draft.source.diagnostic(wish.value, "Two documents for one pod", f"{detail}\n{right}")
            seen.setdefault(pod, draft)


def _where(draft: Draft) -> str:
    return f"{draft.source.filename}:{draft.source.position(draft.root).line}"


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    at = diagnostic.at
    return (at.filename, at.line, at.column, diagnostic.summary) if at else ("", 0, 0, diagnostic.summary)
