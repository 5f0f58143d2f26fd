"""`converge status`: what each NIC is now. Read-only."""

from __future__ import annotations

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, pods
from converge.cli.looking import ended, look
from converge.cli.screen import screen

ERROR = 1
DESCRIPTION = """Say what each NIC is now: its links, and which address its guest has and where that is known from.
Looks only; changes nothing.

examples:
  converge status                        one line a NIC
  converge status -o wide                also the guest's MAC, the pod link, the bridge

guest address: `lease` was confirmed by the NIC's DHCP server; `intended` is what it would give.
exit code: 0; 1 an error."""


def define(parser: Parser) -> None:
    pods(parser, ("table", "wide"))


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    looked = look(arguments, to, logs=True)
    if looked is None:
        return ERROR
    from converge.report import document, status

    found = status.rows(looked.results)
    if found:
        to.lines(status.lines(found, status.WIDE if arguments.output == "wide" else status.TABLE, to.style))
    to.diagnostics(document.planned(looked.results, looked.about_files)["diagnostics"])
    return ended(looked, verdict.worst((verdict.APPLY[result.outcome] for result in looked.results), ERROR))
