"""`converge plan`: what apply would do. Looks at each pod and changes nothing."""

from __future__ import annotations

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, pods
from converge.cli.looking import ended, look
from converge.cli.screen import screen

ERROR = 1
DESCRIPTION = """Show what apply would do to each pod. Looks only; changes nothing.

examples:
  converge plan                          all documents under states/
  converge plan states/web.yaml -v       one file, with every kernel call
  converge plan --selector app=shop -o json
  converge plan --detailed-exitcode      2 when there are changes

exit code: 0; 1 an error; with --detailed-exitcode 2 when there are changes.
  +  comes   ~  changes in place   -  goes   -/+  is made anew"""


def define(parser: Parser) -> None:
    define_pruning(parser)
    define_adoption(parser)
    parser.add_argument("--unwire", action="store_true", help="plan giving the pods their own network back, as unwire does")


def define_adoption(parser: Parser) -> None:
    parser.add_argument(
        "--adopt", action="store_true", help="take over pods that KubeVirt has wired: its NAT rules go, ours come"
    )


def define_selection(parser: Parser) -> None:
    pods(parser, ("text", "json"))
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit with 2 when there are changes")


def define_pruning(parser: Parser) -> None:
    define_selection(parser)
    parser.add_argument("--prune", action="store_true", help="also unwire pods that carry our marks and are in no document")
    parser.add_argument("--allow-empty", action="store_true", help="let --prune unwire every pod there is")


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    from converge.report import document, text

    found = document.planned(looked.results, looked.about_files)
    if to.json:
        to.value(found)
    else:
        to.lines(text.plan(found, to.style, operations=to.verbose))
        to.diagnostics(found["diagnostics"])
    codes = verdict.DETAILED if arguments.detailed_exitcode else verdict.APPLY
    return ended(looked, verdict.worst((codes[result.outcome] for result in looked.results), ERROR))
