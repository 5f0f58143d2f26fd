"""One pod with 1, 100 and 1,000 ports: first apply, nothing to do, one more port. The floor is the pod with one port.

Whole runs all three: locked, observed, compiled, planned, written, verified. Of one more port, what planning and writing take by
themselves are rows of their own; the rest is that both looks read, compile and compare every port.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.clock import forget, in_turns, timed
from bench.figures import Row, Sample, median
from bench.pods import all_of, apply, documents, expect, in_thread, many_ports, pods, text, wire
from bench.seams import COMPARED, STEPS, WRITTEN, Clocks, clocks
from converge.model import GuestNetwork, Outcome

COUNTS = (1, 100, 1000)
ROUNDS, REPEATS = 7, 3
FIRST, MORE, NOTHING = "first apply", "one more port", "no-op"
PARTS = (COMPARED, WRITTEN)
GOALS = {FIRST: 30.0, MORE: 1.5, NOTHING: 12.0}

Taken = dict[tuple[str, int], list[Sample]]


def rows(quick: bool) -> Iterator[Row]:
    rounds = 3 if quick else ROUNDS
    taken: Taken = {}
    with pods(len(COUNTS) * rounds + 1, "ports-") as names, clocks(STEPS, PARTS) as running:
        wire(documents([text(names[0])]))
        fresh = iter(names[1:])
        in_turns(rounds, {str(count): partial(_one_pod, fresh, count, running, taken) for count in COUNTS})
    for what, goal in GOALS.items():
        yield from _rows(taken, what, goal)
        if what == MORE:
            for part in PARTS:
                yield from _rows(taken, f"- {MORE}: {part}", None)


def _rows(taken: Taken, what: str, goal: float | None) -> Iterator[Row]:
    floor = median(taken[what, COUNTS[0]])
    for count in COUNTS[1:]:
        yield Row(f"{what}, {count:,} ports against 1", median(taken[what, count]), floor, goal if count == COUNTS[-1] else None)


def _one_pod(fresh: Iterator[str], count: int, running: Clocks, taken: Taken) -> Sample:
    """All three for one new pod. What is returned is of no use; the samples are noted one by one."""
    name = next(fresh)
    document, longer = documents([text(name, many_ports(count))]) + documents([text(name, many_ports(count + 1))])

    def note(what: str, wanted: GuestNetwork, outcome: Outcome) -> Sample:
        forget()
        sample, result = timed(lambda: in_thread(lambda: apply(wanted)))
        expect([result], outcome)
        taken.setdefault((what, count), []).append(sample)
        return sample

    whole = note(FIRST, document, Outcome.APPLIED)
    for _ in range(REPEATS):
        note(NOTHING, document, Outcome.UNCHANGED)
        running.take()
        note(MORE, longer, Outcome.APPLIED)
        for part, sample in running.take().items():
            taken.setdefault((f"- {MORE}: {part}", count), []).append(sample)
        expect(all_of([document], apply), Outcome.APPLIED)
    return whole
