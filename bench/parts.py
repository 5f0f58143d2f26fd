"""Where the time of one no-op check goes: the real loop with a clock around each of its steps. No floors, no goals: a map.

Every pod is visited once a pass, with empty caches at its beginning: a step repeated on one pod would look cheaper than it is,
since all that it touches would be at hand. Whatever is no step is `the rest`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.clock import forget, in_turns, timed
from bench.figures import ZERO, Row, Sample, median
from bench.pods import check, documents, in_thread, pods, text, wire
from bench.seams import DECODERS, STEPS, WRITTEN, Clocks, clocks
from converge.model import GuestNetwork

PODS, ROUNDS = 60, 9
WHOLE = "one check step by step: all of it, of one pod in the same thread"


def rows(quick: bool) -> Iterator[Row]:
    rounds = 3 if quick else ROUNDS
    with pods(PODS, "parts-") as names:
        wanted = documents([text(name) for name in names])
        wire(wanted)
        with clocks(STEPS, [step for step in STEPS if step != WRITTEN]) as running:
            taken = _taken(wanted, rounds, running)
        with clocks(DECODERS) as running:
            inner = _taken(wanted, rounds, running)
    whole = taken.pop(WHOLE)
    del inner[WHOLE]
    yield Row(WHOLE, whole)
    for name, sample in {**taken, "the rest": whole - sum(taken.values(), ZERO), **inner}.items():
        yield Row(f"- {name}", sample)


def _taken(wanted: Sequence[GuestNetwork], rounds: int, running: Clocks) -> dict[str, Sample]:
    """Medians for one pod, of the whole and of each step."""
    parts: dict[str, list[Sample]] = {}

    def whole() -> Sample:
        forget()
        running.take()
        sample, _ = timed(lambda: in_thread(lambda: [check(document) for document in wanted]))
        for step, found in running.take().items():
            parts.setdefault(step, []).append(found)
        return sample

    found = in_turns(rounds, {WHOLE: whole}) | parts
    return {step: median(samples).per(len(wanted)) for step, samples in found.items()}
