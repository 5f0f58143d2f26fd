"""Documents and snapshots -> plans. No kernel, no rights, any operating system; the plan is the one that a look would lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from converge.documents.check_identity import normal
from converge.model import (
    Attributes,
    Desired,
    Diagnostic,
    GuestNetwork,
    Key,
    Observation,
    Outcome,
    Position,
    Recorded,
    Resources,
    Result,
    Severity,
    Snapshot,
    Target,
)
from converge.resources import route, table
from converge.view.look import NOTHING, Answers, Look, compiled, every_table, needed, planned, started


def plans(
    documents: Iterable[GuestNetwork], snapshots: Mapping[str, Snapshot], now: datetime, *, adopt: bool = False
) -> Iterator[Result]:
    """One result a document, in their order; `snapshots` by namespace/name. A pod without a snapshot is refused. `adopt`: what
    KubeVirt has wired is ours to replace.
    """
    for document in documents:
        snapshot = snapshots.get(document.full_name)
        yield missing(document, snapshots) if snapshot is None else plan_from(document, snapshot, now, adopt=adopt)


def plan_from(document: GuestNetwork, snapshot: Snapshot, now: datetime, *, adopt: bool = False) -> Result:
    document = placed(document, snapshot)
    result = planned(look(document, snapshot.observation, adopt=adopt), document)
    return described(result, snapshot, now)


def placed(document: GuestNetwork, snapshot: Snapshot) -> GuestNetwork:
    """A pod that is named as Kubernetes names it is where it was found when the snapshot was taken."""
    target, (how, value) = document.target, snapshot.target
    if target.how != "pod":
        return document
    return replace(document, target=replace(target, how=how, value=value, pod=target.value, found="snapshot"))


def described(result: Result, snapshot: Snapshot, now: datetime) -> Result:
    """The same result with the age of its snapshot, and what is odd about that."""
    recorded = Recorded(snapshot.taken, int((now - snapshot.taken).total_seconds()))
    told = (*result.diagnostics, *_oddities(result.document, snapshot, recorded.age))
    return replace(result, recorded=recorded, diagnostics=told)


def look(document: GuestNetwork, seen: Observation, *, adopt: bool = False) -> Look:
    """What a look at the kernel would have shown, as far as was written down. What was not refuses the pod."""
    theirs = {key: value for key, value in seen.resources.items() if key.kind == "kubevirt"}
    kept = seen.resources.items() if every_table(document) else _main_table(seen.resources)
    start = started(document, {key: value for key, value in kept if key not in theirs}, theirs, adopt=adopt)
    wanted = needed(document, start)
    known = {name: seen.sysctls.get(name) for name in wanted.sysctls}
    answers = Answers(
        {name: value for name, value in known.items() if value is not None},
        {path: seen.resolv.get(path, "") for path in wanted.resolv},
        seen.standin if wanted.standin else "",
    )
    unknown = sorted((wanted.sysctls - seen.sysctls.keys()) | (wanted.resolv - seen.resolv.keys()))
    found = compiled(document, start, answers)
    return replace(found, refusals=(*(_not_recorded(each, document) for each in unknown), *found.refusals))


def orphans(documents: Iterable[GuestNetwork], snapshots: Mapping[str, Snapshot]) -> list[GuestNetwork]:
    """Pods that carry our marks and have a snapshot but no document, each as a document without NICs."""
    named = {document.full_name for document in documents}
    return [bare(each) for name, each in snapshots.items() if name not in named and _carries_marks(each.observation.resources)]


def bare(snapshot: Snapshot) -> GuestNetwork:
    """The document of a pod that none speaks of."""
    at = snapshot.at or Position("<snapshot>", 1, 1)
    return GuestNetwork(snapshot.namespace, snapshot.name, Target(*snapshot.target, at), (), at)


def missing(document: GuestNetwork, snapshots: Mapping[str, Snapshot]) -> Result:
    there = ", ".join(sorted(snapshots)[:5]) or "none"
    detail = f"there is no snapshot of {document.full_name}; there are: {there}\ntake one on its node with `converge snapshot`"
    return refused(document, Diagnostic("no snapshot of this pod", detail, document.at))


def refused(document: GuestNetwork, *why: Diagnostic) -> Result:
    return Result(document, Outcome.REFUSED, NOTHING, Desired({}), {}, why)


def _main_table(resources: Resources) -> Iterator[tuple[Key, Attributes]]:
    """What the kernel is asked for where no route is taken over: the main table, and our own protocol in table local."""
    for key, value in resources.items():
        if key.kind == "route":
            number = route.parsed(key.name)[1]
            if number != route.MAIN and not (number == route.LOCAL and value.protocol == route.OURS and ":" in key.name):
                continue
        yield key, value


def _carries_marks(resources: Resources) -> bool:
    return table.KEY in resources or any(key.kind == "link" and value.mark is not None for key, value in resources.items())


def _not_recorded(what: str, document: GuestNetwork) -> Diagnostic:
    detail = (
        f"the snapshot of {document.full_name} does not say what {what or 'its resolv.conf'} holds, which the document needs\n"
        "take the snapshot again, with this document"
    )
    return Diagnostic("snapshot does not say", detail, document.at)


def _oddities(document: GuestNetwork, snapshot: Snapshot, age: int) -> Iterator[Diagnostic]:
    if age < 0:
        detail = (
            f"the snapshot of {document.full_name} was taken {-age} s from now\nset the clock of its node, or of this machine"
        )
        yield Diagnostic("snapshot from the future", detail, snapshot.at, Severity.WARNING)
    if normal(document.target.how, document.target.value) != normal(*snapshot.target):
        detail = (
            f"the snapshot of {document.full_name} is of {' '.join(snapshot.target)}, the document is of {document.target}\n"
            "take it again if the pod is another one now"
        )
        yield Diagnostic("snapshot of another target", detail, document.target.at, Severity.WARNING)
