"""`converge fmt`: state files in their canonical form. Reads all of them before it writes the first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converge.cli.arguments import Namespace, Parser, UsageError, common
from converge.cli.documents import DEFAULT
from converge.cli.screen import Screen, screen
from converge.cli.writing import write
from converge.model import Diagnostic, Severity, Text
from converge.report.style import Style, shown
from converge.sources.directory import read

ERROR = 1
DESCRIPTION = """Write state files in one form: two blanks a level, keys in the order of the schema, texts that keep their
quotes, MAC and IPv6 addresses between double quotes. Comments, blank lines, anchors and the meaning stay.

examples:
  converge fmt                           all files under states/; prints the names of those that it changed
  converge fmt --check                   only print which ones it would change, for a pre-commit hook
  converge fmt --check -v states/web.yaml    and show how
  converge fmt - < web.yaml              from standard input to standard output

A file is replaced in one step, or not at all. When one cannot be read as YAML, none is written. JSON files are left alone.
exit code: 0; 1 an error; with --check 1 also when a file would change."""


@dataclass(frozen=True, slots=True)
class Formatted:
    """`before` as it was read: other line ends or another encoding are a difference, too."""

    filename: str
    before: bytes
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after.encode()


def define(parser: Parser) -> None:
    common(parser)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file would change")


def run(arguments: Namespace) -> int:
    if "-" in arguments.paths and len(arguments.paths) > 1:
        raise UsageError("- stands for standard input and output; name no other PATH beside it")
    to = screen(arguments)
    found = read(arguments.paths or [DEFAULT])
    done, diagnostics = _formatted(found.texts)
    diagnostics = [*found.diagnostics, *diagnostics]
    to.problems(diagnostics)
    if any(each.severity is Severity.ERROR for each in diagnostics):
        return ERROR
    changed = [each for each in done if each.changed]
    if arguments.check:
        to.lines(line for each in changed for line in _told(each, to))
        return ERROR if changed else 0
    if arguments.paths == ["-"]:
        write(sys.stdout, (line for each in done for line in each.after.split("\n")[:-1]))
        return 0
    return _rewritten(changed, to)


def _formatted(texts: Sequence[Text]) -> tuple[list[Formatted], list[Diagnostic]]:
    from converge.documents.canonical import canonical
    from converge.documents.text import decode

    done: list[Formatted] = []
    diagnostics: list[Diagnostic] = []
    for text in texts:
        if text.filename.endswith(".json"):
            detail = f"{text.filename} is JSON and was left alone\nstate files that people write are YAML"
            diagnostics.append(Diagnostic("JSON left alone", detail, severity=Severity.NOTE))
            continue
        source, wrong = decode(text)
        after, more = ("", []) if wrong else canonical(source)
        diagnostics += [*wrong, *more]
        done.append(Formatted(text.filename, text.data, after))
    return done, diagnostics


def _told(each: Formatted, to: Screen) -> Iterator[str]:
    """The name of a file that would change; with -v, how."""
    yield shown(each.filename)
    if to.verbose:
        yield from _difference(each, to.style)


def _difference(each: Formatted, style: Style) -> Iterator[str]:
    from difflib import unified_diff

    encoding = "utf-16" if each.before[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    before = each.before.decode(encoding).splitlines()
    paint = {"+": "create", "-": "delete", "@": "note"}
    for line in unified_diff(before, each.after.splitlines(), each.filename, f"{each.filename} (formatted)", lineterm="", n=2):
        name = paint.get(line[:1])
        yield style.paint(name, shown(line)) if name else shown(line)


def _rewritten(changed: Sequence[Formatted], to: Screen) -> int:
    from converge.sources.rewriting import rewrite

    for each in changed:
        try:
            rewrite(each.filename, each.after.encode())
        except OSError as error:
            detail = f"{each.filename} cannot be written: {error.strerror}\nit is as it was"
            to.problems([Diagnostic("Not written", detail)])
            return ERROR
        to.lines([shown(each.filename)])
    return 0
