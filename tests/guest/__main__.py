"""A look through a guest's eyes, by hand: `python -m tests.guest states/web.yaml`.

Makes the throw-away pods that the file names, applies it, boots a guest on each pod's taps, and prints as JSON what it sees.
Nothing is left. With `--run`, shell commands in the guest follow; with `--static`, the guest asks for no lease and is given the
addresses that a lease would have.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from converge.lab import pods
from converge.lab.demo import PODS, ended_by_signals
from converge.lab.run import LabError
from tests.guest.console import Silent
from tests.guest.image import image
from tests.guest.kernel import CannotBuild
from tests.guest.machine import boot
from tests.guest.plugged import NotApplied, Wired, read, usual, wired
from tests.guest.scenario import DHCLIENT, UDHCPC, Scenario, Setup

KNOWN = {spec.name: spec for spec in PODS}


def main(words: Sequence[str]) -> int:
    arguments = _parser().parse_args(words)
    try:
        image()
        with ended_by_signals(), lab([document.target.value for document in read(arguments.file)]):
            for plug in wired(arguments.file, usual if arguments.static else lambda _: Setup(client=arguments.client)):
                show(plug, arguments)
    except (CannotBuild, LabError, NotApplied, Silent, OSError) as error:
        print(f"guest: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest", description=__doc__.split("\n\n")[1])
    parser.add_argument("file", type=Path, metavar="FILE", help="a state file whose documents name their pods like lab-web")
    parser.add_argument("--client", choices=(UDHCPC, DHCLIENT), default=UDHCPC, help="the guest's DHCP client")
    parser.add_argument("--static", action="store_true", help="no client: the guest is given its addresses")
    for option, metavar, about in (
        ("--connect", "HOST:PORT", "a TCP connection to try from the guest"),
        ("--ping", "HOST", "an address to ask from the guest"),
        ("--run", "COMMAND", "a shell command to run in the guest"),
    ):
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=f"{about}; may be repeated")
    parser.add_argument("--console", action="store_true", help="print the guest's console on standard error")
    return parser


@contextmanager
def lab(names: Sequence[str]) -> Iterator[None]:
    """The pods of `converge lab`, or ones of the usual kind for other names. Refuses where one is there already."""
    if not all(re.fullmatch(r"[a-z0-9].*-[a-z0-9]+", name) for name in names):
        raise LabError("a throw-away pod has a name of two parts, such as lab-web")
    made: list[tuple[pods.Place, str]] = []
    try:
        for number, (prefix, dash, name) in enumerate(name.rpartition("-") for name in names):
            place = pods.Place(prefix + dash)
            pods.up([KNOWN.get(name) or _spec(name, 50 + number)], place)
            made.append((place, name))
        yield
    finally:
        for place, name in made:
            pods.down([name], place)


def _spec(name: str, number: int) -> pods.PodSpec:
    return pods.PodSpec(name, (f"10.244.1.{number}/24",), (f"fd10:244:1::{number:x}/64",), mac=f"0a:58:0a:f4:01:{number:02x}")


def show(plug: Wired, arguments: argparse.Namespace) -> None:
    scenario = Scenario(connect=arguments.connect, ping=arguments.ping)
    with boot(plug.netns, plug.nics, scenario, plug.document.tap_owner) as guest:
        try:
            seen: dict[str, Any] = {"document": plug.document.full_name, **guest.report()}
            if arguments.run:
                answers = [(command, guest.run(command)) for command in arguments.run]
                seen["run"] = [{"command": command, "code": each.code, "output": each.output} for command, each in answers]
            print(json.dumps(seen, indent=2))
        finally:
            if arguments.console:
                print(guest.console, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
