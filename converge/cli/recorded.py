"""Plans that are not made from a look at the pods: from snapshots (--from), and of what a change of the documents does (--base).

Nothing here, nor what it imports, needs the kernel, pyroute2 or nftables; only --base without --from looks at the pods.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from converge.cli.arguments import Namespace, UsageError
from converge.cli.documents import DEFAULT, matching
from converge.cli.looking import Looked, needs_everything
from converge.cli.screen import Screen
from converge.cli.writing import write
from converge.documents import load as load_documents
from converge.documents.load import Loaded
from converge.model import Diagnostic, GuestNetwork, Result, Severity, Snapshot
from converge.sources.directory import read
from converge.view import offline
from converge.view.load import load
from converge.view.proposal import Proposal, propose
from converge.view.snapshot import now


def look(asked: Loaded, arguments: Namespace, screen: Screen) -> Looked | None:
    """None: stopped, and it was said why."""
    start = time.monotonic()
    base, commit, told = _base(arguments) if getattr(arguments, "base", None) else ((), "", ())
    documents = {each.full_name: each for each in (*base, *asked.documents)}
    found = _snapshots(arguments, screen, documents.values())
    if found is None:
        return None
    snapshots, more, signal = found
    told = (*asked.diagnostics, *told, *more)
    proposal = None
    if commit:
        results, already = propose(base, asked.documents, snapshots, now(), adopt=arguments.adopt)
        proposal = Proposal(arguments.base, commit, ", ".join(arguments.paths or [DEFAULT]), _live(results, arguments), already)
        results = proposal.results
    else:
        results = tuple(offline.plans(_wanted(asked.documents, snapshots, arguments), snapshots, now(), adopt=arguments.adopt))
        told = (*told, *_ignored(snapshots, results))
    return Looked(results, told, (time.monotonic() - start) * 1000, signal, proposal, asked.texts)


def _wanted(documents: Iterable[GuestNetwork], snapshots: Mapping[str, Snapshot], arguments: Namespace) -> list[GuestNetwork]:
    found = [replace(each, nics=()) if getattr(arguments, "unwire", False) else each for each in documents]
    if not getattr(arguments, "prune", False):
        return found
    needs_everything(arguments)
    left = offline.orphans(found, snapshots)
    if left and len(left) == len(snapshots) and not arguments.allow_empty:
        raise UsageError(f"--prune would unwire all {len(left)} pods of the snapshots; say --allow-empty if that is meant")
    return found + left


def _ignored(snapshots: Mapping[str, Snapshot], results: Iterable[Result]) -> Iterable[Diagnostic]:
    names = sorted(snapshots.keys() - {result.document.full_name for result in results})
    if names:
        detail = f"{len(names)} of the snapshots are of pods that no document asked for is about: {', '.join(names[:5])}"
        yield Diagnostic("snapshots without document", detail, severity=Severity.NOTE)


# ----------------------------------------------------------------------------------------------------- snapshots


def _snapshots(
    arguments: Namespace, screen: Screen, documents: Iterable[GuestNetwork]
) -> tuple[Mapping[str, Snapshot], tuple[Diagnostic, ...], int] | None:
    """By namespace/name, what there is to say about them, and the signal that ended taking them."""
    if not arguments.snapshots:
        return _taken(list(documents), arguments)
    texts = read(arguments.snapshots)
    found = load(texts.texts)
    told = (*texts.diagnostics, *found.diagnostics)
    if any(each.severity is Severity.ERROR for each in told):
        screen.problems(told)
        return None
    if not found.by_name:
        raise UsageError(f"--from {' '.join(arguments.snapshots)}: no snapshot is there; `converge snapshot` takes one")
    return found.by_name, told, 0


def _taken(
    documents: list[GuestNetwork], arguments: Namespace
) -> tuple[Mapping[str, Snapshot], tuple[Diagnostic, ...], int] | None:
    from converge.cli.running import lacks_rights, record_all

    reason = lacks_rights()
    if reason is not None:
        write(sys.stderr, [f"converge: {reason}, or name snapshots with --from"])
        return None
    found, signal = record_all(documents, arguments)
    snapshots = {each.full_name: each for each in found if isinstance(each, Snapshot)}
    return snapshots, tuple(each for each in found if isinstance(each, Diagnostic)), signal


def _live(results: tuple[Result, ...], arguments: Namespace) -> tuple[Result, ...]:
    """A look of this moment has no age."""
    return results if arguments.snapshots else tuple(replace(result, recorded=None) for result in results)


# ---------------------------------------------------------------------------------------------------------- base


def _base(arguments: Namespace) -> tuple[tuple[GuestNetwork, ...], str, tuple[Diagnostic, ...]]:
    """The documents of the revision, its commit, and what is wrong with them: that is no reason not to look at what mends it."""
    from converge.sources import git

    if getattr(arguments, "prune", False) or getattr(arguments, "unwire", False):
        raise UsageError("--base shows what the change of the documents does; leave --prune and --unwire out")
    try:
        found = git.read(arguments.base, arguments.paths or [DEFAULT])
    except git.GitError as error:
        raise UsageError("; ".join(str(error).split("\n"))) from None
    loaded = load_documents(found.texts)
    told = [replace(each, severity=Severity.WARNING) for each in loaded.diagnostics if each.severity is Severity.ERROR]
    return tuple(matching(loaded.documents, arguments)), found.commit, (*found.diagnostics, *told)
