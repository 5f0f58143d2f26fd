"""Writing to a stream whose reader may have gone.

Where it has (`converge plan | head -1`), the rest is dropped: what became of the pods decides the exit code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO


def write(stream: TextIO, lines: Iterable[str]) -> None:
    try:
        stream.writelines(f"{line}\n" for line in lines)
        stream.flush()
    except BrokenPipeError:
        # Whatever is still buffered would raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
