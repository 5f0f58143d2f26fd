"""`python -m bench [--quick] [ROW ...]`: measure, print the table, and put it into docs/performance.md after a whole run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from bench import first, noop, parts, ports, process
from bench.figures import Row
from bench.machine import described
from bench.pods import clean
from bench.table import between_markers, table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
GROUPS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "process": process.rows,
    "first": first.rows,
    "ports": ports.rows,
    "parts": parts.rows,
    "noop": noop.rows,
}
"""In this order: a thousand namespaces that are being destroyed disturb whatever comes after them."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parsed(arguments)
    signal.signal(signal.SIGTERM, _ended)
    if os.geteuid():
        print("bench: network namespaces are made by root only", file=sys.stderr)
        return 1
    if asked.clean:
        clean()
        return 0
    chosen = asked.rows or list(GROUPS)
    start = time.monotonic()
    rows = [row for name in GROUPS if name in chosen for row in _said(name, asked.quick)]
    text = table(rows) + f"\n\nMeasured on {described()}."
    print(text)
    print(f"bench: {time.monotonic() - start:.0f} s", file=sys.stderr)
    if not asked.quick and not asked.rows:
        PAGE.write_text(between_markers(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these, and the page stays as it is: {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="fewer samples, at most 100 pods; the page stays as it is")
    parser.add_argument("--clean", action="store_true", help="remove what a killed run has left, and measure nothing")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.rows if name not in GROUPS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)} (there are {', '.join(GROUPS)})")
    return asked


def _said(name: str, quick: bool) -> list[Row]:
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    return list(GROUPS[name](quick))


def _ended(_number: int, _frame: FrameType | None) -> None:
    """As Ctrl-C, so that every block is left in order."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("bench: ended early; its namespaces are removed", file=sys.stderr)
        sys.exit(130)
