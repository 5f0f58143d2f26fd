"""Progress of long work on a terminal: one line that is written over, and gone in the end.

Several pods show at once how many are done; a single one says only after a second that it takes its time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

ERASE = "\r\x1b[K"
PATIENCE = 1.0
"""Seconds after which one pod is long work."""


@contextmanager
def progress(stream: TextIO, total: int, verb: str) -> Iterator[Callable[[], None]]:
    """Gives what to call when a pod is done. The stream must be a terminal."""
    done, shown = 0, False

    def show() -> None:
        nonlocal shown
        shown = True
        stream.write(f"{ERASE}{verb}: {done} of {total} {'pod' if total == 1 else 'pods'} done")
        stream.flush()

    def one_more() -> None:
        nonlocal done
        done += 1
        if total > 1:
            show()

    later = threading.Timer(0.0 if total > 1 else PATIENCE, show)
    later.daemon = True
    later.start()
    try:
        yield one_more
    finally:
        later.cancel()
        later.join()
        if shown:
            stream.write(ERASE)
            stream.flush()
