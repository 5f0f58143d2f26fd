"""Many pods, each by itself: a pod that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from converge.model import GuestNetwork, Result


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
