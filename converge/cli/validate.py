"""`converge validate`: schema and semantics of the documents, without any pod."""

from __future__ import annotations

import sys

from converge.cli.arguments import Namespace, Parser, common
from converge.cli.documents import loaded
from converge.cli.screen import screen
from converge.cli.writing import write
from converge.report import Json, diagnostics, style

ERROR = 1
DESCRIPTION = """Read the documents and say everything that is wrong with them, each with its place. Needs no rights and no pod.

examples:
  converge validate                      all documents under states/
  converge validate -o github states/    annotations in a pull request
  converge validate -o sarif > converge.sarif
  cat web.yaml | converge validate -

exit code: 0 valid; 1 not."""


def define(parser: Parser) -> None:
    common(parser, ("text", "json", "github", "sarif"))


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    found = loaded(arguments)
    value = diagnostics.validation(found.diagnostics)
    if arguments.output == "json":
        to.value(value)
    elif arguments.output != "text":
        _annotate(arguments.output, value)
    else:
        write(
            sys.stdout,
            (line for each in value["diagnostics"] if _wanted(each, to.quiet) for line in diagnostics.lines(each, to.style)),
        )
        to.lines([_sum(value, len(found.documents), to.style)])
    return 0 if found.valid else ERROR


def _annotate(output: str, value: Json) -> None:
    from json import dumps

    from converge.report.annotations import github, sarif

    found = value["diagnostics"]
    write(sys.stdout, github(found) if output == "github" else [dumps(sarif(found), indent=2, ensure_ascii=False)])


def _wanted(found: Json, quiet: bool) -> bool:
    return not quiet or found["severity"] == "error"


def _sum(value: Json, documents: int, how: style.Style) -> str:
    counts = [(value["error_count"], "error"), (value["warning_count"], "warning")]
    told = ", ".join(f"{number} {noun}{'s' * (number != 1)}" for number, noun in counts if number)
    if not value["valid"]:
        return how.paint("error", f"Not valid: {told}.")
    return how.paint("head", f"Valid: {documents} document{'s' * (documents != 1)}" + (f", {told}." if told else "."))
