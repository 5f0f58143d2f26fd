"""From PATH to the documents that a verb is about. A bad document stops the run here, before any pod is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converge.cli.arguments import Namespace, UsageError
from converge.documents import load
from converge.documents.load import Loaded
from converge.model import GuestNetwork
from converge.sources.directory import read

DEFAULT = "states/"


def loaded(arguments: Namespace) -> Loaded:
    """Everything under the paths, what could not be read included."""
    found = read(arguments.paths or [DEFAULT])
    documents = load(found.texts)
    return Loaded(documents.documents, (*found.diagnostics, *documents.diagnostics), found.texts)


def chosen(arguments: Namespace) -> Loaded:
    """Only the documents that were asked for. Raises UsageError when one that was named is not there."""
    everything = loaded(arguments)
    if not everything.valid:
        return everything
    missing = [name for name in arguments.only if name not in {each.full_name for each in everything.documents}]
    if missing:
        known = ", ".join(each.full_name for each in everything.documents[:5])
        raise UsageError(f"no document is called {missing[0]}; there are: {known or 'none'}")
    return replace(everything, documents=tuple(matching(everything.documents, arguments)))


def matching(documents: tuple[GuestNetwork, ...], arguments: Namespace) -> Iterator[GuestNetwork]:
    wanted = [pair for labels in arguments.selector for pair in labels.items()]
    for document in documents:
        named = not arguments.only or document.full_name in arguments.only
        if named and all(document.labels.get(key) == value for key, value in wanted):
            yield document
