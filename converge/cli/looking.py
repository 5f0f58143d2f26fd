"""What plan, diff, apply and check have in common: documents in, results out, or the exit code of why not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from converge.cli.arguments import Namespace, UsageError
from converge.cli.documents import chosen
from converge.cli.screen import Screen
from converge.cli.writing import write
from converge.model import Diagnostic, GuestNetwork, Result, Text

if TYPE_CHECKING:
    from converge.view.proposal import Proposal

Approve = Callable[[Result], tuple[Diagnostic, ...]]
"""See converge.reconcile.pod."""


@dataclass(frozen=True, slots=True)
class Looked:
    """`about_files`: what there is to say about documents that stopped nothing. `signal`: what ended the run early, or 0."""

    results: tuple[Result, ...]
    about_files: tuple[Diagnostic, ...]
    duration_ms: float
    signal: int
    proposal: Proposal | None = None
    texts: tuple[Text, ...] = ()


def look(arguments: Namespace, screen: Screen, *, apply: bool = False, logs: bool = False) -> Looked | None:
    """None: stopped before any pod was touched, and it was said why."""
    asked = chosen(arguments)
    if not asked.valid:
        screen.problems(asked.diagnostics)
        return None
    if getattr(arguments, "snapshots", None) or getattr(arguments, "base", None):
        from converge.cli import recorded

        return recorded.look(asked, arguments, screen)
    documents = wanted(asked.documents, arguments)
    looked = said(look_at(documents, asked.diagnostics, arguments, apply=apply, logs=logs))
    return looked and replace(looked, texts=asked.texts)


def wanted(documents: Iterable[GuestNetwork], arguments: Namespace) -> list[GuestNetwork]:
    """The documents as --unwire and --prune want them."""
    found = [replace(each, nics=()) if getattr(arguments, "unwire", False) else each for each in documents]
    return found + pruned(arguments, found) if getattr(arguments, "prune", False) else found


def said(looked: Looked | str) -> Looked | None:
    """Say why no pod can be looked at."""
    if isinstance(looked, str):
        write(sys.stderr, [f"converge: {looked}"])
        return None
    return looked


def look_at(
    documents: Sequence[GuestNetwork],
    about_files: tuple[Diagnostic, ...],
    arguments: Namespace,
    *,
    apply: bool,
    logs: bool = False,
    approve: Approve | None = None,
) -> Looked | str:
    """The same for documents that are known to be valid; text says why no pod can be looked at."""
    if not documents:
        return Looked((), about_files, 0.0, 0)
    # Only now: this import is most of what a run costs, and a mistake in a document should not wait for it.
    from converge.cli.running import lacks_rights, run_all

    reason = lacks_rights()
    if reason is not None:
        return reason
    start = time.monotonic()
    results, signal = run_all(documents, arguments, apply=apply, logs=logs, approve=approve)
    return Looked(tuple(results), about_files, (time.monotonic() - start) * 1000, signal)


def pruned(arguments: Namespace, documents: Sequence[GuestNetwork]) -> list[GuestNetwork]:
    """Pods of ours that no document names, as documents without NICs. Decided from everything under PATH, so what would hide a
    part of it is refused; and so is what would unwire every pod, unless that is said to be meant.
    """
    needs_everything(arguments)
    from converge.reconcile import Unknown, orphans

    try:
        found, marked = orphans(documents)
    except Unknown as error:
        raise UsageError(f"--prune needs to know where every document's pod is: {error}") from error
    if found and len(found) == marked and not arguments.allow_empty:
        raise UsageError(f"--prune would unwire all {marked} pods that carry our marks; say --allow-empty if that is meant")
    return found


def needs_everything(arguments: Namespace) -> None:
    partial = arguments.only or arguments.selector or any(path == "-" or not os.path.isdir(path) for path in arguments.paths)
    if partial:
        raise UsageError("--prune needs all documents: a directory, and neither --only nor --selector, nor -, nor a single file")


def ended(looked: Looked, code: int) -> int:
    return 128 + looked.signal if looked.signal else code
