"""Texts -> documents: the whole way, over all files, with everything that is wrong found before anything is returned.

    bytes -decode-> text -compose-> nodes -sort_out-> documents     of every file; and then, with what is around them,
    documents -read-> Draft -check-> diagnostics, or -build-> GuestNetwork

Every text is parsed once: what is around a draft (KubeVirt and Pod documents of any file) is read from nodes that are already
there, so the order of files means nothing. Schema and checks look at the same nodes on their own. Where both object to one
value, the check's words are kept: it knows why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from converge.documents import guest_network, kubevirt
from converge.documents.around import Around, around, placed
from converge.documents.between import names_twice, pods_twice, running, superseded
from converge.documents.build import build
from converge.documents.check_identity import check_identity
from converge.documents.check_interfaces import check_interfaces
from converge.documents.check_networks import check_networks
from converge.documents.compose import compose
from converge.documents.dns import check_dns
from converge.documents.draft import Draft
from converge.documents.envelope import Document, skipped_note, sort_out
from converge.documents.nodes import Mapping as MappingNode
from converge.documents.queues import check_queues
from converge.documents.schema import certainly_valid, plain, schema
from converge.documents.text import Source, decode
from converge.model import Diagnostic, GuestNetwork, Position, Severity, Text


@dataclass(frozen=True, slots=True)
class Loaded:
    """`documents` are those without an error of their own, in the order of the texts; `diagnostics` are sorted by place.
    `texts`: what was read, where whoever loads keeps it.
    """

    documents: tuple[GuestNetwork, ...]
    diagnostics: tuple[Diagnostic, ...]
    texts: tuple[Text, ...] = ()

    @property
    def valid(self) -> bool:
        return not any(each.severity is Severity.ERROR for each in self.diagnostics)


# What the schema says of a value even where a check objects to it: these concern something else than the value's meaning.
BESIDES = frozenset({"Missing key", "Control character"})
READERS: Mapping[str, Callable[[Source, MappingNode], Draft]] = {
    "GuestNetwork": guest_network.read,
    "VirtualMachineInstance": kubevirt.read,
    "VirtualMachine": kubevirt.read_machine,
}
CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_identity,
    check_networks,
    check_interfaces,
    check_queues,
    check_dns,
)
OWN_CHECKS: Mapping[str, Callable[[Draft], Iterator[Diagnostic]]] = {
    "VirtualMachineInstance": kubevirt.check,
    "VirtualMachine": kubevirt.check,
}


def load(sources: Iterable[Text]) -> Loaded:
    """Every document of every text, and everything that is wrong with them and between them."""
    found, diagnostics = _found(sources)
    surroundings, wrong = around(found)
    diagnostics += wrong
    for each in found:
        if each.kind not in READERS:
            diagnostics += _by_schema(each.source, each.kind, each.root)
    read = [(each, READERS[each.kind](each.source, each.root)) for each in found if each.kind in READERS]
    instances = running(draft for each, draft in read if each.kind == "VirtualMachineInstance")
    documents: list[GuestNetwork] = []
    drafts: list[Draft] = []
    for each, draft in read:
        if each.kind == "VirtualMachine" and (instance := superseded(draft, instances)):
            diagnostics.append(instance)
            continue
        whole, wrong = checked(each, draft, surroundings)
        diagnostics += wrong
        drafts.append(whole)
        if each.clear and not any(problem.severity is Severity.ERROR for problem in wrong):
            documents.append(build(whole))
    diagnostics += [*names_twice(drafts), *pods_twice(drafts)]
    return Loaded(tuple(documents), tuple(sorted(diagnostics, key=_place)))


def _found(sources: Iterable[Text]) -> tuple[list[Document], list[Diagnostic]]:
    """The documents of all files, whatever their kind."""
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    for each in sources:
        source, wrong = decode(each)
        diagnostics += wrong
        if wrong:
            continue
        roots, wrong = compose(source)
        found = sort_out(source, roots)
        diagnostics += [*wrong, *found.diagnostics, *skipped_note(source, found.foreign)]
        unclear = [problem.at for problem in wrong if problem.at is not None]
        for kind, root in found.documents:
            documents.append(Document(kind, source, root, clear=not _holds(source.position(root), unclear)))
    return documents, diagnostics


def _holds(document: Position, places: Sequence[Position]) -> bool:
    """Whether a mistake of the YAML (a key that stands twice) lies in a document, which then says nothing for sure."""
    start, end = (document.line, document.column), (document.end_line, document.end_column)
    return any(start <= (at.line, at.column) <= end for at in places)


def checked(document: Document, draft: Draft, surroundings: Around) -> tuple[Draft, list[Diagnostic]]:
    """The draft with what is around it, and all that is wrong with it."""
    draft, wrong = placed(draft, surroundings)
    wrong += [each for check in CHECKS for each in check(draft)]
    if document.kind in OWN_CHECKS:
        wrong += OWN_CHECKS[document.kind](draft)
    taken = {each.at for each in wrong if each.severity is Severity.ERROR}
    by_schema = _by_schema(document.source, document.kind, document.root)
    by_schema = [each for each in by_schema if each.at not in taken or each.summary in BESIDES]
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


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    at = diagnostic.at
    return (at.filename, at.line, at.column, diagnostic.summary) if at else ("", 0, 0, diagnostic.summary)
