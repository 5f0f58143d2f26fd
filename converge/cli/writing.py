"""Writing to a stream whose reader may have gone.

Where it has (`converge plan | head -1`), the rest is dropped: what became of the pods decides the exit code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from converge.cli.arguments import UsageError


def write(stream: TextIO, lines: Iterable[str]) -> None:
    try:
        stream.writelines(f"{line}\n" for line in lines)
        stream.flush()
    except BrokenPipeError:
        # Whatever is still buffered would raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def replaced(path: str, text: str) -> None:
    """The file has the new text or the old one, never a part: it is written beside and put in place. Raises UsageError."""
    beside = f"{path}.{os.getpid()}.new"
    try:
        with open(beside, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(beside)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
