"""The arrows of the picture: lock, observe, plan, apply, verify, roll back. The only module that sees both sides.

Every verb is this: what is, what should be, the plan between them. A rollback is a plan too, made from a new observation to
the set observed before, because one message may have been half done when it failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from threading import Event

from converge.bindings import REGISTRY, compile_document, sysctl_paths
from converge.engine import Scope, plan
from converge.facts import discover
from converge.kernel.capabilities import standin_kind
from converge.kernel.namespace import Refused, locked, opened
from converge.kernel.session import Session, session
from converge.kernel.writer import OperationFailed
from converge.model import (
    Attributes,
    Desired,
    Diagnostic,
    GuestNetwork,
    Key,
    Outcome,
    Plan,
    PodFacts,
    Resources,
    Result,
    Severity,
)
from converge.resources import KINDS, identity, observe, table
from converge.resources.sysctl import Sysctl

MOST_ROUNDS = 3
"""Applies that a pod gets until its plan is empty; more than one is only needed when somebody else interferes."""

NOTHING = Plan((), (), 0)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a pod: what is, what should be, and what refuses it."""

    observed: Resources
    desired: Desired
    in_scope: Scope
    refusals: tuple[Diagnostic, ...]

    def plan(self) -> Plan:
        return NOTHING if self.refusals else plan(self.observed, self.desired.resources, self.in_scope, KINDS)


def look(visit: Session, document: GuestNetwork, earlier: Resources | None = None) -> Look:
    """Observe the namespace, find its facts, compile the document, and give every link its role.

    `earlier`: a set that was observed before and may have to be reached again. What it names is read too, and a link that nothing
    else identifies any more has the role that it had there.
    """
    takes_over = {nic.name for nic in document.nics if REGISTRY[nic.binding].TAKES_OVER}
    dumps = visit.read(observe.set_names, every_table=bool(takes_over) or not document.nics)
    observed = observe.decode(dumps)
    facts, unreadable = discover(document, observed)
    if takes_over - facts.standins.keys():
        facts = replace(facts, standin=standin_kind())
    named = {key.name for key in earlier or () if key.kind == "sysctl" and not key.owner} - facts.sysctls.keys()
    by_path = visit.sysctls(sysctl_paths(document, facts, REGISTRY) | named)
    if by_path:
        observed |= {Key("sysctl", "", name): Sysctl(value) for name, value in by_path.items()}
        facts = replace(facts, sysctls={**facts.sysctls, **by_path})
    desired = compile_document(document, facts, REGISTRY)
    pod_links = {f"#{link.resource.index}": f"{identity.POD_LINK}{nic}" for nic, link in facts.links.items()}
    roles, conflicts = identity.assign(observed, desired.resources, pod_links)
    roles |= identity.remembered(observed, earlier or {}, roles)
    foreign = [_foreign(family, document) for family in sorted(dumps.foreign_nat)]
    refusals = (*unreadable, *conflicts, *foreign, *desired.refusals)
    return Look(
        identity.rekeyed(observed, roles),
        desired,
        identity.scope(_taken_over(facts, desired), {*facts.captured, *dict(desired.takes)}),
        refusals,
    )


def _taken_over(facts: PodFacts, desired: Desired) -> frozenset[str]:
    """Roles of pod links whose addresses and routes are taken from the pod, or about to be given back."""
    held = {key.owner for key in facts.captured if key.kind == "link"}
    wanted = {key.owner for key, value in desired.resources.items() if key.kind == "link" and value.master is not None}
    return frozenset(role for role in held | wanted if role.startswith(identity.POD_LINK))


def _foreign(family: str, document: GuestNetwork) -> Diagnostic:
    detail = (
        f"table {family} nat holds KubeVirt's chain KUBEVIRT_PREINBOUND: this pod was wired by KubeVirt\n"
        "both sets of rules together would send packets elsewhere than either; leave this pod to KubeVirt, or remove its rules"
    )
    return Diagnostic("pod is wired by KubeVirt", detail, document.at)


