"""Plan one pod and, if asked, apply the plan: verified, or undone.

A rollback is a plan too, made from a new observation to the set observed before, because one message may have been half done
when it failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from threading import Event

from converge.engine import plan
from converge.kernel.namespace import Refused, locked, opened
from converge.kernel.session import Session, session
from converge.kernel.writer import OperationFailed
from converge.model import Attributes, Desired, Diagnostic, GuestNetwork, Key, Operation, Outcome, Plan, Result, Severity
from converge.reconcile.target import located
from converge.reconcile.view import NOTHING, Look, look
from converge.resources import KINDS, table
from converge.sources.cni_cache import NotFound
from converge.view.look import planned

MOST_ROUNDS = 3
"""Applies that a pod gets until its plan is empty; more than one is only needed when somebody else interferes."""


Approve = Callable[[Result], tuple[Diagnostic, ...]]
"""Asked under the lock, before anything is done: what speaks against applying this plan. Nothing: it is the approved one."""


def reconcile(
    document: GuestNetwork,
    *,
    apply: bool,
    lock_seconds: float = 10.0,
    logs: bool = False,
    adopt: bool = False,
    stop: Event | None = None,
    approve: Approve | None = None,
) -> Result:
    """Plan one pod and, if asked, apply the plan; `logs`: bring along what its servers have written; `adopt`: take over what
    KubeVirt has wired. Moves the calling thread into the pod's namespace, for good. Raises Stopped if `stop` is set while the
    pod's lock is waited for.
    """
    start = time.monotonic()
    try:
        document = located(document)
        with (
            opened(document.target.how, document.target.value) as descriptor,
            locked(descriptor, lock_seconds, stop) if apply else nullcontext(),
            session(descriptor, table.NAME) as visit,
        ):
            seen = None if apply else look(visit, document, adopt=adopt)
            result = _applied(visit, document, adopt, approve) if seen is None else planned(seen, document)
            if logs:
                result = replace(result, logs={nic.name: visit.log(f"bridge:{nic.name}", "dnsmasq") for nic in document.nics})
    except (Refused, NotFound, OSError) as error:
        refusal = Diagnostic("pod cannot be reached", str(error), document.target.at)
        result = Result(document, Outcome.REFUSED, NOTHING, Desired({}), {}, (refusal,))
    return replace(result, duration_ms=(time.monotonic() - start) * 1000)


def _applied(visit: Session, document: GuestNetwork, adopt: bool, approve: Approve | None) -> Result:
    visit.trim()
    start = look(visit, document, adopt=adopt)
    first = current = planned(start, document)
    objections = () if approve is None or first.outcome is Outcome.REFUSED else approve(first)
    if objections:
        return replace(first, outcome=Outcome.REFUSED, diagnostics=(*first.diagnostics, *objections))
    if first.outcome is not Outcome.PLANNED:
        return first
    try:
        # What was approved is one plan: what somebody else makes necessary meanwhile is not in it.
        for _ in range(MOST_ROUNDS if approve is None else 1):
            for step in current.plan.steps:
                visit.execute(step.operation)
            current = planned(look(visit, document, adopt=adopt), document)
            if current.outcome is not Outcome.PLANNED:
                break
        else:
            return _rolled_back(
                visit, start, first, f"every operation succeeded, but there is still to do: {_named(current.plan)}"
            )
    except OperationFailed as failure:
        return _rolled_back(visit, start, first, str(failure))
    except OSError as error:  # by now the pod is another one: what cannot be verified is undone, and is no refusal
        return _rolled_back(visit, start, first, _unread(error))
    if current.outcome is Outcome.REFUSED:
        return _rolled_back(visit, start, first, "; ".join(d.detail.split("\n")[0] for d in current.diagnostics))
    # What was found missing at first is worth knowing even where it could be rebuilt.
    told = dict.fromkeys((*first.diagnostics, *current.diagnostics))
    return replace(first, outcome=Outcome.APPLIED, diagnostics=tuple(told))


def _rolled_back(visit: Session, start: Look, first: Result, reason: str) -> Result:
    """Plan from a new observation to the set observed before, apply and verify that."""
    failure = Diagnostic("apply failed", reason, first.document.at)
    hint = "look at it with `converge plan`, then apply again"
    try:
        impossible = [reason for step in _way_back(visit, start, first.document).steps for reason in _done(visit, step.operation)]
        left = _way_back(visit, start, first.document)
    except OSError as error:
        detail = f"whether the pod is as before is not known: {_unread(error)}\n{hint}"
    else:
        if left.empty:
            return replace(first, outcome=Outcome.RESTORED, diagnostics=(failure,))
        detail = f"the pod is not as before; still to do: {_named(left)}\n{'; '.join(impossible) or hint}"
    return replace(
        first, outcome=Outcome.FAILED, diagnostics=(failure, Diagnostic("pod is not fully restored", detail, first.document.at))
    )


def _unread(error: OSError) -> str:
    return f"the pod cannot be read: {error.strerror or error}"


def _done(visit: Session, operation: Operation) -> Iterator[str]:
    """Do it, or of a transaction as much as can be done; yields why not. What cannot be restored must not keep back the rest."""
    try:
        visit.execute(operation)
    except OperationFailed as error:
        if not operation.parts:
            yield str(error)
        for part in operation.parts:
            yield from _done(visit, part)


def _way_back(visit: Session, start: Look, document: GuestNetwork) -> Plan:
    now = look(visit, document, start.observed, adopt=True)

    def in_scope(key: Key, value: Attributes) -> bool:
        return start.in_scope(key, value) or now.in_scope(key, value)

    target = {key: value for key, value in start.observed.items() if in_scope(key, value) or key in start.desired.resources}
    return plan(now.observed, target, in_scope, KINDS)


def _named(left: Plan) -> str:
    return ", ".join(f"{change.action} {' '.join(filter(None, change.key))}" for change in left.changes)


def shows_loss(result: Result) -> bool:
    """Facts that are lost keep a pod from being called in sync."""
    return any(d.summary == "facts lost" and d.severity is Severity.WARNING for d in result.diagnostics)
