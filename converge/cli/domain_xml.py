"""`converge domain-xml`: the libvirt device elements of each NIC. Read-only."""

from __future__ import annotations

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, pods
from converge.cli.looking import ended, look
from converge.cli.screen import screen
from converge.model import Result

ERROR = 1
DESCRIPTION = """Print what a libvirt domain needs in <devices> for the NICs of each pod. Looks only; changes nothing.

examples:
  converge domain-xml --only shop/web                  elements to be pasted into <devices>
  converge domain-xml -o json | jq -r '.pods[0].nics.default' > nic.xml
  virsh attach-device web nic.xml --config

Each pod must be there, since the guest has the MAC and MTU of its pod link. The taps need not: their names are those that
`converge apply` gives. A domain starts only after that.
exit code: 0; 1 an error, or a NIC that libvirt or QEMU would refuse."""


def define(parser: Parser) -> None:
    pods(parser, ("text", "json"))
    parser.add_argument(
        "--placeholders",
        action="store_true",
        help="add interfaces that make libvirt keep PCI slots for NICs to come, as KubeVirt does: for a first definition only",
    )


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    from converge.report import domain

    found = domain.described(looked.results, looked.about_files, reserve=arguments.placeholders)
    if to.json:
        to.value(found)
    else:
        to.lines(domain.lines(found))
        to.diagnostics(found["diagnostics"])
    return ended(looked, verdict.worst(map(_code, looked.results), ERROR))


def _code(result: Result) -> int:
    from converge.report import domain

    return max(verdict.APPLY[result.outcome], int(domain.fails(result)))
