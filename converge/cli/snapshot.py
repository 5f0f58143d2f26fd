"""`converge snapshot`: pods written down, so that they can be planned for where they are not. Read-only."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from converge.cli.arguments import Namespace, Parser, UsageError, pods
from converge.cli.documents import chosen
from converge.cli.screen import Screen, screen
from converge.cli.writing import replaced, write
from converge.model import MOST_BYTES, Diagnostic, GuestNetwork, Snapshot

ERROR = 1
DESCRIPTION = """Write down what each pod's namespace holds, as YAML: one document a pod, for `converge plan --from`. Looks only;
changes nothing. No secret is in it. Taken again of an unchanged pod, only the time differs.

examples:
  converge snapshot --out snapshots/     one file a pod, in this directory
  converge snapshot states/web.yaml      to standard output
  converge snapshot --netns web          a pod of which there is no document
  converge plan --from snapshots/        anywhere: no root, no kernel needed

exit code: 0; 1 an error, and the other pods are written all the same."""


def define(parser: Parser) -> None:
    pods(parser)
    parser.add_argument("--netns", metavar="NAME", help="the pod with this namespace, instead of those of documents")
    parser.add_argument(
        "--out", metavar="FILE", help="a file for all, or a directory (named with a / at its end) for one file a pod"
    )


def run(arguments: Namespace) -> int:
    if arguments.netns and (arguments.paths or arguments.only or arguments.selector):
        raise UsageError("--netns names the pod; leave PATH, --only and --selector out")
    to = screen(arguments)
    documents = _documents(arguments, to)
    if documents is None:
        return ERROR
    from converge.cli.running import lacks_rights, record_all

    reason = lacks_rights()
    if reason is not None:
        write(sys.stderr, [f"converge: {reason}"])
        return ERROR
    found, signal = record_all(documents, arguments)
    problems = [each for each in found if isinstance(each, Diagnostic)]
    to.problems(problems)
    snapshots = [each for each in found if isinstance(each, Snapshot)]
    if snapshots:
        _write(snapshots, arguments.out, to)
    return 128 + signal if signal else ERROR if problems else 0


def _documents(arguments: Namespace, to: Screen) -> Sequence[GuestNetwork] | None:
    if arguments.netns:
        from converge.reconcile import anonymous

        return [anonymous(arguments.netns)]
    asked = chosen(arguments)
    to.problems(asked.diagnostics)
    return asked.documents if asked.valid else None


def _write(snapshots: Sequence[Snapshot], out: str | None, to: Screen) -> None:
    from converge.view.snapshot import text, texts

    if out is None:
        write(sys.stdout, texts(snapshots).splitlines())
        return
    files = dict(_files(snapshots, out)) if out.endswith("/") or os.path.isdir(out) else {out: list(snapshots)}
    for path, held in files.items():
        whole = texts(held) if len(held) > 1 else text(held[0])
        if len(whole.encode()) > MOST_BYTES:
            raise UsageError(f"{path} would be larger than 1 MiB, which nobody reads; name a directory with --out, as {path}/")
        replaced(path, whole)
    to.lines([f"Snapshots of {_counted(len(snapshots), 'pod')} in {_counted(len(files), 'file')}: {out}"])


def _files(snapshots: Iterable[Snapshot], folder: str) -> Iterator[tuple[str, list[Snapshot]]]:
    os.makedirs(folder, exist_ok=True)
    for each in snapshots:
        names = filter(None, (each.namespace, each.name))
        yield os.path.join(folder, "_".join(re.sub(r"[^A-Za-z0-9.-]", "-", name) for name in names) + ".yaml"), [each]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
