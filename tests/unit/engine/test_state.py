"""The simulated set: what is in it, what lives in what, and that a rollback leaves no trace, not even in the index."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from converge.engine import State
from converge.model import Change, Key

# A value names the key that it lives in: the simplest kind there can be.
KEYS = [Key(kind, owner, name) for kind in ("box", "thing") for owner in ("a", "b") for name in ("1", "2")]
Action = tuple[str, Key, Key | None]
actions = st.lists(
    st.tuples(st.sampled_from(("put", "remove")), st.sampled_from(KEYS), st.one_of(st.none(), st.sampled_from(KEYS)))
)


def made(things: dict[Key, Key | None]) -> State:
    return State({key: (value,) for key, value in things.items()}, lambda _, value: value[0])


def act(state: State, todo: list[Action]) -> None:
    for verb, key, container in todo:
        if verb == "put":
            inside = container if container is not None and container.kind == "box" and key.kind == "thing" else None
            state.put(key, (inside,))
        else:
            state.remove(key)


def index(state: State) -> dict[str, object]:
    """Everything that can be asked of a state."""
    owners = {(kind, owner): state.on(kind, owner) for kind in ("box", "thing") for owner in ("a", "b")}
    return {"all": dict(state.resources), "owners": owners, "kinds": {kind: sorted(state.of(kind)) for kind in ("box", "thing")}}


def test_what_lives_in_a_thing_goes_with_it() -> None:
    box, inner, other = Key("box", "a", "1"), Key("thing", "a", "1"), Key("thing", "a", "2")
    state = made({box: None, inner: box, other: None})
    state.remove(box)
    assert state.resources == {other: (None,)}
    assert state.since(0) == (Change(inner, (box,), None), Change(box, (None,), None))


def test_removing_what_is_not_there_is_nothing() -> None:
    state = made({})
    state.remove(KEYS[0])
    assert state.since(0) == ()


def test_what_was_moved_elsewhere_stays() -> None:
    one, two, thing = Key("box", "a", "1"), Key("box", "a", "2"), Key("thing", "a", "1")
    state = made({one: None, two: None, thing: one})
    state.put(thing, (two,))
    state.remove(one)
    assert thing in state.resources
    state.remove(two)
    assert thing not in state.resources


@given(actions, actions)
def test_a_rollback_restores_everything_that_can_be_asked(before: list[Action], after: list[Action]) -> None:
    state = made({})
    act(state, before)
    mark, then = state.mark(), index(state)
    act(state, after)
    state.rollback(mark)
    assert index(state) == then
    assert state.mark() == mark
    act(state, after)
    again = index(state)
    state.rollback(mark)
    act(state, after)
    assert index(state) == again


@given(actions, actions)
def test_since_is_the_difference(before: list[Action], after: list[Action]) -> None:
    state = made({})
    act(state, before)
    mark, then = state.mark(), dict(state.resources)
    act(state, after)
    now = state.resources
    wanted = {Change(key, then.get(key), now.get(key)) for key in then.keys() | now.keys() if then.get(key) != now.get(key)}
    found = state.since(mark)
    assert set(found) == wanted
    assert len(found) == len(wanted)


@given(actions)
def test_the_set_it_was_made_from_stays_as_it_was(todo: list[Action]) -> None:
    given_set: dict[Key, object] = {KEYS[0]: (None,)}
    copy = dict(given_set)
    act(State(given_set, lambda _, value: value[0]), todo)
    assert given_set == copy
