"""How text looks on the stream it goes to: colours, and columns on a screen.

Columns are not characters: a tab reaches to the next stop, East Asian wide characters take two, combining marks none. What could
steer a terminal (escape sequences, changes of the writing direction) is shown as one replacement character instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PAINT = {"create": "32", "update": "33", "delete": "31", "error": "31", "warning": "33", "note": "36", "head": "1", "dim": "2"}
COLOUR = re.compile(r"\x1b\[[0-9]*m")
TAB = 8
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Style:
    """`width` is the terminal's, None where the text goes anywhere else: it is then never wrapped."""

    colour: bool = False
    width: int | None = None

    def paint(self, name: str, text: str) -> str:
        return f"\x1b[{PAINT[name]}m{text}\x1b[0m" if self.colour and text else text

    def wrapped(self, line: str, indent: int = 4) -> Iterator[str]:
        """A line in as many as the screen needs, broken between words; those that follow are indented."""
        rest = line
        while self.width is not None and columns(COLOUR.sub("", rest)) > self.width:
            first = _fitting(rest, self.width, indent)
            if not first:
                break
            yield first.rstrip()
            rest = " " * indent + rest[len(first) :].lstrip(" ")
        yield rest


def _fitting(line: str, width: int, indent: int) -> str:
    """The longest beginning that ends before a blank and fits, "" where there is none."""
    ends = [match.start() for match in re.finditer(r"(?<! ) +", line) if match.start() > indent]
    return next((line[:end] for end in reversed(ends) if columns(COLOUR.sub("", line[:end])) <= width), "")


def shown(line: str) -> str:
    """One line as it may be printed: tabs as blanks, nothing that is not printable."""
    if line.isprintable():
        return line
    parts: list[str] = []
    column = 0
    for character in line:
        text = character if character.isprintable() else REPLACEMENT
        if character == "\t":
            text = " " * (TAB - column % TAB)
        parts.append(text)
        column += columns(text)
    return "".join(parts)


def columns(text: str) -> int:
    """How many columns a printable text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))
