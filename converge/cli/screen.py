"""Standard output and standard error as a verb uses them. Results go to the one, errors and warnings to the other."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from converge.cli.arguments import Namespace, columns
from converge.cli.writing import write
from converge.model import Diagnostic, Severity
from converge.report import Json, diagnostics
from converge.report.style import Style


@dataclass(frozen=True, slots=True)
class Screen:
    """`json`: standard output carries one JSON value and nothing else; `markdown`: one comment."""

    style: Style
    errors: Style
    quiet: bool
    verbose: bool
    json: bool
    markdown: bool = False

    def lines(self, lines: Iterable[str]) -> None:
        """A result for people."""
        if not self.quiet:
            write(sys.stdout, lines)

    def value(self, value: Json) -> None:
        """A result for programs."""
        write(sys.stdout, [json.dumps(value, indent=2, ensure_ascii=False)])

    def comment(self, text: str) -> None:
        """A result for people who review."""
        write(sys.stdout, [text.removesuffix("\n")])

    def diagnostics(self, found: Iterable[Json]) -> None:
        """Errors always; warnings unless quiet; notes when asked for."""
        least = {Severity.ERROR.value}
        least |= set() if self.quiet else {Severity.WARNING.value}
        least |= {Severity.NOTE.value} if self.verbose and not self.quiet else set()
        shown = [each for each in found if each["severity"] in least]
        write(sys.stderr, (line for each in shown for line in diagnostics.lines(each, self.errors)))

    def problems(self, found: Iterable[Diagnostic]) -> None:
        """What stands in the way of a result. A comment says it, too: the one that is there would else stay as it was."""
        told = [diagnostics.as_json(each) for each in found]
        self.diagnostics(told)
        if self.markdown:
            from converge.report import markdown

            self.comment(markdown.invalid(told))


def screen(arguments: Namespace) -> Screen:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file name may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    plain = arguments.no_color or bool(os.environ.get("NO_COLOR"))
    kind = getattr(arguments, "output", "text")
    styles = _style(sys.stdout, plain), _style(sys.stderr, plain)
    return Screen(*styles, arguments.quiet, arguments.verbose, kind == "json", kind == "markdown")


def _style(stream: TextIO, plain: bool) -> Style:
    if not stream.isatty():
        return Style()
    return Style(colour=not plain and os.environ.get("TERM") != "dumb", width=columns(stream))
