"""The manual page, in roff, from the verbs' own parsers and descriptions: `python -m converge.cli.manual` prints it.

man/converge.1 is what it prints; `./just man` writes it, and a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from converge.cli import HELP
from converge.cli.grammar import Argument, Verb, verbs
from converge.cli.writing import write

ENVIRONMENT = {
    "NO_COLOR": "When set to anything, nothing is printed in colour. Nor is it off a terminal, or with TERM=dumb.",
    "COLUMNS": "The width that help texts and, on a terminal, tables are made for, in place of the terminal's own.",
}


def page() -> Iterator[str]:
    """Lines of roff (man macros, as groff_man(7) and mandoc have them)."""
    yield '.\\" Made by ./just man from the parsers of converge/cli; do not edit.'
    yield '.TH CONVERGE 1 "" "converge"'
    yield from (".SH NAME", "converge \\- make the network namespace of each pod what YAML says")
    yield from (".SH SYNOPSIS", ".B converge", ".I VERB", "[\\fIPATH\\fR...] [\\fIoptions\\fR]")
    about, _, rest = HELP.partition("\n\n")[2].partition("\n\nverbs:\n{verbs}\n\n")
    yield ".SH DESCRIPTION"
    yield from _text(about + "\n\n" + rest)
    yield ".SH VERBS"
    for verb in verbs():
        yield from _verb(verb)
    yield ".SH ENVIRONMENT"
    for name, text in ENVIRONMENT.items():
        yield from (".TP", f".B {name}", *_folded(text))


def _verb(verb: Verb) -> Iterator[str]:
    yield f".SS converge {verb.name}"
    yield from _text(verb.text)
    for each in verb.arguments:
        if "--help" not in each.flags:
            yield from (".TP", _head(each), *_folded(each.about))
    if verb.more:
        yield ".PP"
        yield from _text(verb.more)


def _head(each: Argument) -> str:
    value = f"\\fI{_escaped(each.value)}\\fR" if each.value else ""
    if not each.flags:
        return f"{value}{'...' if each.many else ''}"
    return ", ".join(f"\\fB{_escaped(flag)}\\fR" for flag in each.flags) + (f" {value}" if value else "")


def _text(text: str) -> Iterator[str]:
    """Paragraphs; lines that are indented stay as they are."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ".PP"
        for literal, lines in groupby(paragraph.split("\n"), key=lambda line: line.startswith("  ")):
            if literal:
                yield from (".RS 2", ".nf", *(_line(line.removeprefix("  ")) for line in lines), ".fi", ".RE")
            else:
                yield from _folded(" ".join(lines))


def _folded(text: str) -> Iterator[str]:
    """In the short lines that roff's readers expect."""
    yield from map(_line, wrap(text, 72, break_on_hyphens=False, break_long_words=False))


def _line(text: str) -> str:
    """A dot or a quote at the start would be a command."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "\\(aq")) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")


if __name__ == "__main__":
    write(sys.stdout, page())
