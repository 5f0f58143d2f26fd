"""Numbered datagrams, two hundred a second, both ways at once: how many were sent, and which ones arrived?

`streaming` runs one end in each of two namespaces; after the block, what was sent and what arrived stands in the counts. Each way
is a flow of its own, from port FROM of one end to port TO of the other. Run as a file it is one end:

    counting.py PEER      says `ready`, is told to go, sends until its standard input closes, prints [sent, arrived, repeated]
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

FROM, TO, A_SECOND = 6001, 5001, 200
PYTHON = (sys.executable, "-I", "-S")
QUIET = 2.0
"""Seconds that the end of the other's stream is waited for."""


@dataclass(frozen=True, slots=True)
class End:
    """Where one end is, and the address that it is reached by."""

    netns: str
    address: str


@dataclass(slots=True)
class Counts:
    """By way, `there` from the first end to the second: sent and lost. Complete only after the block."""

    sent: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    repeated: int = 0


@contextmanager
def streaming(first: End, second: End) -> Iterator[Counts]:
    from converge.lab.run import child

    counts = Counts()
    with ExitStack() as stack:
        ends = [
            stack.enter_context(child("ip", "netns", "exec", own.netns, *PYTHON, str(Path(__file__)), other.address))
            for own, other in ((second, first), (first, second))
        ]
        for each in ends:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        yield counts
        for each in ends:
            assert each.stdin is not None
            each.stdin.close()
        (sent2, arrived2, again2), (sent1, arrived1, again1) = (
            json.loads(each.stdout.readline()) for each in ends if each.stdout is not None
        )
        counts.sent = {"there": sent1, "back": sent2}
        counts.lost = {"there": sent1 - arrived2, "back": sent2 - arrived1}
        counts.repeated = again1 + again2


def bound(family: socket.AddressFamily, port: int) -> socket.socket:
    found = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    found.bind(("", port))
    return found


def main(peer: str) -> None:
    """Sends on until told to end, then says so to the other end, and listens until that has said so too."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with bound(family, FROM) as out, bound(family, TO) as back:
        print("ready", flush=True)
        os.read(0, 8)
        arrived: list[int] = []
        sent, ended, start = 0, False, time.monotonic()
        while not select.select([0], [], [], 0)[0]:
            out.sendto(b"%d" % sent, (peer, TO))
            sent += 1
            ended |= listen(back, arrived, start + sent / A_SECOND)
        out.sendto(b"end", (peer, TO))
        end = time.monotonic() + QUIET
        while not ended and time.monotonic() < end:
            ended = listen(back, arrived, end)
    print(json.dumps([sent, len(set(arrived)), len(arrived) - len(set(arrived))]), flush=True)


def listen(back: socket.socket, arrived: list[int], until: float) -> bool:
    """Notes what arrives until then; True at once when the other end has said that it sends no more."""
    while (left := until - time.monotonic()) > 0:
        if not select.select([back], [], [], left)[0]:
            return False
        data = back.recv(64)
        if data == b"end":
            return True
        arrived.append(int(data))
    return False


if __name__ == "__main__":
    main(sys.argv[1])
