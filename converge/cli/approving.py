"""`apply --plan FILE`: planned again, from the documents and the pods as they are, and applied if it is the approved plan.

Twice it is compared: for all pods before the first is touched, so that a stale plan changes nothing at all; and for each pod
again under its lock, so that what is applied is what was approved. Nothing in the file is ever done.
"""

from __future__ import annotations

from dataclasses import replace

from converge.cli.arguments import Namespace, UsageError
from converge.cli.documents import chosen
from converge.cli.looking import Looked, look_at, said, wanted
from converge.cli.screen import Screen
from converge.model import Diagnostic, Outcome, Result, Severity, Text
from converge.report import Json
from converge.report.approval import MOST_BYTES, Approval, changed_documents, left_out, objections, read


def look(arguments: Namespace, screen: Screen) -> Looked | None:
    """Applied, or with every pod refused. None: stopped, and it was said why."""
    approval = _approval(arguments.plan)
    if isinstance(approval, Diagnostic):
        screen.problems([approval])
        return None
    asked = chosen(arguments)
    if not asked.valid:
        screen.problems(asked.diagnostics)
        return None
    documents = wanted(asked.documents, arguments)
    first = said(look_at(documents, asked.diagnostics, arguments, apply=False))
    if first is None or first.signal:
        return first
    against = {result.document.full_name: _against(approval, result) for result in first.results}
    missing = tuple(left_out(approval, against))
    if missing or any(against.values()) or any(result.outcome is Outcome.REFUSED for result in first.results):
        changed = tuple(changed_documents(approval, asked.texts, Severity.ERROR))
        results = tuple(_refused(result, against[result.document.full_name]) for result in first.results)
        return replace(first, results=results, about_files=(*first.about_files, *missing, *changed))
    told = (*asked.diagnostics, *changed_documents(approval, asked.texts, Severity.NOTE))
    return said(look_at(documents, told, arguments, apply=True, approve=lambda result: _against(approval, result)))


def _approval(path: str) -> Approval | Diagnostic:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the plan {path} cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"the plan {path} has more than {MOST_BYTES >> 20} MiB")
    return read(Text(path, data))


def _against(approval: Approval, result: Result) -> tuple[Diagnostic, ...]:
    if result.outcome is Outcome.REFUSED:
        return ()
    return objections(approval, _pod(result), result.document.at)


def _pod(result: Result) -> Json:
    from converge.report import document

    found: Json = document.planned([result])["pods"][0]
    return found


def _refused(result: Result, objections: tuple[Diagnostic, ...]) -> Result:
    return replace(result, outcome=Outcome.REFUSED, diagnostics=(*result.diagnostics, *objections))
