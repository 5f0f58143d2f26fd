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
  converge lab demo      make them, plan, apply, show the wiring, plan again, send packets, remove them
  converge lab guest web on the tap of lab-web, once applied: a stand-in guest that asks for its addresses, until `down`"""


def define(parser: Parser) -> None:
    parser.add_argument("what", metavar="up|down|demo|guest", choices=("up", "down", "demo", "guest"), help="what to do")
    parser.add_argument("pod", metavar="POD", nargs="?", help="the guest's pod, without lab-; one that has a guest gets another")
    parser.add_argument("--tap", default="tap0", help="the tap that the guest opens (default: tap0)")
    parser.add_argument("--mac", default="", help="the guest's MAC (default: what the CNI gave the pod link)")


def run(arguments: Namespace) -> int:
    from converge.lab import demo, pods
    from converge.lab.run import LabError

    names = [pods.HERE.netns(name) for name in demo.NAMES]
    try:
        if arguments.what == "guest":
            return guest(arguments)
        if arguments.what == "demo":
            return demo.demo()
        if arguments.what == "up":
            pods.up(demo.PODS)
            write(sys.stdout, [f"pods: {', '.join(names)}", "next: converge plan, converge apply; in the end: converge lab down"])
        else:
            pods.down([*demo.NAMES, *(f"{name}-guest" for name in demo.NAMES)])
    except LabError as wrong:
        write(sys.stderr, [f"converge: {wrong}"])
        return ERROR
    return 0


def guest(arguments: Namespace) -> int:
    """Error too when nobody answered the guest; it stays, to be looked at."""
    from converge.lab import plug
    from converge.lab.demo import PODS
    from converge.lab.run import LabError

    spec = {each.name: each for each in PODS}.get(arguments.pod)
    if spec is None:
        raise LabError(f"a guest of which pod? One of: {', '.join(each.name for each in PODS)}")
    plugged = plug.plug(spec, arguments.tap, arguments.mac)
    write(sys.stdout, plug.words(plugged, spec, arguments.tap, arguments.mac))
    return 0 if plugged.lease4 or plugged.lease6 else ERROR
