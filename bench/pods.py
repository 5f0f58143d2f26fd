"""The pods that are measured: throw-away namespaces, one document each, wired or not.

Everything that enters a namespace does so in a thread that ends afterwards. A signal that comes while pods are being made waits
until they are all there, since only then are they certain to be removed.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import TypeVar

from converge import reconcile
from converge.documents import Text, load
from converge.lab import herd
from converge.lab.pods import Place, delete
from converge.lab.run import NETNS_DIR
from converge.model import GuestNetwork, Outcome, Result

T = TypeVar("T")
PREFIX = "bench-"
_SIGNALS = {signal.SIGINT, signal.SIGTERM}

_DOCUMENT = """\
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: {name}, namespace: bench}}
spec:
  target: {{netns: {name}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces:
    - name: default
      masquerade: {{}}
      ports: [{ports}]
"""
TWO_PORTS = "{port: 80}, {port: 53, protocol: UDP}"


class NotMeasurable(Exception):
    """A pod is not in the state that was to be measured."""


def text(name: str, ports: str = TWO_PORTS) -> Text:
    """The state file of one dual-stack masquerade pod."""
    return Text(f"{name}.yaml", _DOCUMENT.format(name=name, ports=ports).encode())


def many_ports(count: int) -> str:
    """That many TCP ports, from 1000 on."""
    return ", ".join(f"{{port: {1000 + number}}}" for number in range(count))


def documents(texts: Sequence[Text]) -> list[GuestNetwork]:
    loaded = load(texts)
    if len(loaded.documents) != len(texts):
        raise NotMeasurable("; ".join(f"{d.at}: {d.detail}" for d in loaded.diagnostics[:3]))
    return list(loaded.documents)


@contextmanager
def pods(count: int, part: str = "") -> Iterator[list[str]]:
    """Names of new namespaces. `part` tells the herds of one run apart."""
    with ExitStack() as stack:
        with _signals_wait():
            names = stack.enter_context(herd.many(count, Place(f"{PREFIX}{part}")))
        yield names


@contextmanager
def _signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def in_thread(work: Callable[[], T]) -> T:
    """In a thread that may enter a namespace, since it ends then."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


def check(document: GuestNetwork) -> Result:
    return reconcile.reconcile(document, apply=False)


def apply(document: GuestNetwork) -> Result:
    return reconcile.reconcile(document, apply=True)


def all_of(wanted: Sequence[GuestNetwork], act: Callable[[GuestNetwork], Result]) -> list[Result]:
    """As the commands do it, with one worker; which ends with the pod in hand when this thread is interrupted."""
    stop = Event()
    try:
        return reconcile.run(wanted, act, 1, stop, lambda _: None)
    finally:
        stop.set()


def expect(results: Sequence[Result], outcome: Outcome) -> None:
    """A bench of pods that are not as they are said to be would measure something else."""
    for result in results:
        if result.outcome is not outcome:
            why = "; ".join(d.detail for d in result.diagnostics) or f"{len(result.plan.changes)} changes"
            raise NotMeasurable(f"{result.document.full_name} is {result.outcome.value}, not {outcome.value}: {why}")


def wire(wanted: Sequence[GuestNetwork]) -> None:
    expect(all_of(wanted, apply), Outcome.APPLIED)


def clean() -> None:
    """Remove what a killed run has left."""
    delete(path.name for path in sorted(NETNS_DIR.glob(f"{PREFIX}*")))
