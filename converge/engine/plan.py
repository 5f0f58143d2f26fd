"""plan(observed, desired): operations that lead from one set to the other, each with what it settles and predicts.

The changes are ordered once, then walked over a simulated set. A change that an earlier effect has settled costs no operation
(a connected route that came with its address). What an effect broke is differenced again and appended. The walk ends when the
simulated set is the target; it refuses, with the remaining difference, when a round repeats a state. Where more than one
round was needed, an operation may have become superfluous: each one without which the target is still reached is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from converge.engine.diff import Scope, diff
from converge.engine.kinds import Kinds
from converge.engine.order import Turn, order
from converge.engine.state import State
from converge.model import Attributes, Change, Key, Operation, Plan, Resources, Step

MOST_ROUNDS = 12
"""Real plans need one round, some two. The bound only ends what would never end."""


def plan(observed: Resources, desired: Resources, in_scope: Scope, kinds: Kinds) -> Plan:
    """Plan from `observed` to `desired`. Pure; never raises for any two sets, but may return a plan that is `stuck`."""
    changes = tuple(diff(observed, desired, in_scope))
    if not changes:
        return Plan((), (), len(desired))
    state = _simulated(observed, kinds)
    steps: list[Step] = []
    pending, rounds = changes, 0
    seen: set[frozenset[Change]] = set()
    refusals: dict[Key, str] = {}
    while pending and frozenset(pending) not in seen and rounds < MOST_ROUNDS:
        seen.add(frozenset(pending))
        refusals = _walk(pending, state, desired, kinds, steps)
        pending, rounds = tuple(diff(state.resources, desired, in_scope)), rounds + 1
    steps = _merged(steps, kinds)
    if rounds > 1 and not pending:
        steps = _pruned(steps, observed, desired, in_scope, kinds)
    made = {change.key for change in changes if change.before is None or change.after is not None}
    unchanged = len(desired) - len(made & desired.keys())
    stuck = tuple((change, refusals.get(change.key, "")) for change in pending)
    return Plan(_in_order_of(changes, steps), tuple(steps), unchanged, stuck)


def replay(observed: Mapping[Key, Attributes], operations: Iterable[Operation], kinds: Kinds) -> tuple[State, str | None]:
    """Simulate `operations` from `observed`: the set they lead to, and the first refusal, at which the walk ends."""
    state = _simulated(observed, kinds)
    for operation in operations:
        refusal = effect(operation, state, kinds)
        if refusal is not None:
            return state, refusal
    return state, None


def effect(operation: Operation, state: State, kinds: Kinds) -> str | None:
    """Do one operation to the simulated state; a refused one, or a transaction with a refused part, leaves no trace."""
    mark = state.mark()
    for part in operation.parts or (operation,):
        refusal = kinds[part.key.kind].effect(part, state)
        if refusal is not None:
            state.rollback(mark)
            return refusal
    return None


def _simulated(observed: Mapping[Key, Attributes], kinds: Kinds) -> State:
    return State(observed, lambda key, attributes: kinds[key.kind].within(key, attributes))


def _walk(pending: Sequence[Change], state: State, desired: Resources, kinds: Kinds, steps: list[Step]) -> dict[Key, str]:
    """Walk one round. Appends to `steps`, changes `state`; returns the refusals by key."""
    refusals: dict[Key, str] = {}
    for turn in order(pending, state.resources.copy(), desired, kinds):
        key = turn.change.key
        change = Change(key, state.get(key), desired.get(key))
        if change.before == change.after:
            continue
        for operation in _operations(turn, change, state, kinds):
            mark = state.mark()
            refusal = effect(operation, state, kinds)
            if refusal is not None:
                refusals[key] = refusal
                break
            steps.append(Step(operation, (change,), state.since(mark)))
    return refusals


def _operations(turn: Turn, change: Change, state: State, kinds: Kinds) -> Sequence[Operation]:
    kind = kinds[change.key.kind]
    if not turn.parked:
        return kind.operations(change, state)
    parking = kind.park(change, state)
    return () if parking is None else (parking,)


def _merged(steps: Sequence[Step], kinds: Kinds) -> list[Step]:
    """Neighbouring steps of one transaction label as one step."""
    merged: list[Step] = []
    run: list[Step] = []
    label: str | None = None
    for step in steps:
        own = kinds[step.operation.key.kind].TRANSACTION
        own = own if own == step.operation.call else None
        if own is None or own != label:
            merged += _joined(run)
            run = []
        run.append(step)
        label = own
    return merged + _joined(run)


def _joined(run: Sequence[Step]) -> list[Step]:
    if len(run) < 2:
        return list(run)
    operations = [step.operation for step in run]
    transaction = Operation(operations[0].call, operations[0].key, parts=tuple(operations))
    settles = dict.fromkeys(change for step in run for change in step.settles)
    return [Step(transaction, tuple(settles), tuple(change for step in run for change in step.delta))]


def _pruned(steps: list[Step], observed: Resources, desired: Resources, in_scope: Scope, kinds: Kinds) -> list[Step]:
    """Drop each step that the target does not need, and predict the rest again."""
    kept = list(steps)
    for step in steps:
        shorter = [other for other in kept if other is not step]
        state, refusal = replay(observed, (other.operation for other in shorter), kinds)
        if refusal is None and not any(diff(state.resources, desired, in_scope)):
            kept = shorter
    if len(kept) == len(steps):
        return kept
    state = _simulated(observed, kinds)
    predicted: list[Step] = []
    for step in kept:
        mark = state.mark()
        effect(step.operation, state, kinds)
        predicted.append(Step(step.operation, step.settles, state.since(mark)))
    return predicted


def _in_order_of(changes: Sequence[Change], steps: Sequence[Step]) -> tuple[Change, ...]:
    """The changes in the order in which the steps settle them, so that people read them as they happen."""
    position: dict[Key, int] = {}
    for number, step in enumerate(steps):
        for change in (*step.settles, *step.delta):
            position.setdefault(change.key, number)
    return tuple(sorted(changes, key=lambda change: (position.get(change.key, len(steps)), change.key)))
