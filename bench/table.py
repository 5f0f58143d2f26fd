"""Rows as a Markdown table, and the page that holds it. Pure.

The page is written by hand but for what stands between the two markers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.figures import Row, Sample

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_HEAD = ("what", "floor CPU", "floor wall", "CPU", "wall", "ratio", "goal", "verdict")
_TEXT = (0, 7)
"""Columns that begin at the left."""


class NoMarkers(ValueError):
    """The page does not hold both markers, in their order."""


def table(rows: Iterable[Row]) -> str:
    """One line a row, columns padded so that the source reads as a table too. Times are in milliseconds."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    rule = "|".join(("-" * (width + 2)) if number in _TEXT else ("-" * (width + 1) + ":") for number, width in enumerate(widths))
    head, *body = (_line(line, widths) for line in lines)
    return "\n".join((head, f"|{rule}|", *body))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    pads = (str.ljust if number in _TEXT else str.rjust for number in range(len(widths)))
    return f"| {' | '.join(pad(cell, width) for pad, cell, width in zip(pads, cells, widths, strict=True))} |"


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×"
    return (row.name, *_times(row.floor), *_times(row.candidate), ratio, _goal(row), row.verdict)


def _times(sample: Sample | None) -> tuple[str, str]:
    return ("", "") if sample is None else (_ms(sample.cpu), _ms(sample.wall))


def _ms(value: float) -> str:
    """Three digits that mean something, no more."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"≤ {row.goal:g} ×" + (f" ({row.stretch:g})" if row.stretch is not None else "")


def between_markers(page: str, text: str) -> str:
    """The page with `text` as all that stands between the markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoMarkers(f"the page holds no {BEGIN} before {END}")
    return f"{before}{begin}\n{text.strip()}\n{end}{after}"
