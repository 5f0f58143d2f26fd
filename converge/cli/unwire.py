"""`converge unwire`: gives pods their own network back."""

from __future__ import annotations

import sys

from converge.cli import plan
from converge.cli.apply import shown
from converge.cli.arguments import Namespace, Parser, UsageError
from converge.cli.documents import chosen
from converge.cli.looking import look_at
from converge.cli.screen import screen
from converge.cli.writing import write

ERROR = 1
DESCRIPTION = """Give pods back the network that the CNI made: names, MAC, MTU, addresses, routes and sysctls as they
were captured before the first apply. Afterwards nothing of converge is left in them.

examples:
  converge unwire states/web.yaml        the pods of these documents
  converge unwire --netns web            a pod of which there is no document any more
  converge plan --unwire                 only show what it would do

exit code: 0; 1 failed, and every pod is as before; 3 failed, and a pod could not be put back;
with --detailed-exitcode 2 when something was changed and verified."""


def define(parser: Parser) -> None:
    plan.define_selection(parser)
    parser.add_argument("--netns", metavar="NAME", help="the pod with this namespace, instead of those of documents")


def run(arguments: Namespace) -> int:
    from converge.reconcile import anonymous, nothing

    if arguments.netns and (arguments.paths or arguments.only or arguments.selector):
        raise UsageError("--netns names the pod; leave PATH, --only and --selector out")
    to = screen(arguments)
    if arguments.netns:
        looked = look_at([anonymous(arguments.netns)], (), arguments, apply=True)
    else:
        asked = chosen(arguments)
        if not asked.valid:
            to.problems(asked.diagnostics)
            return ERROR
        looked = look_at([nothing(each) for each in asked.documents], asked.diagnostics, arguments, apply=True)
    if isinstance(looked, str):
        write(sys.stderr, [f"converge: {looked}"])
        return ERROR
    return shown(looked, to, arguments)
