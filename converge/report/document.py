"""The public JSON value of plan, apply and check. Readers must refuse another major `format_version`; minors only add.

plan    pods with changes and operations, a summary, diagnostics
apply   the same, and for each pod what became of it
check   the same, and for each pod its NICs, each in sync or not
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from converge import __version__
from converge.model import Diagnostic, GuestNetwork, Outcome, Recorded, Result, Severity, Target
from converge.report import Json
from converge.report.diagnostics import as_json

if TYPE_CHECKING:
    from converge.view.proposal import Proposal

FORMAT = "1.0"
ACTIONS = ("create", "update", "delete")


def planned(results: Sequence[Result], about_files: Sequence[Diagnostic] = ()) -> Json:
    """`about_files`: what loading the documents had to say."""
    pods = [_pod(result) for result in results]
    return _document(pods, results, about_files, pods)


def proposed(proposal: Proposal, about_files: Sequence[Diagnostic] = ()) -> Json:
    """A plan of what a change of the documents does. `already`, for each pod: the differences that are there without it."""
    found = planned(proposal.results, about_files)
    pods = [{**pod, "already": proposal.already[pod["document"]]} for pod in found["pods"]]
    base = {"revision": proposal.base, "commit": proposal.commit, "head": proposal.head}
    return {**found, "pods": pods, "base": base}


def applied(results: Sequence[Result], about_files: Sequence[Diagnostic] = (), duration_ms: float = 0.0) -> Json:
    """The summary counts what was done: changes of pods that were applied and verified."""
    pods = [{**_pod(result), **_outcome(result)} for result in results]
    done = [pod for pod in pods if pod["result"] == Outcome.APPLIED.value]
    document = _document(pods, results, about_files, done)
    return {**document, "duration_ms": round(duration_ms, 1)}


def checked(results: Sequence[Result], about_files: Sequence[Diagnostic] = ()) -> Json:
    pods = []
    for result in results:
        pod = _pod(result)
        pods.append({**pod, "nics": _nics(result, pod["changes"])})
    return _document(pods, results, about_files, pods)


def _document(pods: list[Json], results: Sequence[Result], about_files: Sequence[Diagnostic], counted: list[Json]) -> Json:
    of_pods = [as_json(diagnostic, result.document.full_name) for result in results for diagnostic in result.diagnostics]
    return {
        "format_version": FORMAT,
        "tool_version": __version__,
        "pods": pods,
        "summary": _summary(pods, counted),
        "diagnostics": [*map(as_json, about_files), *of_pods],
    }


def _summary(pods: list[Json], counted: list[Json]) -> Json:
    actions = [change["action"] for pod in counted for change in pod["changes"]]
    return {
        **{action: actions.count(action) for action in ACTIONS},
        "unchanged": sum(pod["unchanged"] for pod in pods),
        "pods": len(pods),
        "pods_changed": sum(bool(pod["changes"]) for pod in counted),
    }


def _pod(result: Result) -> Json:
    document = result.document
    return {
        "document": document.full_name,
        "source": f"{document.at.filename}:{document.at.line}",
        "netns": netns(document.target),
        **_as_pod(document.target),
        "changes": _changes(result),
        "operations": [str(step.operation) for step in result.plan.steps],
        "unchanged": result.plan.unchanged,
    } | ({} if result.recorded is None else {"snapshot": _recorded(result.recorded)})


def _recorded(recorded: Recorded) -> Json:
    return {"taken": recorded.taken.strftime("%Y-%m-%dT%H:%M:%SZ"), "age_seconds": recorded.age}


def _changes(result: Result) -> list[Json]:
    """Most looks find none: what tells them need not be imported then."""
    if not result.plan.changes:
        return []
    from converge.report.changes import changes

    return changes(result)


def _as_pod(target: Target) -> Json:
    """Only of a target that Kubernetes names: which pod, and how its namespace was found ("" where it was not)."""
    named = target.pod or (target.value if target.how == "pod" else "")
    return {"pod": named, "pod_uid": target.uid, "found": target.found} if named else {}


def netns(target: Target) -> str:
    """A name under /run/netns or an absolute path, as a document may say it; "" for a pod that was not found."""
    if target.how == "pod":
        return ""
    return f"/proc/{target.value}/ns/net" if target.how == "pid" else target.value


def _outcome(result: Result) -> Json:
    errors = [d.detail.partition("\n")[0] for d in result.diagnostics if d.severity is Severity.ERROR]
    return {
        "result": result.outcome.value,
        "error": "; ".join(errors) or None,
        "duration_ms": round(result.duration_ms, 1),
    }


def _nics(result: Result, made: list[Json]) -> list[Json]:
    """Every NIC of the document, and those that only differences know; None is the pod as a whole."""
    refused = result.outcome is Outcome.REFUSED
    lost = [d.nic for d in result.diagnostics if d.severity is Severity.WARNING and d.summary == "facts lost"]
    concerned = [change["nic"] for change in made]
    names: dict[str | None, None] = dict.fromkeys([*_nic_names(result.document), *concerned, *lost])
    return [
        {
            "name": name,
            "in_sync": None if refused else name not in concerned and name not in lost,
            "changes": concerned.count(name),
            "facts_lost": lost.count(name),
        }
        for name in names
    ]


def _nic_names(document: GuestNetwork) -> list[str]:
    return [nic.name for nic in document.nics]
