"""One run over several pods: a deadline, signals, progress. Pods are visited in threads that do nothing else.

A signal begins no further pod; those in hand finish or are put back, and the process then ends with 128 and the signal's number.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Event
from types import FrameType
from typing import TypeVar

from converge.cli.arguments import Namespace
from converge.cli.writing import write
from converge.model import Desired, Diagnostic, GuestNetwork, Outcome, Result, Snapshot
from converge.reconcile import NOTHING, Approve, reconcile, record, run

Found = TypeVar("Found")

NET_ADMIN, SYS_ADMIN = 12, 21
"""CAP_NET_ADMIN and CAP_SYS_ADMIN, as bits of CapEff."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_all(
    documents: Sequence[GuestNetwork], arguments: Namespace, *, apply: bool, logs: bool = False, approve: Approve | None = None
) -> tuple[list[Result], int]:
    """The results, and the number of the signal that ended the run early, or 0."""

    adopt = getattr(arguments, "adopt", False)

    def act(document: GuestNetwork, remaining: float, stop: Event) -> Result:
        return reconcile(document, apply=apply, lock_seconds=remaining, logs=logs, adopt=adopt, stop=stop, approve=approve)

    def late(document: GuestNetwork) -> Result:
        return Result(document, Outcome.REFUSED, NOTHING, Desired({}), {}, (_late(document, arguments.timeout),))

    return _visit(documents, arguments, act, late, "apply" if apply else "look")


def record_all(documents: Sequence[GuestNetwork], arguments: Namespace) -> tuple[list[Snapshot | Diagnostic], int]:
    """A snapshot of each pod, or why there is none; all bear the same time."""
    from converge.view.snapshot import now

    taken = now()

    def act(document: GuestNetwork, _remaining: float, _stop: Event) -> Snapshot | Diagnostic:
        return record(document, taken)

    return _visit(documents, arguments, act, lambda document: _late(document, arguments.timeout), "look")


def _visit(
    documents: Sequence[GuestNetwork],
    arguments: Namespace,
    act: Callable[[GuestNetwork, float, Event], Found],
    late: Callable[[GuestNetwork], Found],
    verb: str,
) -> tuple[list[Found], int]:
    """`act` gets a document, the seconds that are left and what a signal sets; `late` says that there are no seconds left."""
    deadline = time.monotonic() + arguments.timeout
    stop, caught = Event(), list[int]()

    def visit(document: GuestNetwork) -> Found:
        remaining = deadline - time.monotonic()
        return act(document, remaining, stop) if remaining > 0 else late(document)

    shown = _shown(len(documents), verb, arguments.quiet)
    with _signals(stop, caught), shown as one_more:
        results = run(documents, visit, arguments.parallelism, stop, lambda _: one_more())
    _tell_left(documents, results, caught)
    return results, caught[0] if caught else 0


def lacks_rights() -> str | None:
    """Why no pod can be entered by this process, in one line."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return None
    needed = {"CAP_NET_ADMIN": NET_ADMIN, "CAP_SYS_ADMIN": SYS_ADMIN}
    missing = [name for name, bit in needed.items() if not effective >> bit & 1]
    return f"pods cannot be entered without {' and '.join(missing)}; run it as root" if missing else None


def _late(document: GuestNetwork, seconds: float) -> Diagnostic:
    detail = f"the time was up before this pod's turn (--timeout {seconds:g}s)\nallow more time, or name fewer pods"
    return Diagnostic("timeout", detail, document.at)


def _shown(total: int, verb: str, quiet: bool) -> AbstractContextManager[Callable[[], None]]:
    if quiet or not sys.stderr.isatty():
        return nullcontext(lambda: None)
    from converge.report.progress import progress

    return progress(sys.stderr, total, verb)


@contextmanager
def _signals(stop: Event, caught: list[int]) -> Iterator[None]:
    """What is ignored already (nohup) stays ignored."""

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        stop.set()

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_left(documents: Sequence[GuestNetwork], results: Sequence[object], caught: list[int]) -> None:
    left = len(documents) - len(results)
    if caught:
        what = f"{left} {'pod was' if left == 1 else 'pods were'} not begun" if left else "every pod was finished"
        write(sys.stderr, [f"converge: {signal.Signals(caught[0]).name}: {what}"])
