"""What a test does in a namespace: run commands there, answer there, ask from there.

An outcome of `tcp`, `udp` is text: `guest saw 192.0.2.7`, `refused`, `silent`, `unreachable: …` (see converge.lab.talk).
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from converge.lab import packets, run
from converge.lab.guest import GuestSpec, guest_on
from converge.lab.packets import Held, held, ping, serving, settle
from converge.lab.pods import OUTSIDE4, OUTSIDE6, PodSpec

__all__ = [
    "OUTSIDE4",
    "OUTSIDE6",
    "GuestSpec",
    "Held",
    "Pod",
    "answer",
    "guest_on",
    "held",
    "ns",
    "ping",
    "serving",
    "settle",
    "shell",
    "tcp",
    "udp",
]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the lab: names of its namespace, of its node's and of the outside host's, and how it was made."""

    netns: str
    node: str
    outside: str
    spec: PodSpec


def ns(netns: str, command: str) -> str:
    """One command, as one would type it. Raises with what it said when it fails."""
    return run.inside(netns, *shlex.split(command))


def shell(netns: str, script: str) -> str:
    """Several, one a line; the first that fails ends it."""
    return run.inside(netns, "sh", "-e", stdin=script)


def answer(netns: str, command: str) -> Any:
    """What a command with JSON output said."""
    return json.loads(ns(netns, command) or "[]")


def tcp(netns: str, address: str, port: int, seconds: float = packets.SILENT_AFTER) -> str:
    return packets.ask(netns, "tcp", address, port, seconds)


def udp(netns: str, address: str, port: int, seconds: float = packets.SILENT_AFTER) -> str:
    return packets.ask(netns, "udp", address, port, seconds)
