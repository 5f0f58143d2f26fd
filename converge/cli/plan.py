"""`converge plan`: what apply would do. Looks at each pod and changes nothing."""

from __future__ import annotations

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, UsageError, pods
from converge.cli.looking import Looked, ended, look
from converge.cli.screen import Screen, screen
from converge.cli.writing import replaced
from converge.model import Outcome
from converge.report import Json

ERROR = 1
DESCRIPTION = """Show what apply would do to each pod. Looks only; changes nothing.

examples:
  converge plan                          all documents under states/
  converge plan states/web.yaml -v       one file, with every kernel call
  converge plan --selector app=shop -o json
  converge plan --detailed-exitcode      2 when there are changes
  converge plan --from snapshots/        from snapshots, without root and on any machine
  converge plan --from snapshots/ --base origin/main     only what the change since then does
  converge plan --from snapshots/ --base origin/main -o markdown     as a comment on it
  converge plan --out plan.json          and save it, for `converge apply --plan plan.json`

exit code: 0; 1 an error; with --detailed-exitcode 2 when there are changes.
  +  comes   ~  changes in place   -  goes   -/+  is made anew"""


def define(parser: Parser) -> None:
    define_pruning(parser, ("text", "json", "markdown"))
    define_adoption(parser)
    define_recorded(parser)
    parser.add_argument("--base", metavar="REV", help="show what the change of the documents since this git revision does")
    parser.add_argument("--out", metavar="FILE", help="save the plan, to be approved and given to `apply --plan`")
    parser.add_argument("--unwire", action="store_true", help="plan giving the pods their own network back, as unwire does")


def define_adoption(parser: Parser) -> None:
    parser.add_argument(
        "--adopt", action="store_true", help="take over pods that KubeVirt has wired: its NAT rules go, ours come"
    )


def define_recorded(parser: Parser) -> None:
    about = "plan from snapshots (files or directories) and look at no pod; its PATHs stand before it"
    parser.add_argument("--from", dest="snapshots", metavar="SNAPSHOT", nargs="+", action="extend", default=[], help=about)


def define_selection(parser: Parser, formats: tuple[str, ...] = ("text", "json")) -> None:
    pods(parser, formats)
    parser.add_argument("--detailed-exitcode", action="store_true", help="exit with 2 when there are changes")


def define_pruning(parser: Parser, formats: tuple[str, ...] = ("text", "json")) -> None:
    define_selection(parser, formats)
    parser.add_argument("--prune", action="store_true", help="also unwire pods that carry our marks and are in no document")
    parser.add_argument("--allow-empty", action="store_true", help="let --prune unwire every pod there is")


def run(arguments: Namespace) -> int:
    if getattr(arguments, "base", None) and arguments.out:
        raise UsageError("--base shows a part of what would be done, which cannot be approved as the whole; leave --out out")
    to = screen(arguments)
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    from converge.report import document, text

    if looked.proposal is None:
        found = document.planned(looked.results, looked.about_files)
    else:
        found = document.proposed(looked.proposal, looked.about_files)
    if to.json:
        to.value(found)
    elif to.markdown:
        from converge.report import markdown

        to.comment(markdown.plan(found, looked.results))
        to.diagnostics(found["diagnostics"])
    else:
        to.lines(text.plan(found, to.style, operations=to.verbose))
        to.diagnostics(found["diagnostics"])
    if getattr(arguments, "out", None):
        _save(found, looked, arguments.out, to)
    codes = verdict.DETAILED if arguments.detailed_exitcode else verdict.APPLY
    return ended(looked, verdict.worst((codes[result.outcome] for result in looked.results), ERROR))


def _save(found: Json, looked: Looked, path: str, to: Screen) -> None:
    """Only a whole plan: what stands for one pod of two is not what somebody can approve."""
    from json import dumps

    from converge.report.approval import saved

    if looked.signal or any(result.outcome is Outcome.REFUSED for result in looked.results):
        raise UsageError(f"not every pod could be planned for, so {path} was not written")
    replaced(path, dumps(saved(found, looked.texts), indent=2, ensure_ascii=False) + "\n")
    if not to.json and not to.markdown:
        to.lines([f"Saved: {path}. `converge apply --plan {path}` applies it, if it is still the same then."])