def reconcile(document: GuestNetwork, *, apply: bool, lock_seconds: float = 10.0) -> Result:
    """Plan one pod and, if asked, apply the plan. Moves the calling thread into the pod's namespace, for good."""
    start = time.monotonic()
    try:
        with (
            opened(document.target.how, document.target.value) as descriptor,
            locked(descriptor, lock_seconds) if apply else nullcontext(),
            session(descriptor, table.NAME) as visit,
        ):
            result = _applied(visit, document) if apply else _planned(look(visit, document), document)
    except (Refused, OSError) as error:
        refusal = Diagnostic("pod cannot be reached", str(error), document.target.at)
        result = Result(document, Outcome.REFUSED, NOTHING, Desired({}), {}, (refusal,))
    return replace(result, duration_ms=(time.monotonic() - start) * 1000)


def _planned(seen: Look, document: GuestNetwork) -> Result:
    planned = seen.plan()
    problems = (*seen.refusals, *_stuck(planned, document))
    outcome = Outcome.REFUSED if problems else Outcome.UNCHANGED if planned.empty else Outcome.PLANNED
    return Result(document, outcome, planned, seen.desired, seen.observed, (*problems, *seen.desired.warnings))


def _stuck(planned: Plan, document: GuestNetwork) -> Iterator[Diagnostic]:
    for change, reason in planned.stuck:
        what = f"{change.action} {' '.join(filter(None, change.key))}"
        detail = f"no operation leads to {what}: {reason or 'no way known'}"
        yield Diagnostic("plan does not reach its target", detail, document.at)


def _applied(visit: Session, document: GuestNetwork) -> Result:
    start = look(visit, document)
    first = current = _planned(start, document)
    if first.outcome is not Outcome.PLANNED:
        return first
    try:
        for _ in range(MOST_ROUNDS):
            for step in current.plan.steps:
                visit.execute(step.operation)
            current = _planned(look(visit, document), document)
            if current.outcome is not Outcome.PLANNED:
                break
        else:
            return _rolled_back(
                visit, start, first, f"every operation succeeded, but there is still to do: {_named(current.plan)}"
            )
    except OperationFailed as failure:
        return _rolled_back(visit, start, first, str(failure))
    if current.outcome is Outcome.REFUSED:
        return _rolled_back(visit, start, first, "; ".join(d.detail.split("\n")[0] for d in current.diagnostics))
    return replace(first, outcome=Outcome.APPLIED, diagnostics=current.diagnostics)


def _rolled_back(visit: Session, start: Look, first: Result, reason: str) -> Result:
    """Plan from a new observation to the set observed before, apply and verify that."""
    failure = Diagnostic("apply failed", reason, first.document.at)
    remains = ""
    try:
        for step in _way_back(visit, start, first.document).steps:
            visit.execute(step.operation)
    except OperationFailed as error:
        remains = str(error)
    left = _way_back(visit, start, first.document)
    if left.empty:
        return replace(first, outcome=Outcome.RESTORED, diagnostics=(failure,))
    hint = remains or "look at it with `converge plan`, then apply again"
    detail = f"the pod is not as before; still to do: {_named(left)}\n{hint}"
    return replace(
        first, outcome=Outcome.FAILED, diagnostics=(failure, Diagnostic("pod is not fully restored", detail, first.document.at))
    )


def _way_back(visit: Session, start: Look, document: GuestNetwork) -> Plan:
    now = look(visit, document, start.observed)

    def in_scope(key: Key, value: Attributes) -> bool:
        return start.in_scope(key, value) or now.in_scope(key, value)

    target = {key: value for key, value in start.observed.items() if in_scope(key, value) or key in start.desired.resources}
    return plan(now.observed, target, in_scope, KINDS)


def _named(left: Plan) -> str:
    return ", ".join(f"{change.action} {' '.join(filter(None, change.key))}" for change in left.changes)


def run(
    documents: Sequence[GuestNetwork],
    act: Callable[[GuestNetwork], Result],
    parallelism: int,
    stop: Event,
    done: Callable[[Result], None],
) -> list[Result]:
    """Each pod by itself, in threads that do nothing else. After `stop` is set, no further pod is begun and those in hand end."""
    results: list[Result] = []

    def one(document: GuestNetwork) -> Result | None:
        return None if stop.is_set() else act(document)

    with ThreadPoolExecutor(max_workers=max(1, parallelism), thread_name_prefix="pod") as pool:
        for result in pool.map(one, documents):
            if result is not None:
                results.append(result)
                done(result)
    return results


def shows_loss(result: Result) -> bool:
    """Facts that are lost keep a pod from being called in sync."""
    return any(d.summary == "facts lost" and d.severity is Severity.WARNING for d in result.diagnostics)
