"""`converge status`: what each NIC is now. Read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from converge.cli import verdict
from converge.cli.arguments import Namespace, Parser, UsageError, pods
from converge.cli.documents import chosen
from converge.cli.looking import Looked, ended, look
from converge.cli.screen import Screen, screen
from converge.model import Diagnostic, Text
from converge.sources.directory import read_file

if TYPE_CHECKING:
    from converge.report.vmi_status import Guest

T = TypeVar("T")
ERROR = 1
DESCRIPTION = """Say what each NIC is now: its links, and which address its guest has and where that is known from.
Looks only; changes nothing.

examples:
  converge status                        one line a NIC
  converge status -o wide                also the guest's MAC, the pod link, the bridge
  converge status -o yaml                status.interfaces, as KubeVirt writes it

  virsh dumpxml shop_web > web.xml       the same with what is known of one guest
  virsh qemu-agent-command shop_web '{"execute": "guest-network-get-interfaces"}' > web.json
  converge status --only shop/web -o json --domain web.xml --guest-agent web.json

guest address: `lease` was confirmed by the NIC's DHCP server; `intended` is what it would give.
exit code: 0; 1 an error."""


def define(parser: Parser) -> None:
    pods(parser, ("table", "wide", "yaml", "json"))
    parser.add_argument("--domain", metavar="FILE", help="XML of the guest's libvirt domain, for -o yaml and json")
    parser.add_argument("--guest-agent", metavar="FILE", help="the guest agent's list of interfaces, for -o yaml and json")


def run(arguments: Namespace) -> int:
    to = screen(arguments)
    files = arguments.domain, arguments.guest_agent
    if arguments.output in ("table", "wide"):
        if any(name is not None for name in files):
            raise UsageError("--domain and --guest-agent are for -o yaml and -o json")
        return _table(arguments, to)
    guest, wrong = _guest(arguments)
    if wrong:
        to.problems((*chosen(arguments).diagnostics, *wrong))
        return ERROR
    looked = look(arguments, to)
    if looked is None:
        return ERROR
    if len(looked.results) != 1 and any(name is not None for name in files):
        found = len(looked.results)
        raise UsageError(f"--domain and --guest-agent are about one guest, but {found} documents are chosen; use --only")
    return _interfaces(looked, to, guest)


def _guest(arguments: Namespace) -> tuple[Guest, list[Diagnostic]]:
    """What the files say, and what is wrong with them."""
    from converge.documents import guest_agent, libvirt
    from converge.report.vmi_status import Guest

    domain = _read(arguments.domain, libvirt.read)
    agent = _read(arguments.guest_agent, guest_agent.read)
    wrong = [each for each in (domain, agent) if isinstance(each, Diagnostic)]
    if isinstance(domain, Diagnostic) or isinstance(agent, Diagnostic):
        return Guest(), wrong
    return Guest(domain, agent), wrong


def _read(path: str | None, reader: Callable[[Text], T | Diagnostic]) -> T | Diagnostic | None:
    if path is None:
        return None
    found = read_file(path)
    return found if isinstance(found, Diagnostic) else reader(found)


def _interfaces(looked: Looked, to: Screen, guest: Guest) -> int:
    from converge.report import vmi

    found = vmi.described(looked.results, looked.about_files, guest)
    if to.json:
        to.value(found)
    else:
        to.lines(vmi.lines(found))
        to.diagnostics(found["diagnostics"])
    return _ended(looked)


def _table(arguments: Namespace, to: Screen) -> int:
    looked = look(arguments, to, logs=True)
    if looked is None:
        return ERROR
    from converge.report import document, status

    found = status.rows(looked.results)
    if found:
        to.lines(status.lines(found, status.WIDE if arguments.output == "wide" else status.TABLE, to.style))
    to.diagnostics(document.planned(looked.results, looked.about_files)["diagnostics"])
    return _ended(looked)


def _ended(looked: Looked) -> int:
    return ended(looked, verdict.worst((verdict.APPLY[result.outcome] for result in looked.results), ERROR))
