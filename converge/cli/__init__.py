"""The command line: one file a verb. Reads arguments, calls reconcile, prints what report makes of it.

A verb's file is imported only when it is asked for, and imports what it needs when it needs it: a timer runs `check` every few
seconds, and an interpreter takes longer to start than a pod to be looked at. A verb's module has `DESCRIPTION`, `ERROR` (its exit
code for usage and input errors), `define(parser)` and `run(arguments)`.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from converge.cli.arguments import UsageError, filled, parser_of, text_width
from converge.cli.writing import write

VERBS = {
    "validate": "read the documents and say everything that is wrong with them; touches no pod",
    "plan": "show what apply would do",
    "diff": "the same as a unified diff in YAML, current against desired",
    "apply": "make the pods as the documents say, and verify it; on failure a pod is put back as it was",
    "status": "say what each NIC is now, and which address its guest has",
    "domain-xml": "print the libvirt device elements of each NIC",
    "snapshot": "write down what pods hold, to plan for them elsewhere",
    "unwire": "give pods back the network that the CNI made",
    "check": "say for each NIC whether its pod still is as the documents say",
    "fmt": "write state files in one form; comments and meaning stay",
    "schema": "print the JSON Schema of a kind of document",
    "completion": "print a script that lets a shell complete the command line",
    "version": "print versions of converge and of what it uses",
    "lab": "throw-away pods to try it out on",
}

HELP = """usage: converge VERB [PATH...] [options]

YAML says which NICs each VM guest should have; converge makes each pod's network namespace so.

verbs:
{verbs}

PATH is a file, a directory or - for standard input; left out, it is states/.

try it, as root, where states/ is:
  converge lab up            make the pods that the examples in states/ name
  converge plan              what would be done?
  converge apply             do it
  converge check             is it still so?
  converge lab down          remove the pods

`converge VERB --help` tells more. Exit codes: 0 well; 1 an error, for check and diff: drift; 2 for check and diff an error;
3 apply failed and could not put everything back."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code. Nothing is raised but what is a bug.

    Modules are no garbage, but the collector goes through them while they are imported and again when the interpreter ends: 17 of
    the 120 ms that a `check` takes. So a process of our own lets it rest.
    """
    if argv is not None:
        return _main(list(argv))
    gc.set_threshold(100_000)
    code = _main(sys.argv[1:])
    gc.freeze()
    return code


def _main(words: list[str]) -> int:
    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        write(sys.stdout, [_help()])
        return 0
    if name in ("-V", "--version"):
        words, name = ["version"], "version"
    if name not in VERBS:
        return _wrong(UsageError(_unknown(name)), "converge --help", 1)
    try:
        return _run(name, module_of(name), words[1:])
    except KeyboardInterrupt:
        return 130


def module_of(verb: str) -> ModuleType:
    return import_module(f"converge.cli.{verb.replace('-', '_')}")


def _run(name: str, verb: ModuleType, words: list[str]) -> int:
    parser = parser_of(name, verb.DESCRIPTION)
    verb.define(parser)
    try:
        code: int = verb.run(parser.parse_args(words))
        return code
    except UsageError as wrong:
        return _wrong(wrong, f"converge {name} --help", verb.ERROR)
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)


def _help() -> str:
    text = HELP.format(verbs="\n".join(f"  {name:10} {about}" for name, about in VERBS.items()))
    return filled(text, text_width())


def _unknown(name: str) -> str:
    if name.startswith("-"):
        return f"the verb comes first, before {name}"
    from difflib import get_close_matches

    near = get_close_matches(name, VERBS, 1)
    return f"no verb {name!r}" + (f"; did you mean {near[0]}?" if near else "")


def _wrong(wrong: UsageError, more: str, code: int) -> int:
    write(sys.stderr, [f"converge: {wrong}", f"See `{more}`."])
    return code
