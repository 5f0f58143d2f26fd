"""`converge diff`: the difference as unified YAML, current against desired."""

from __future__ import annotations

import sys

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, pods
from converge.cli.looking import ended, look
from converge.cli.plan import define_adoption, define_recorded
from converge.cli.screen import screen
from converge.cli.writing import write

ERROR = 2
DESCRIPTION = """Show the difference between each pod and its document as a unified diff in YAML, current against desired.

examples:
  converge diff                          all documents under states/
  converge diff states/web.yaml
  converge diff -q && echo as desired
  converge diff --from snapshots/        against snapshots, without root and on any machine

exit code: 0 no difference; 1 differences; 2 an error."""


def define(parser: Parser) -> None:
    pods(parser)
    define_adoption(parser)
    define_recorded(parser)


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    from converge.report import document, unified
    from converge.report.age import snapshot

    found = document.planned(looked.results, looked.about_files)
    to.lines(unified.lines(found, to.style))
    if not to.quiet:
        write(sys.stderr, (f"{pod['document']}: {age}" for pod in found["pods"] if not pod["changes"] for age in snapshot(pod)))
    to.diagnostics(found["diagnostics"])
    return ended(looked, verdict.worst((verdict.DIFFERENCE[result.outcome] for result in looked.results), ERROR))
