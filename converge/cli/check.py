"""`converge check`: is each pod still as its document says? Read-only, and quick enough for a timer."""

from __future__ import annotations

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, pods
from converge.cli.looking import ended, look
from converge.cli.screen import screen
from converge.model import Result

ERROR = 2
DESCRIPTION = """Say for each NIC whether its pod still is as the document says. Looks only; changes nothing.

examples:
  converge check                         one line a NIC
  converge check -q || converge apply    put right what somebody changed
  converge check -o json

exit code: 0 in sync; 1 drift, or facts that were captured are lost; 2 an error."""


def define(parser: Parser) -> None:
    pods(parser, ("text", "json"))


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    from converge.report import check, document

    found = document.checked(looked.results, looked.about_files)
    if to.json:
        to.value(found)
    else:
        to.lines(check.lines(found, to.style))
        to.diagnostics(found["diagnostics"])
    return ended(looked, verdict.worst(map(_code, looked.results), ERROR))


def _code(result: Result) -> int:
    from converge.reconcile import shows_loss

    return max(verdict.DIFFERENCE[result.outcome], int(shows_loss(result)))
