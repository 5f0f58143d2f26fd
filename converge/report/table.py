"""The lines of one pod's changes, in columns: symbol, title, attributes, NIC, source.

A source is printed where it differs from the one above. On a terminal, columns move together, and what still does not fit is
broken between attributes; text that goes elsewhere is never broken, so it stays the same wherever it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from converge.report.rows import Row
from converge.report.style import Style, columns, padded, shown

TITLE, PHRASES = 48, 64
"""The most that titles and attributes are aligned to; what is longer pushes its own line only."""
GAP = "  "


def table(rows: Sequence[Row], style: Style) -> Iterator[str]:
    symbols = max((len(each.symbol) for each in rows), default=0)
    titles = _width((each.title for each in rows), TITLE)
    rights = list(_rights(rows))
    phrases = _width((GAP.join(each.phrases) for each in rows), PHRASES)
    indent = 2 + symbols + 1
    if style.width is not None:
        free = style.width - indent - titles - 2 * len(GAP) - max(map(columns, rights), default=0)
        phrases = min(phrases, max(free, 0))
    for each, right in zip(rows, rights, strict=True):
        start = f"  {padded(each.symbol, symbols)} {padded(shown(each.title), titles)}{GAP}"
        first, *more = _lines(each.phrases, right, phrases, start, style.width)
        yield style.paint(each.action, first[:indent]) + first[indent:]
        yield from more
        yield from (_below(symbol, text, indent, style) for symbol, text in each.below)


def _width(texts: Iterable[str], most: int) -> int:
    return max((width for text in texts if (width := columns(shown(text))) <= most), default=0)


def _rights(rows: Sequence[Row]) -> Iterator[str]:
    """NIC and source of each row."""
    nics = _width((each.nic for each in rows), TITLE)
    above = ""
    for each in rows:
        source = each.source if each.source != above else ""
        above = each.source or above
        yield f"{padded(shown(each.nic), nics)}{GAP}{shown(source)}".rstrip()


def _lines(words: Sequence[str], right: str, phrases: int, start: str, width: int | None) -> list[str]:
    """One row: with NIC and source in their columns, else close by, else on a line of their own."""
    indent = " " * columns(start)
    first, *more = _broken(words, width, columns(start))
    below = [indent + text for text in more]
    for line in (f"{start}{padded(first, phrases)}{GAP}{right}".rstrip(), f"{start}{first}{GAP}{right}".rstrip()):
        if width is None or columns(line) <= width:
            return [line, *below]
    return [f"{start}{first}".rstrip(), *below, *([indent + right] if right else [])]


def _broken(words: Sequence[str], width: int | None, start: int) -> list[str]:
    """The attributes of one row in as few lines as the screen allows."""
    lines = [""]
    for word in map(shown, words):
        longer = f"{lines[-1]}{GAP}{word}" if lines[-1] else word
        if lines[-1] and width is not None and start + columns(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _below(symbol: str, text: str, indent: int, style: Style) -> str:
    return " " * (indent + 2) + style.paint("create" if symbol == "+" else "delete", f"{symbol} {shown(text)}")
