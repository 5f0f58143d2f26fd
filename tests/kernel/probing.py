"""Who answers, and whom does it see? A list of questions from one namespace, asked all at once by one process there.

Who answered a ping is told by the hop limit that the answer started with: `tell_apart` gives each namespace its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from converge.lab.run import PYTHON, inside, write_sysctls

SCRIPT = str(Path(__file__).with_name("probing_inside.py"))
DEADLINE = 1.0
"""Seconds until an unanswered question counts as silence. An answer takes a few milliseconds."""

HOPS = {"guest": 40, "pod": 64, "outside": 100}
"""Hop limits at the start; a packet here passes two routers at most. 64 is the kernel's own, and the pod is not ours to
change.
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """`protocol` is tcp, udp or icmp; `source` is empty for the address that the kernel chooses."""

    protocol: str
    address: str
    port: int = 0
    source: str = ""

    def __str__(self) -> str:
        by = f" from {self.source}" if self.source else ""
        return f"{self.protocol} {self.address}{f' port {self.port}' * bool(self.port)}{by}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answers` is the name of who answered, else `refused`, `silent`, `unreachable`; `sees` the source it saw, where it can
    tell.
    """

    answers: str
    sees: str = ""


def tell_apart(netns: str, name: str, link: str) -> None:
    """Echo replies of this namespace start with a hop limit that names it, whatever a router advertisement says of hop limits."""
    hops = str(HOPS[name])
    ipv6 = f"net/ipv6/conf/{link}"
    write_sysctls(netns, {"net/ipv4/ip_default_ttl": hops, f"{ipv6}/accept_ra_min_hop_limit": "255", f"{ipv6}/hop_limit": hops})


def send(netns: str, probes: Iterable[Probe], seconds: float = DEADLINE) -> dict[Probe, Verdict]:
    asked = list(dict.fromkeys(probes))
    questions = json.dumps([[each.protocol, each.address, each.port, each.source] for each in asked])
    outcomes = json.loads(inside(netns, *PYTHON, SCRIPT, str(seconds), stdin=questions))
    return {each: verdict(outcome) for each, outcome in zip(asked, outcomes, strict=True)}


def verdict(outcome: str) -> Verdict:
    name, saw, address = outcome.partition(" saw ")
    if saw:
        return Verdict(name, address)
    if outcome.isdigit():
        return Verdict(next(name for name, hops in HOPS.items() if hops - 2 <= int(outcome) <= hops))
    return Verdict(outcome)
