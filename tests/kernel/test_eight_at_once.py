"""Several at once: eight processes apply different and equal documents to the same three pods, and none of them harms another.

What may happen to a process is that it waits for the lock, or is told who holds it. The lock is the namespace itself, so it is
one lock whatever the path, it is gone with whoever held it, and what that process has started does not keep it. Here they are
forks that know of no command line, so that many runs meet; test_together.py does the same with whole commands.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from converge.lab.run import child
from converge.model import GuestNetwork, Operation, Outcome, Result
from converge.reconcile import reconcile
from tests.kernel.driving import applied, plan, told
from tests.kernel.inside import Pod, settle, shell
from tests.kernel.matrix import BRIDGE, MASQUERADE, NO_PORTS, NOTHING, STORAGE, STORAGE_LINK, settled, wish
from tests.kernel.test_interrupted import interfering

PROCESSES, ROUNDS = 8, 20
NICS = (MASQUERADE, NO_PORTS, (*MASQUERADE, STORAGE), BRIDGE, NOTHING)
PATIENT, HASTY = 60.0, 0.01

# Holds the lock of the namespace at that path until its standard input closes.
HOLD = """import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print('ready', flush=True)
sys.stdin.read()"""


def within(document: GuestNetwork, seconds: float) -> Result:
    """Apply, waiting for the lock that long at most."""
    with ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(reconcile, document, apply=True, lock_seconds=seconds).result()


@contextmanager
def forked(act: Callable[[int], None]) -> Iterator[tuple[int, int]]:
    """A process that does that, with the writing end of a pipe, and dies; its number, and the reading end."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reading)
            act(writing)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        yield process, reading
    finally:
        os.close(reading)


def read_all(reading: int) -> bytes:
    with os.fdopen(os.dup(reading), "rb") as file:
        return file.read()


def many(here: list[Pod], seed: int, writing: int) -> None:
    """One of the eight: its rounds, told as one JSON list of outcomes and errors. Half of them wait for a lock, half hardly."""
    chance, told_of = random.Random(seed), []
    for _ in range(ROUNDS):
        result = within(wish(chance.choice(here), chance.choice(NICS)), HASTY if seed % 2 else PATIENT)
        told_of.append([result.outcome.value, [each.detail for each in result.diagnostics]])
    os.write(writing, json.dumps(told_of).encode())


def locked(outcome: str, details: list[str]) -> bool:
    return outcome == "refused" and len(details) == 1 and details[0].startswith("the pod is locked by ")


def test_eight_at_once(pod: Callable[..., Pod]) -> None:
    here = [pod(name, addresses4=(f"10.244.1.{place}/24",), addresses6=(f"fd10:244:1::{place}/64",)) for name, place in PODS]
    before, targets = [], []
    for each in here:
        shell(each.netns, "sysctl -qw net.ipv6.conf.default.accept_dad=0\n" + STORAGE_LINK)
        settle(each.netns)
        before.append(settled(each))
        applied(wish(each, (*MASQUERADE, STORAGE)))
        targets.append(settled(each))
    outcomes = run_all(here)
    assert len(outcomes) == PROCESSES * ROUNDS
    wrong = [each for each in outcomes if each[0] not in ("applied", "unchanged") and not locked(*each)]
    assert not wrong
    count = Counter(outcome for outcome, _ in outcomes)
    assert count["applied"] > PROCESSES, "they had something to do"
    print(dict(count))
    for each, target, original in zip(here, targets, before, strict=True):
        applied(wish(each, (*MASQUERADE, STORAGE)))
        assert settled(each) == target
        assert plan(wish(each, (*MASQUERADE, STORAGE))).outcome is Outcome.UNCHANGED
        applied(wish(each, NOTHING))
        assert settled(each) == original


PODS = (("one", 5), ("two", 6), ("three", 7))


def run_all(here: list[Pod]) -> list[tuple[str, list[str]]]:
    running = []
    for seed in range(PROCESSES):
        with forked(lambda writing, seed=seed: many(here, seed, writing)) as (process, reading):  # type: ignore[misc]
            running.append((process, os.dup(reading)))
    outcomes: list[tuple[str, list[str]]] = []
    for process, reading in running:
        told_of: list[Any] = json.loads(read_all(reading) or b"[]")
        outcomes += [(outcome, details) for outcome, details in told_of]
        os.close(reading)
        assert os.waitpid(process, 0)[1] == 0
    return outcomes


# --------------------------------------------------------------------------------------------------------- the lock


@pytest.mark.parametrize("path", ["/run/netns/{netns}", "/proc/{pid}/ns/net"])
def test_the_holder_is_named(pod: Callable[..., Pod], path: str) -> None:
    """However it came to the namespace."""
    here = pod()
    with child("ip", "netns", "exec", here.netns, "sh", "-c", "echo ready; read _") as inmate:
        found = path.format(netns=here.netns, pid=inmate.pid)
        with child(sys.executable, "-c", HOLD, found) as holder:
            result = within(wish(here, MASQUERADE), 0.1)
            assert result.outcome is Outcome.REFUSED
            (why,) = result.diagnostics
            assert why.detail.startswith(f"the pod is locked by process {holder.pid} ({sys.executable} -c import fcntl")
            assert why.detail.endswith("waited 0.1 s")
            assert plan(wish(here, MASQUERADE)).outcome is Outcome.PLANNED, "looking needs no lock"
        applied(wish(here, MASQUERADE))


def test_a_lock_is_waited_for(pod: Callable[..., Pod]) -> None:
    here = pod()
    with child(sys.executable, "-c", HOLD, f"/run/netns/{here.netns}") as holder, ThreadPoolExecutor(max_workers=1) as one:
        waiting = one.submit(within, wish(here, MASQUERADE), 30.0)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.2)
        assert holder.stdin is not None
        holder.stdin.close()
        assert waiting.result().outcome is Outcome.APPLIED


@pytest.mark.parametrize("nics", [MASQUERADE, BRIDGE], ids=["masquerade", "bridge"])
def test_killed_with_the_lock_in_hand(pod: Callable[..., Pod], nics: tuple[Any, ...]) -> None:
    """Before its first operation, in the middle, and after the last but one. Whoever comes next need not wait for a moment."""
    here = pod()
    last = len(plan(wish(here, nics)).plan.steps) - 1
    for number in (0, last // 2, last):
        with forked(lambda writing, number=number: until(wish(here, nics), number, writing)) as (process, reading):  # type: ignore[misc]
            assert os.read(reading, 1) == b"!", "it did not come so far"
            busy = within(wish(here, nics), 0.0)
            assert locked(busy.outcome.value, [each.detail for each in busy.diagnostics]), told(busy)
            assert f"process {process} (" in busy.diagnostics[0].detail
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        result = within(wish(here, nics), 0.0)
        assert result.outcome is Outcome.APPLIED, told(result)
        assert within(wish(here, NOTHING), 0.0).outcome is Outcome.APPLIED


def until(document: GuestNetwork, number: int, writing: int) -> None:
    """Apply, and at that operation say so and stop."""

    def hook(count: int, do: Callable[[], None], _operation: Operation) -> None:
        if count == number:
            os.write(writing, b"!")
            signal.pause()
        do()

    with interfering(hook):
        within(document, PATIENT)


def test_the_command_line_names_the_holder_too(pod: Callable[..., Pod]) -> None:
    here = pod()
    with child(sys.executable, "-c", HOLD, f"/run/netns/{here.netns}") as holder:
        command = [sys.executable, "-m", "converge", "unwire", "--netns", here.netns, "--timeout", "100ms"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert f"the pod is locked by process {holder.pid} (" in done.stderr
