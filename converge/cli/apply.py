"""`converge apply`: plan, apply, verify. Asks nothing, since a timer may run it."""

from __future__ import annotations

from converge.cli import plan, verdict
from converge.cli.arguments import Namespace, Parser, UsageError
from converge.cli.looking import Looked, ended, look
from converge.cli.screen import Screen, screen

ERROR = 1
DESCRIPTION = """Make each pod's network namespace as its document says, and verify it by looking again. Asks
nothing. A pod in which something fails is put back as it was, and stops no other pod. Applied again, it changes nothing.

examples:
  converge apply                         all documents under states/
  converge apply --only shop/web         one of them
  converge apply --dry-run               what would be done: the same as plan
  converge apply --prune                 and unwire pods whose document is gone
  converge apply --plan plan.json        only if that is still exactly what would be done
  kubectl get vmi NAME -o yaml | converge apply -

exit code: 0; 1 failed, and every pod is as before; 3 failed, and a pod could not be put back;
with --detailed-exitcode 2 when something was changed and verified."""


def define(parser: Parser) -> None:
    plan.define_pruning(parser)
    plan.define_adoption(parser)
    about = "go on only if what would be done is what this saved plan says; else say what differs, and touch nothing"
    parser.add_argument("--plan", metavar="FILE", help=about)
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done, as plan does")


def run(arguments: Namespace) -> int:
    if arguments.dry_run and arguments.plan:
        raise UsageError("--plan is to be applied; leave --dry-run out, or --plan")
    if arguments.dry_run:
        return plan.run(arguments)
    to = screen(arguments)
    if arguments.plan:
        from converge.cli import approving

        looked = approving.look(arguments, to)
    else:
        looked = look(arguments, to, apply=True)
    return ERROR if looked is None else shown(looked, to, arguments)


def shown(looked: Looked, to: Screen, arguments: Namespace) -> int:
    """Print what became of the pods; the exit code."""
    from converge.report import document, text

    found = document.applied(looked.results, looked.about_files, looked.duration_ms)
    if to.json:
        to.value(found)
    else:
        to.lines(text.apply(found, to.style, operations=to.verbose))
        to.diagnostics(found["diagnostics"])
    codes = verdict.DETAILED if arguments.detailed_exitcode else verdict.APPLY
    return ended(looked, verdict.worst((codes[result.outcome] for result in looked.results), ERROR))
