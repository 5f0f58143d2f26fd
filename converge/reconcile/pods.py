"""Many pods, each by itself: a pod that fails stops no other.

Plain threads: the standard library's executors bring logging along, a tenth of what a `check` costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

from converge.kernel.namespace import Stopped
from converge.model import GuestNetwork

Found = TypeVar("Found")


def run(
    documents: Sequence[GuestNetwork],
    act: Callable[[GuestNetwork], Found],
    parallelism: int,
    stop: Event,
    done: Callable[[Found], None],
) -> list[Found]:
    """Results in the order of the documents. The threads do nothing else ever after, since they are left in a pod's namespace.

    After `stop` is set, no further pod is begun and those in hand end; one whose lock is still waited for (Stopped) is not in
    hand. What else `act` raises is raised here, when all have ended.
    """
    waiting: SimpleQueue[tuple[int, GuestNetwork]] = SimpleQueue()
    for numbered in enumerate(documents):
        waiting.put(numbered)
    results: dict[int, Found] = {}
    raised: list[BaseException] = []
    one_at_a_time = Lock()

    def work() -> None:
        while not stop.is_set():
            try:
                number, document = waiting.get_nowait()
                result = act(document)
            except (Empty, Stopped):
                return
            except BaseException as error:  # noqa: BLE001 - carried to the caller, who is in another thread
                raised.append(error)
                return
            with one_at_a_time:
                results[number] = result
                done(result)

    threads = [Thread(target=work, name=f"pod-{number}") for number in range(max(1, min(parallelism, len(documents))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return [results[number] for number in sorted(results)]
