"""The laws of a plan, over universes that Hypothesis makes: it leads to the target, it is empty there, nothing in it is in vain.

The universes are those of the whole product (documents, facts, bindings), so the laws hold for what is compiled, not for sets
that nobody would ask for. Every law is stated once and asked of three kinds of transition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from converge.bindings import virtual_function
from converge.engine import diff, effect, plan, replay
from converge.model import Operation, Plan, Resources, Step
from converge.resources import KINDS
from tests.unit.universe import Look, Pod, Wish, look, pods, state_of, wired, wishes
from tests.unit.universe_tampering import tampered, tamperings

EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@st.composite
def fresh(draw: st.DrawFn) -> tuple[Wish, Look]:
    wish = draw(wishes)
    return _lookable(wish, draw(pods).resources())


@st.composite
def disturbed(draw: st.DrawFn) -> tuple[Wish, Look]:
    """A wired pod that somebody has been at."""
    wish, pod = draw(wishes), draw(pods)
    _lookable(wish, pod.resources())
    return _lookable(wish, tampered(wired(wish, pod), recognisable(draw(tamperings))))


def recognisable(choices: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """A link that has lost both its name and its mark is nobody's, and so is an unmarked macvtap on another link: they may be in
    the way for ever.
    """
    names = {name for name, _ in choices}
    lost = "mark deleted" in names and names & {"link renamed", "names swapped", "macvtap elsewhere"}
    return [choice for choice in choices if not lost or choice[0] != "mark deleted"]


@st.composite
def changed(draw: st.DrawFn) -> tuple[Wish, Look]:
    """From one document to another one, or to none."""
    before, pod = draw(wishes), draw(pods)
    _lookable(before, pod.resources())
    after = draw(st.one_of(st.just(replace(before, binding=None)), wishes))
    return _lookable(after, wired(before, pod))


def _lookable(wish: Wish, resources: Resources) -> tuple[Wish, Look]:
    seen = look(wish, resources)
    assume(not seen.refusals)
    return wish, seen


TRANSITIONS = {"fresh": fresh(), "disturbed": disturbed(), "changed": changed()}
law = pytest.mark.parametrize("transition", TRANSITIONS)
any_data = given(st.data())


def reached(seen: Look, operations: Iterator[Operation]) -> bool:
    state, refusal = replay(seen.observed, operations, KINDS)
    return refusal is None and not any(diff(state.resources, seen.desired, seen.in_scope))


def operations(steps: tuple[Step, ...]) -> Iterator[Operation]:
    return (step.operation for step in steps)


def told(planned: Plan) -> str:
    lines = [str(step.operation) for step in planned.steps]
    return "\n".join(["", *lines, *(f"stuck {change} {why}" for change, why in planned.stuck)])


@law
@EXAMPLES
@any_data
def test_a_plan_leads_to_its_target(transition: str, data: st.DataObject) -> None:
    _, seen = data.draw(TRANSITIONS[transition])
    planned = seen.plan()
    assert not planned.stuck, told(planned)
    assert reached(seen, operations(planned.steps)), told(planned)


@law
@EXAMPLES
@any_data
def test_the_next_look_finds_nothing_to_do(transition: str, data: st.DataObject) -> None:
    """Compiled again from what the plan leads to, facts read back and links found by their marks."""
    wish, seen = data.draw(TRANSITIONS[transition])
    planned = seen.plan()
    assume(not planned.stuck)
    state, _ = replay(seen.observed, operations(planned.steps), KINDS)
    again = look(wish, state.resources)
    assert not again.refusals
    assert again.plan().empty, told(planned) + "\n--- again:" + told(again.plan()) + f"\n{again.plan().changes}"


@law
@EXAMPLES
@any_data
def test_no_operation_can_be_left_out(transition: str, data: st.DataObject) -> None:
    _, seen = data.draw(TRANSITIONS[transition])
    planned = seen.plan()
    assume(not planned.stuck)
    for number, step in enumerate(planned.steps):
        rest = (*planned.steps[:number], *planned.steps[number + 1 :])
        assert not reached(seen, operations(rest)), f"in vain: {step.operation}\nof{told(planned)}"


@law
@EXAMPLES
@any_data
def test_no_part_of_a_transaction_can_be_left_out(transition: str, data: st.DataObject) -> None:
    _, seen = data.draw(TRANSITIONS[transition])
    planned = seen.plan()
    assume(not planned.stuck)
    for number, step in enumerate(planned.steps):
        parts = step.operation.parts
        for part in range(len(parts)):
            less = replace(step.operation, parts=(*parts[:part], *parts[part + 1 :]))
            steps = (*planned.steps[:number], replace(step, operation=less), *planned.steps[number + 1 :])
            assert not reached(seen, operations(steps)), f"in vain: {parts[part]}\nof{told(planned)}"


@law
@EXAMPLES
@any_data
def test_planning_changes_nothing_and_comes_out_the_same(transition: str, data: st.DataObject) -> None:
    _, seen = data.draw(TRANSITIONS[transition])
    observed, desired = dict(seen.observed), dict(seen.desired)
    first = seen.plan()
    assert (seen.observed, seen.desired) == (observed, desired)
    shuffled = plan(dict(reversed(observed.items())), dict(reversed(desired.items())), seen.in_scope, KINDS)
    assert [str(step.operation) for step in shuffled.steps] == [str(step.operation) for step in first.steps]


@law
@EXAMPLES
@any_data
def test_each_step_predicts_what_a_replay_shows(transition: str, data: st.DataObject) -> None:
    _, seen = data.draw(TRANSITIONS[transition])
    state = state_of(seen.observed)
    for step in seen.plan().steps:
        before = dict(state.resources)
        after, refusal = replay(before, [step.operation], KINDS)
        assert refusal is None
        for change in step.delta:
            assert before.get(change.key) == change.before
            if change.after is None:
                state.remove(change.key)
            else:
                state.put(change.key, change.after)
        assert state.resources == after.resources, step.operation


@law
@EXAMPLES
@any_data
def test_nobody_but_the_guest_hears_a_server_that_answers_everybody(transition: str, data: st.DataObject) -> None:
    """After no operation is such a server on a bridge that the pod link is on, unless somebody else has put it there."""
    _, seen = data.draw(TRANSITIONS[transition])
    state = state_of(seen.observed)
    loud = overheard(state.resources)
    for step in seen.plan().steps:
        assert effect(step.operation, state, KINDS) is None
        assert overheard(state.resources) <= loud, f"{step.operation}\nof{told(seen.plan())}"


def overheard(resources: Resources) -> set[str]:
    """Bridges that a pod link and a server for everybody are on."""
    joined = {value.master for key, value in resources.items() if key.kind == "link" and key.owner.startswith("pod:")}
    return {key.owner for key, value in resources.items() if key.kind == "process" and value.answers_everybody} & joined


@law
@EXAMPLES
@any_data
def test_every_change_is_settled_by_a_step(transition: str, data: st.DataObject) -> None:
    _, seen = data.draw(TRANSITIONS[transition])
    planned = seen.plan()
    assume(not planned.stuck)
    touched = {change.key for step in planned.steps for change in step.delta}
    assert {change.key for change in planned.changes} <= touched
    assert len({change.key for change in planned.changes}) == len(planned.changes)


@EXAMPLES
@given(wishes, pods, tamperings)
def test_unwiring_gives_back_what_was_there(wish: Wish, pod: Pod, choices: list[tuple[str, int]]) -> None:
    """Whatever became of the wiring, as long as the facts are there."""
    before = pod.resources()
    _lookable(wish, before)
    kept = [choice for choice in choices if choice[0] not in FORGET]
    _, seen = _lookable(replace(wish, binding=None), tampered(wired(wish, pod), kept))
    state, refusal = replay(seen.observed, operations(seen.plan().steps), KINDS)
    assert refusal is None
    links = {value.name: value for key, value in state.resources.items() if key.kind == "link"}
    assert links == {value.name: value for key, value in before.items() if key.kind == "link"}
    assert not [key for key in state.resources if key.kind in ("table", "chain", "set", "element", "fact")]
    for key, value in before.items():
        if key.kind == "vf":
            now = state.resources[key]
            assert now.marks == ()
            if wish.binding == "sriov" and wish.function is not None and key.name == str(wish.function.index):
                named = virtual_function.asked(wish.document().nics[0])
                assert {name: getattr(now, name) for name in named} == {name: getattr(value, name) for name in named}


FORGET = ("table deleted", "chain deleted", "mark deleted", "link renamed", "names swapped")
"""After these, it cannot be known which link is whose, or what it was like."""
