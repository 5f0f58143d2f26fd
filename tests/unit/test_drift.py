"""Random drift, ten thousand times over pure sets: whatever somebody did to a wired pod, one plan puts it right.

    wired ── tampered, once or in a burst ── look ── plan ── replayed: as desired, a second plan empty, strangers' things as
    they were

The universes and what an intruder may do in them are those of the laws (`universe_tampering`), and some that only add foreign
things. All is drawn from numbered seeds, so that a failure can be asked for again by its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import pytest

from converge.engine import State, diff, replay
from converge.model import Key, Operation, Resources
from converge.resources import KINDS
from converge.resources.address import Address
from converge.resources.link import Link
from converge.resources.route import NO_LINK, Route
from tests.unit.universe import Pod, Wish, do, look, state_of, wired
from tests.unit.universe_tampering import TAMPERINGS

TAMPERED = 10_000
BLOCKS = 8

PODS = (
    Pod(),
    Pod(("10.244.1.5/24",), mtu=1450),
    Pod(("10.9.9.9/32", "fd99::9/128"), advertised=True),
    Pod(("10.244.1.5/24", "10.244.1.6/24", "fd10:244:1::5/64", "fd10:244:1::6/64"), routed=True),
)
WISHES = (
    Wish("bridge"),
    Wish("masquerade", ports=(("tcp", 80, 80), ("udp", 53, 53), ("tcp", 8000, 8010))),
    Wish("masquerade", istio=True, queues=4, cidr4="10.77.0.0/30", cidr6="fd77::/126"),
    Wish("bridge", queues=4, owner=0),
)


def foreign_link(state: State, number: int) -> None:
    handle = f"#{90 + number}"
    if state.get(Key("link", handle)) is None:
        state.put(Key("link", handle), Link(f"adm{number}", "veth", True, 1500, "02:ad:00:00:00:01", index=90 + number))
        do(state, Operation("address replace", Key("address", handle, f"172.20.{number}.1/24"), (), Address()))


def foreign_route(state: State, number: int) -> None:
    state.put(Key("route", NO_LINK, f"198.18.{number}.0/24"), Route(type="blackhole"))


FOREIGN = {"foreign link": foreign_link, "foreign route": foreign_route}
CHOICES = {**TAMPERINGS, **FOREIGN}
BEYOND_REPAIR = (
    ("mark deleted", ("link renamed", "names swapped", "mark added", "macvtap elsewhere")),
    ("link deleted", ("table deleted", "chain deleted")),
)
"""Not in one burst: a link without name and mark is nobody's, one with another mark alone is another's, and with facts and
stand-in both gone nobody knows the pod link.
"""


def burst(chance: random.Random) -> list[tuple[str, int]]:
    """One as often as several."""
    number = 1 if chance.random() < 0.5 else chance.randint(2, 8)
    chosen = [(chance.choice(sorted(CHOICES)), chance.randint(0, 63)) for _ in range(number)]
    for one, others in BEYOND_REPAIR:
        if any(name == one for name, _ in chosen):
            chosen = [(name, place) for name, place in chosen if name not in others]
    return chosen


@cache
def before(wish: Wish, pod: Pod) -> Resources:
    return wired(wish, pod)


def strangers(resources: Resources) -> Resources:
    """What is on links without a role, or on none; and a pod link's addresses where no binding has taken them."""
    return {
        key: value
        for key, value in resources.items()
        if key.kind in ("link", "address", "route") and (key.owner.startswith("#") or key.owner == NO_LINK)
    }


def tampered(resources: Resources, choices: Sequence[tuple[str, int]]) -> tuple[Resources, int]:
    """And how many of them changed something: what one deletes, another cannot alter any more."""
    state, done = state_of(resources), 0
    for name, number in choices:
        earlier = dict(state.resources)
        CHOICES[name](state, number)
        done += state.resources != earlier
    return state.resources, done


def problems(wish: Wish, disturbed: Resources) -> Iterator[str]:
    seen = look(wish, disturbed)
    if seen.refusals:
        yield f"refused: {seen.refusals}"
        return
    planned = seen.plan()
    if planned.stuck:
        yield f"stuck: {planned.stuck}"
    state, refusal = replay(seen.observed, (step.operation for step in planned.steps), KINDS)
    if refusal is not None:
        yield f"the kernel would refuse: {refusal}"
    left = list(diff(state.resources, seen.desired, seen.in_scope))
    if left:
        yield f"left: {left}"
    if strangers(state.resources) != strangers(seen.observed):
        yield "strangers' things were touched"
    if not look(wish, state.resources).plan().empty:
        yield "a second plan is not empty"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_drift_is_repaired(block: int, record_property: Callable[[str, object], None]) -> None:
    chance, done = random.Random(block), 0
    while done < TAMPERED // BLOCKS:
        wish, pod, choices = chance.choice(WISHES), chance.choice(PODS), burst(chance)
        disturbed, number = tampered(before(wish, pod), choices)
        assert not list(problems(wish, disturbed)), f"{wish}\n{pod}\n{choices}"
        done += number
    record_property("tamperings", done)
    print(f"block {block}: {done} tamperings repaired")


def test_names_in_a_ring_while_the_facts_are_gone() -> None:
    """The stand-in has the tap's name then, which is not what the pod link was called."""
    choices = [("chain deleted", 39), ("names swapped", 11), ("link freed", 17), ("names swapped", 21)]
    wish, pod = WISHES[3], PODS[2]
    disturbed, done = tampered(before(wish, pod), choices)
    assert done == len(choices)
    assert not list(problems(wish, disturbed))
