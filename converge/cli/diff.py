"""`converge diff`: the difference as unified YAML, current against desired."""

from __future__ import annotations

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, pods
from converge.cli.looking import ended, look
from converge.cli.plan import define_adoption
from converge.cli.screen import screen

ERROR = 2
DESCRIPTION = """Show the difference between each pod and its document as a unified diff in YAML, current against desired.

examples:
  converge diff                          all documents under states/
  converge diff states/web.yaml
  converge diff -q && echo as desired

exit code: 0 no difference; 1 differences; 2 an error."""


def define(parser: Parser) -> None:
    pods(parser)
    define_adoption(parser)


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    from converge.report import document, unified

    found = document.planned(looked.results, looked.about_files)
    to.lines(unified.lines(found, to.style))
    to.diagnostics(found["diagnostics"])
    return ended(looked, verdict.worst((verdict.DIFFERENCE[result.outcome] for result in looked.results), ERROR))
