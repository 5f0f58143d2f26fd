"""First apply of one pod: locked, observed, planned, applied and verified in process, against the tools told the same thing.

The floor knows beforehand what to do. Its texts are made from the plan's own operations, and what is timed is three processes
started in the namespace: `nft -f`, `ip -batch` (links, tap, addresses, routes, marks) and `sysctl -w`. It observes and verifies
nothing. Each sample needs a new pod; afterwards both ways must leave pods in which nothing is to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.clock import forget, in_turns, spawned, timed
from bench.figures import Row, Sample, median
from bench.pods import all_of, apply, check, documents, expect, in_thread, pods, text, wire
from converge.kernel.namespace import cookie, enter
from converge.kernel.writer import Writer
from converge.lab.run import NETNS_DIR
from converge.model import GuestNetwork, Operation, Outcome, Plan

ROUNDS = 31
GOAL, STRETCH = 1.0, 0.5


def rows(quick: bool) -> Iterator[Row]:
    rounds = 7 if quick else ROUNDS
    with pods(2 * rounds + 1, "first-") as names, TemporaryDirectory() as place:
        wanted = documents([text(name) for name in names])
        wire(wanted[:1])  # and so everything is imported
        told, ours = iter(wanted[1::2]), iter(wanted[2::2])
        actions = {"tools": partial(_by_tools, told, Path(place)), "converge": partial(_by_us, ours)}
        taken = in_turns(rounds, actions)
        expect(all_of(wanted, check), Outcome.UNCHANGED)
    yield Row(
        "first apply of one pod, against nft, ip and sysctl", median(taken["converge"]), median(taken["tools"]), GOAL, STRETCH
    )


def _by_us(waiting: Iterator[GuestNetwork]) -> Sample:
    document = next(waiting)
    forget()
    taken, result = timed(lambda: in_thread(lambda: apply(document)))
    expect([result], Outcome.APPLIED)
    return taken


@dataclass(frozen=True, slots=True)
class Texts:
    """What the tools are told. `sysctls` are arguments, `nft` and `ip` standard input. No tool starts the NIC's server: both
    sides start it alike, by `servers`.
    """

    nft: str
    ip: str
    sysctls: tuple[str, ...]
    servers: tuple[Operation, ...] = ()


def texts(plan: Plan) -> Texts:
    """The operations of a plan, by tool, in their order; what we send as one is told bit by bit."""
    operations = [part for step in plan.steps for part in step.operation.parts or (step.operation,)]
    nft = [str(value) for operation in operations if operation.call == "nft" for _, value in operation.arguments]
    sysctls = [f"{name}={value}" for operation in operations if operation.call == "sysctl" for name, value in operation.arguments]
    servers = tuple(operation for operation in operations if operation.call == "process start")
    ip = [str(operation) for operation in operations if operation.call not in ("nft", "sysctl", "process start")]
    return Texts("\n".join(nft) + "\n", "\n".join(ip) + "\n", tuple(sysctls), servers)


def _by_tools(waiting: Iterator[GuestNetwork], place: Path) -> Sample:
    document = next(waiting)
    told = texts(in_thread(lambda: check(document)).plan)
    nft, ip = place / "nft", place / "ip"
    nft.write_text(told.nft)
    ip.write_text(told.ip)
    children: list[Sample] = []
    own, _ = timed(lambda: in_thread(lambda: children.extend(_told(document, nft, ip, told))))
    return Sample(own.cpu + sum(child.cpu for child in children), own.wall)


def _told(document: GuestNetwork, nft: Path, ip: Path, told: Texts) -> Iterator[Sample]:
    descriptor = os.open(NETNS_DIR / document.target.value, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(descriptor)
        yield spawned(("nft", "-f", "-"), nft)
        yield spawned(("ip", "-batch", "-"), ip)
        yield spawned(("sysctl", "-q", "-w", *told.sysctls))
        for operation in told.servers:
            Writer(cookie()).execute(operation)
    finally:
        os.close(descriptor)
