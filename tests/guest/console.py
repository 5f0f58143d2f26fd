"""Listening to a process that talks: lines as they come, and lines of JSON among them as events.

A thread reads all the time, so the process never waits for us. Whoever waits for something is woken when something is said, and
always has a deadline.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

MARK = "CONVERGE-JSON "
Event = Mapping[str, Any]
Found = TypeVar("Found")


class Silent(Exception):
    """The process ended, or did not say in time what was waited for. The text ends with the last lines it did say."""


@dataclass(slots=True)
class Console:
    """Everything said so far. Written by the reading thread only."""

    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    ended: bool = False
    news: threading.Condition = field(default_factory=threading.Condition)

    def read(self, stream: IO[bytes]) -> None:
        """Until the stream ends. Options of a lease may hold any bytes; they survive as surrogates."""
        for raw in stream:
            self._add(raw.decode("utf-8", "surrogateescape").rstrip("\r\n"))
        with self.news:
            self.ended = True
            self.news.notify_all()

    def _add(self, line: str) -> None:
        _, mark, text = line.partition(MARK)
        with self.news:
            self.lines.append(line)
            if mark:
                self.events.append(_parsed(text))
            self.news.notify_all()

    def await_event(self, fits: Callable[[Event], bool], seconds: float, about: str, after: int = 0) -> Event:
        """The first event that fits, behind `after` others that do."""
        return self._await(lambda: [event for event in self.events if fits(event)][after:], seconds, about)

    def await_line(self, text: str, seconds: float) -> str:
        """The first line with this text in it."""
        return self._await(lambda: [line for line in self.lines if text in line], seconds, repr(text))

    def _await(self, look: Callable[[], list[Found]], seconds: float, about: str) -> Found:
        end = time.monotonic() + seconds
        with self.news:
            while not (found := look()):
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    why = "the process has ended" if self.ended else f"not within {seconds:g} s"
                    raise Silent(f"waited for {about}: {why}\n{self.tail()}")
                self.news.wait(left)
            return found[0]

    def tail(self) -> str:
        return "\n".join(self.lines[-25:])


def _parsed(text: str) -> Event:
    """A message of the guest's kernel can break a line; then who waits for it says so, with the console."""
    try:
        event: Event = json.loads(text)
    except json.JSONDecodeError:
        return {"event": "garbled", "text": text}
    return event


@contextmanager
def listened(process: subprocess.Popen[bytes]) -> Iterator[Console]:
    """Listens to standard output, and ends the process with the block."""
    assert process.stdout is not None
    console = Console()
    reader = threading.Thread(target=console.read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield console
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
