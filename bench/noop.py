"""`check`: looks at pods that are as they should be, against the same dumps received and thrown away.

The candidate is the real loop, one worker, results kept as a command keeps them, with every cache of converge emptied before each
pass. Compiling and reading sysctls by path are measured inside it, taken out, and shown as rows of their own. More pods are added
as the bench goes on, so that "10 pods" is a node with ten, and "1,000" one with a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from bench.clock import forget, in_turns, timed
from bench.figures import Row, Sample, median
from bench.pods import all_of, check, documents, expect, in_thread, pods, text, wire
from bench.raw import Recording, recorded, replay
from bench.seams import BY_PATH, COMPILED, STEPS, Clocks, clocks
from converge.documents import Text
from converge.model import GuestNetwork, Outcome

ROUNDS = {10: 41, 100: 11, 1000: 5}
GOAL, GROWTH = 3.0, 1.15


def rows(quick: bool) -> Iterator[Row]:
    counts = (10, 100) if quick else (10, 100, 1000)
    per_pod: dict[int, dict[str, Sample]] = {}
    names: list[str] = []
    with ExitStack() as stack:
        for count in counts:
            more = stack.enter_context(pods(count - len(names), f"{count}-"))
            wire(documents([text(name) for name in more]))
            names += more
            per_pod[count] = _measured(names, max(3, ROUNDS[count] // (3 if quick else 1)))
        loading = _loading([text(name) for name in names])
    yield from _table(per_pod, loading)


def _table(per_pod: Mapping[int, Mapping[str, Sample]], loading: Sample) -> Iterator[Row]:
    for count, found in per_pod.items():
        yield Row(f"no-op check of {count:,} pods, each", found["check"], found["raw"], GOAL)
    least, most = min(per_pod), max(per_pod)
    yield Row(f"no-op check of a pod: of {most:,}, against of {least:,}", per_pod[most]["check"], per_pod[least]["check"], GROWTH)
    for count in (least, most):
        yield Row(f"- sysctls by path, with {count:,} pods on the node", per_pod[count][BY_PATH])
    yield Row("- compile one document", per_pod[most][COMPILED])
    yield Row("- load and validate one document", loading)


def _measured(names: Sequence[str], rounds: int) -> dict[str, Sample]:
    """Medians for one pod, of passes over all of them."""
    wanted = documents([text(name) for name in names])
    with recorded() as recording:
        expect(all_of(wanted[:1], check), Outcome.UNCHANGED)
    with clocks(STEPS, (COMPILED, BY_PATH)) as running:
        besides: dict[str, list[Sample]] = {COMPILED: [], BY_PATH: []}
        actions: dict[str, Callable[[], Sample]] = {
            "raw": partial(_raw, recording, names),
            "check": partial(_check, wanted, running, besides),
        }
        taken = in_turns(rounds, actions) | besides
    return {name: median(samples).per(len(names)) for name, samples in taken.items()}


def _raw(recording: Recording, names: Sequence[str]) -> Sample:
    return timed(lambda: in_thread(lambda: replay(recording, names)))[0]


def _check(wanted: Sequence[GuestNetwork], running: Clocks, besides: Mapping[str, list[Sample]]) -> Sample:
    """The pass without what was set aside, which is noted."""
    forget()
    running.take()
    whole, results = timed(lambda: all_of(wanted, check))
    expect(results, Outcome.UNCHANGED)
    for step, sample in running.take().items():
        besides[step].append(sample)
        whole -= sample
    return whole


def _loading(texts: Sequence[Text]) -> Sample:
    samples = []
    for _ in range(3):
        forget()
        samples.append(timed(lambda: documents(texts))[0])
    return median(samples).per(len(texts))
