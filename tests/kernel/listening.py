"""What happens in a namespace while a test does something, as `ip monitor` and `nft monitor` tell it.

Silence proves something only if the listener hears. So each monitor is made to hear a *fence* first and last: an event that the
listener causes itself, in a place where no converge looks (a nexthop object, an nft table of its own). Events come in order, so
everything between the two fences is all that happened between them, with no waiting for time to pass.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Thread
from typing import TextIO

from converge.lab.run import batch, inside

DEADLINE = 10.0
_FENCE = re.compile(r"\b(id |fence)429490\d{4}\b")
_GENERATION = "# new generation"
_numbers = itertools.count(4294900001)


@dataclass(frozen=True, slots=True)
class Heard:
    """Complete only after the block: `routing` and `nft` are the lines that the two monitors printed in between.

    Neighbour entries are not among them: converge writes none, and the kernel collects old ones whenever the table that all
    namespaces of a node share is full.
    """

    routing: list[str] = field(default_factory=list)
    nft: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [*self.routing, *self.nft]


@contextmanager
def monitor(netns: str) -> Iterator[Heard]:
    """Both monitors on this namespace, whose loopback must be up. Let it come to rest before, or its own noise is heard."""
    heard = Heard()
    with ExitStack() as stack:
        routing = stack.enter_context(_listening(netns, ["ip", "-n", netns, "monitor", "label", "all"], _cause_nexthop))
        nft = stack.enter_context(_listening(netns, ["ip", "netns", "exec", netns, "nft", "monitor"], _cause_table))
        yield heard
        heard.routing.extend(line for line in routing.until_now() if "[NEIGH]" not in line)
        heard.nft.extend(nft.until_now())


def _cause_nexthop(netns: str) -> str:
    number = next(_numbers)
    batch(netns, [f"nexthop add id {number} blackhole", f"nexthop delete id {number}"])
    return f"Deleted id {number} "


def _cause_table(netns: str) -> str:
    name = f"fence{next(_numbers)}"
    inside(netns, "nft", "-f", "-", stdin=f"add table inet {name}\n")
    inside(netns, "nft", "-f", "-", stdin=f"delete table inet {name}\n")
    return f"delete table inet {name}"


@dataclass(frozen=True, slots=True)
class Ear:
    """The lines of a running monitor. `cause` makes a fence in the namespace and says how its end reads."""

    netns: str
    cause: Callable[[str], str]
    lines: Queue[str]

    def until_now(self) -> list[str]:
        heard = self.up_to(self.cause(self.netns), DEADLINE)
        assert heard is not None, "the monitor does not hear any more"
        return heard

    def up_to(self, fence: str, seconds: float) -> list[str] | None:
        """All lines before this fence's end, fences left out; None when that was not heard in time."""
        lines: list[str] = []
        end = time.monotonic() + seconds
        try:
            while not lines or fence not in lines[-1]:
                lines.append(self.lines.get(timeout=max(0.0, end - time.monotonic())))
        except Empty:
            return None
        return _without_fences(lines)


@contextmanager
def _listening(netns: str, command: list[str], cause: Callable[[str], str]) -> Iterator[Ear]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ear = Ear(netns, cause, Queue())
        reader = Thread(target=_pass_on, args=(process.stdout, ear.lines), daemon=True)
        reader.start()
        try:
            _wait_until_it_hears(ear)
            yield ear
        finally:
            process.terminate()
            reader.join(DEADLINE)


def _pass_on(stream: TextIO, lines: Queue[str]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))


def _wait_until_it_hears(ear: Ear) -> None:
    """Fences until the first is heard, since a monitor needs a moment; then one more, up to which all is dropped."""
    end = time.monotonic() + DEADLINE
    while ear.up_to(ear.cause(ear.netns), 0.1) is None:
        assert time.monotonic() < end, "the monitor does not hear"
    ear.until_now()


def _without_fences(lines: list[str]) -> list[str]:
    """nft tells of a commit's generation after it. The first such line can only belong to the fence before."""
    kept: list[str] = []
    fence = True
    for line in lines:
        if not (_FENCE.search(line) or (fence and line.startswith(_GENERATION)) or not line.strip()):
            kept.append(line)
        fence = bool(_FENCE.search(line))
    return kept
