"""Bytes of one file, as text whose every character has a place.

A place is a character index until someone needs to read it. Lines are what an editor counts (LF, CR LF, CR), not what YAML
1.1 counts (it also breaks lines at NEL, LS and PS), so lines and columns are made here from indexes and never taken from
the parser.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Protocol

from converge.model import MOST_BYTES, Diagnostic, Position, Severity, Text

MAX_SNIPPET = 400
LINE_BREAK = re.compile(r"\r\n?|\n")
# What YAML 1.1 lets stand in a stream (section 5.1); all else is refused by libyaml with a byte offset, which helps nobody. The
# longer class takes 5 ms to compile, so ASCII has a short one and each is compiled when it is first used.
UNPRINTABLE_ASCII = r"[^\t\n\r\x20-\x7e]"
UNPRINTABLE = r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


class Span(Protocol):
    """A range of characters by index; the end is exclusive."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Range:
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """Decoded text; `starts` holds the index at which each line begins."""

    filename: str
    text: str
    starts: tuple[int, ...]

    def position(self, span: Span) -> Position:
        start = min(span.start, len(self.text))
        line = bisect_right(self.starts, start)
        end = min(max(span.end, start), len(self.text))
        end_line = bisect_right(self.starts, end, lo=line)
        return Position(self.filename, line, start - self.starts[line - 1] + 1, end_line, end - self.starts[end_line - 1] + 1)

    def line(self, number: int) -> str | None:
        """The text of a line, or None where it is too long to be printed (a minified JSON file is one line)."""
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return None if end - start > MAX_SNIPPET else self.text[start:end].rstrip("\r\n")

    def diagnostic(
        self,
        span: Span,
        summary: str,
        detail: str,
        *,
        severity: Severity = Severity.ERROR,
        nic: str | None = None,
        cause: tuple[str, str] | None = None,
    ) -> Diagnostic:
        at = self.position(span)
        return Diagnostic(summary, detail, at, severity, nic, self.line(at.line), cause)


def made(filename: str, text: str) -> Source:
    return Source(filename, text, (0, *(match.end() for match in LINE_BREAK.finditer(text))))


def decode(text: Text) -> tuple[Source, list[Diagnostic]]:
    """The text of a file, and what is wrong with its bytes. With a diagnostic the source is only good for showing the place."""
    if len(text.data) > MOST_BYTES:
        detail = f"the file has {len(text.data)} bytes\na state file has at most {MOST_BYTES} bytes (1 MiB); split it"
        return _refused(made(text.filename, text.data[:MAX_SNIPPET].decode("utf-8", "replace")), 0, "File too large", detail)
    encoding = "utf-16" if text.data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        decoded = text.data.decode(encoding)
    except UnicodeDecodeError as error:
        before = len(text.data[: error.start].decode(encoding, "replace"))
        source = made(text.filename, text.data.decode(encoding, "replace"))
        byte = text.data[error.start]
        return _refused(source, before, "Not UTF-8", f"byte 0x{byte:02x} is not {encoding.upper()} text\nsave the file as UTF-8")
    source = made(text.filename, decoded.removeprefix("\ufeff"))
    if match := re.search(UNPRINTABLE_ASCII if source.text.isascii() else UNPRINTABLE, source.text):
        return _refused(source, match.start(), "Control character", _unprintable(match.group()))
    return source, []


def _unprintable(character: str) -> str:
    detail = f"character U+{ord(character):04X} may not stand in YAML"
    if character == "\0":
        return detail + "\nthe file is binary or UTF-16 without a byte order mark; save it as UTF-8"
    return detail + "\nremove it, or write it as an escape between double quotes where it belongs to a text"


def _refused(source: Source, index: int, summary: str, detail: str) -> tuple[Source, list[Diagnostic]]:
    return source, [source.diagnostic(Range(index, index + 1), summary, detail)]
