"""`converge lab`: throw-away pods to try converge on. They are namespaces named lab-…; nothing else on the host is touched."""

from __future__ import annotations

import sys

from converge.cli.arguments import Namespace, Parser
from converge.cli.writing import write

ERROR = 1
DESCRIPTION = """Throw-away pods, as a CNI would leave them, for the examples in states/. Needs root.

examples:
  converge lab up        make them
  converge lab down      remove them
  converge lab demo      make them, plan, apply, show the wiring, plan again, send packets, remove them"""


def define(parser: Parser) -> None:
    parser.add_argument("what", metavar="up|down|demo", choices=("up", "down", "demo"), help="what to do")


def run(arguments: Namespace) -> int:
    from converge.lab import demo, pods
    from converge.lab.run import LabError

    names = [pods.HERE.netns(name) for name in demo.NAMES]
    try:
        if arguments.what == "demo":
            return demo.demo()
        if arguments.what == "up":
            pods.up(demo.PODS)
            write(sys.stdout, [f"pods: {', '.join(names)}", "next: converge plan, converge apply; in the end: converge lab down"])
        else:
            pods.down(demo.NAMES)
    except LabError as wrong:
        write(sys.stderr, [f"converge: {wrong}"])
        return ERROR
    return 0
