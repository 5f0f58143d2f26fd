"""State files from the file system: files, directories (recursively, in name order) and standard input.

Hidden names are passed over, so that a mounted ConfigMap (`..data`) is not read twice and a `.git` not at all. What cannot
be read is a diagnostic without a place, because there is no text to point into.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from converge.model import MOST_BYTES, Diagnostic, Severity, Text

EXTENSIONS = (".yaml", ".yml", ".json")
STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Read:
    texts: tuple[Text, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(paths: Sequence[str]) -> Read:
    """Everything under the paths, each file once, in the order of the paths."""
    texts: list[Text] = []
    diagnostics: list[Diagnostic] = []
    seen: set[str] = set()
    for path in paths:
        for found in [path] if path == "-" else _files(path):
            if isinstance(found, Diagnostic):
                diagnostics.append(found)
                continue
            real = found if found == "-" else os.path.realpath(found)
            if real in seen:
                continue
            seen.add(real)
            text = read_file(found)
            if isinstance(text, Text):
                texts.append(text)
            else:
                diagnostics.append(text)
    return Read(tuple(texts), tuple(diagnostics))


def _files(path: str) -> Iterator[str | Diagnostic]:
    if not os.path.isdir(path):
        yield path
        return
    found = False
    for each in _below(path, frozenset()):
        found = True
        yield each
    if not found:
        yield _said("No state files", f"{path} holds no {', '.join(EXTENSIONS)} file", Severity.WARNING)


def _below(folder: str, above: frozenset[str]) -> Iterator[str | Diagnostic]:
    """`above` holds the folders on the way here, so that a link to one of them does not lead round and round."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield _unreadable(folder, error)
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith("."):
            continue
        if os.path.isdir(path):
            yield from _below(path, above | {real})
        elif name.endswith(EXTENSIONS):
            # A named pipe would be waited for; it was not named by the user, so it is not a state file.
            yield path if _is_regular(path) else _said("Not a file", f"{path} is not a regular file\nremove it, or rename it")


def _is_regular(path: str) -> bool:
    """A dangling link counts, so that opening it says what is wrong."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def read_file(path: str) -> Text | Diagnostic:
    try:
        if path == "-":
            return _limited(STDIN, sys.stdin.buffer)
        with open(path, "rb") as file:
            return _limited(path, file)
    except OSError as error:
        return _unreadable(path, error)


def _limited(filename: str, file: BinaryIO) -> Text | Diagnostic:
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return _said("File too large", f"{filename} has more than {MOST_BYTES} bytes (1 MiB)\nsplit it")
    return Text(filename, data)


def _unreadable(path: str, error: OSError) -> Diagnostic:
    if isinstance(error, FileNotFoundError):
        return _said("Path not found", f"{path} does not exist\nname a file, a directory, or - for standard input")
    return _said("Path not readable", f"{path} cannot be read: {error.strerror}\nname a file or directory that can be read")


def _said(summary: str, detail: str, severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic(summary, detail, severity=severity)
