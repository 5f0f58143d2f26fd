"""Arguments that verbs share, and how their values are written."""

from __future__ import annotations

import argparse
import os
import re
import sys
from argparse import Namespace
from collections.abc import Mapping
from itertools import groupby
from textwrap import wrap
from typing import Any, NoReturn, TextIO

__all__ = ["Namespace", "Parser", "UsageError", "columns", "common", "duration", "filled", "parser_of", "pods", "text_width"]

WIDTH = 100
"""Of help texts that go anywhere else than to a terminal."""

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DURATION = r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+"


class UsageError(Exception):
    """A command line that cannot be understood; the text says why in one line."""


class Parser(argparse.ArgumentParser):
    """argparse would print its usage and exit with 2 whatever the verb; the exit code is the verb's here."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


class Layout(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, and elsewhere always alike."""

    def __init__(self, prog: str, **others: Any) -> None:
        super().__init__(prog, **{**others, "width": text_width()})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return filled(text, width)


def text_width() -> int:
    return (columns(sys.stdout) if sys.stdout.isatty() else None) or WIDTH


def filled(text: str, width: int) -> str:
    """Paragraphs in lines of that width. Lines that are indented stay: they are examples and tables."""
    lines: list[str] = []
    for literal, group in groupby(text.split("\n"), key=lambda line: not line or line.startswith("  ")):
        if literal:
            lines += group
        else:
            lines += wrap(" ".join(group), width, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines)


def columns(stream: TextIO) -> int | None:
    """Of a terminal: what COLUMNS says, else what the terminal says. None where neither knows: text is then not broken."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return int(said)
    return os.get_terminal_size(stream.fileno()).columns or None


def parser_of(verb: str, description: str) -> Parser:
    text, _, examples = description.partition("\n\n")
    return Parser(f"converge {verb}", description=text, epilog=examples or None, formatter_class=Layout, allow_abbrev=False)


def common(parser: Parser, formats: tuple[str, ...] = ("text",)) -> None:
    """What every verb has that reads documents."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="file, directory, or - for standard input (default: states/)")
    if len(formats) > 1:
        parser.add_argument(
            "-o", "--output", choices=formats, default=formats[0], help=f"{', '.join(formats)} (default: {formats[0]})"
        )
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="print more: operations, notes")
    parser.add_argument(
        "--no-color", action="store_true", help="no colours; nor are there any with NO_COLOR set, or off a terminal"
    )


def pods(parser: Parser, formats: tuple[str, ...] = ("text",)) -> None:
    """What every verb has that looks at pods."""
    common(parser, formats)
    parser.add_argument(
        "--selector",
        metavar="KEY=VALUE",
        type=labels,
        action="append",
        default=[],
        help="only documents with this label; repeatable",
    )
    parser.add_argument("--only", metavar="NAMESPACE/NAME", action="append", default=[], help="only this document; repeatable")
    parser.add_argument(
        "--timeout",
        metavar="DURATION",
        type=duration,
        default=60.0,
        help="no pod is begun, and no lock waited for, after this time: 3s, 2m30s (default: 60s)",
    )
    parser.add_argument(
        "--parallelism",
        metavar="N",
        type=positive,
        default=min(8, os.cpu_count() or 1),
        help="pods at a time (default: the processors, 8 at most)",
    )


def duration(text: str) -> float:
    """Seconds."""
    if not re.fullmatch(DURATION, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write 3s or 2m30s")
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text))


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def labels(text: str) -> Mapping[str, str]:
    """`a=b` or `a=b,c=d`: all of them must be there."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(key and sign for key, sign, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return {key: value for key, _, value in pairs}
