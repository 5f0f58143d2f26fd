"""How text looks on the stream it goes to: colours, and columns on a screen.

Columns are not characters: a tab reaches to the next stop, East Asian wide characters take two, combining marks none. What could
steer a terminal (escape sequences, changes of the writing direction) is shown as one replacement character instead.
"""

from __future__ import annotations

from dataclasses import dataclass

PAINT = {"create": "32", "update": "33", "delete": "31", "error": "31", "warning": "33", "note": "36", "head": "1", "dim": "2"}
TAB = 8
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Style:
    """`width` is the terminal's, None where the text goes anywhere else: it is then never wrapped."""

    colour: bool = False
    width: int | None = None

    def paint(self, name: str, text: str) -> str:
        return f"\x1b[{PAINT[name]}m{text}\x1b[0m" if self.colour and text else text


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
