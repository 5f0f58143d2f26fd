"""What a change of the documents does, apart from what is different already: both revisions against the same snapshots.

A pod's snapshot says what is; its base document says what the pod would be like if nothing had drifted. So the base's plan is
carried out on paper, and the plan from there to the head's document is what the change does. The base's plan itself is drift, or
what has not been applied yet: it is there with the change and without it, and is only counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from converge.engine import replay
from converge.model import (
    Attributes,
    Diagnostic,
    GuestNetwork,
    Key,
    Observation,
    Outcome,
    Plan,
    Resources,
    Result,
    Severity,
    Snapshot,
)
from converge.resources import KINDS
from converge.view.look import Look, planned
from converge.view.offline import described, look, missing, placed
from converge.view.spelling import ON_LINKS


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the documents. `base` is the revision as it was named, `commit` its full hash; `head` says what was compared
    with it. `results` are in the order of the head's documents, then those of the base alone; `already` counts, by
    namespace/name, the differences that are there with the change and without it.
    """

    base: str
    commit: str
    head: str
    results: tuple[Result, ...]
    already: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Proposed:
    result: Result
    already: int = 0


def propose(
    base: Iterable[GuestNetwork],
    head: Iterable[GuestNetwork],
    snapshots: Mapping[str, Snapshot],
    now: datetime,
    *,
    adopt: bool = False,
) -> tuple[tuple[Result, ...], Mapping[str, int]]:
    """The results and the counts of a Proposal. A pod that only the base names is unwired; one that only the head names is wired
    from what its snapshot shows.
    """
    before = {document.full_name: document for document in base}
    after = {document.full_name: document for document in head}
    gone = (replace(document, nics=()) for name, document in before.items() if name not in after)
    found = [_proposed(before.get(each.full_name), each, snapshots, now, adopt) for each in (*after.values(), *gone)]
    return tuple(each.result for each in found), {each.result.document.full_name: each.already for each in found}


def _proposed(
    before: GuestNetwork | None, after: GuestNetwork, snapshots: Mapping[str, Snapshot], now: datetime, adopt: bool
) -> _Proposed:
    snapshot = snapshots.get(after.full_name)
    if snapshot is None:
        return _Proposed(missing(after, snapshots))
    seen, already = snapshot.observation, 0
    told: tuple[Diagnostic, ...] = ()
    if before is not None:
        start = look(before, seen, adopt=adopt)
        found = planned(start, before)
        if found.outcome is Outcome.REFUSED:
            told = (_whole(before, found),)
        else:
            seen, already = settled(start, found.plan, seen), len(found.plan.changes)
    after = placed(after, snapshot)
    result = described(planned(look(after, seen, adopt=adopt), after), snapshot, now)
    return _Proposed(replace(result, diagnostics=(*result.diagnostics, *told)), already)


def _whole(before: GuestNetwork, found: Result) -> Diagnostic:
    why = next(each.detail.partition("\n")[0] for each in found.diagnostics if each.severity is Severity.ERROR)
    detail = (
        f"{before.full_name} could not be converged to its earlier document: {why}\n"
        "shown is all that would be done to the pod, not only what this change is the reason for"
    )
    return Diagnostic("base cannot be converged to", detail, before.at, Severity.WARNING)


# ------------------------------------------------------------------------------------ a plan carried out on paper


def settled(start: Look, plan: Plan, seen: Observation) -> Observation:
    """What would be observed after the plan. Links and rules that it makes get the next numbers, as from the kernel."""
    if plan.empty:
        return seen
    state, refusal = replay(start.observed, (step.operation for step in plan.steps), KINDS)
    assert refusal is None, refusal
    numbered = dict(_numbered(state.resources))
    handles = {key.owner: f"#{value.index}" for key, value in numbered.items() if key.kind == "link"}
    resources = {_on_handles(key, handles): _referring(key, value, handles) for key, value in numbered.items()}
    values = {key.name: value.value for key, value in resources.items() if key.kind == "sysctl" and not key.owner}
    sysctls = {name: values.get(name, value) for name, value in seen.sysctls.items()}
    by_path = {Key("sysctl", "", name) for name in sysctls} - seen.resources.keys()
    return replace(seen, resources={key: value for key, value in resources.items() if key not in by_path}, sysctls=sysctls)


def _numbered(resources: Resources) -> Iterator[tuple[Key, Attributes]]:
    links = count(1 + max((value.index for key, value in resources.items() if key.kind == "link"), default=0))
    rules = count(1 + max((each for key, value in resources.items() if key.kind == "fact" for each in value.handles), default=0))
    for key, value in resources.items():
        if key.kind == "link" and not value.index:
            yield key, replace(value, index=next(links))
        elif key.kind == "fact" and not value.handles:
            yield key, replace(value, handles=(next(rules),))
        else:
            yield key, value


def _on_handles(key: Key, handles: Mapping[str, str]) -> Key:
    return key._replace(owner=handles.get(key.owner, key.owner)) if key.kind in ON_LINKS else key


def _referring(key: Key, value: Attributes, handles: Mapping[str, str]) -> Attributes:
    if key.kind == "link" and value.master is not None:
        return replace(value, master=handles.get(value.master, value.master))
    return value
