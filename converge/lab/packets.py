"""Who answers when this namespace asks that address, and which source does it see? Real packets, between namespaces of the lab.

An outcome is text: `NAME saw ADDRESS`, or `refused`, `silent`, `unreachable: …`.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from converge.lab.run import LabError, child, inside, python_file, read_line, run

SILENT_AFTER = 1.0


@contextmanager
def serving(netns: str, name: str, *ports: str) -> Iterator[None]:
    """Answers as NAME on ports such as `tcp/80` and `udp/53`, IPv4 and IPv6, on all addresses of the namespace."""
    with child("ip", "netns", "exec", netns, *python_file("talk.py"), "serve", name, *ports):
        yield


def ask(netns: str, protocol: str, address: str, port: int, seconds: float = SILENT_AFTER) -> str:
    return inside(netns, *python_file("talk.py"), "ask", protocol, address, str(port), str(seconds)).strip()


@dataclass(frozen=True, slots=True)
class Held:
    """An established TCP connection. `greeting` is what the server said first."""

    process: subprocess.Popen[str]
    greeting: str

    def echo(self, text: str, seconds: float = 5.0) -> str:
        """What comes back; raises when nothing does, empty when the connection has ended."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        return read_line(self.process, seconds)


@contextmanager
def held(netns: str, address: str, port: int) -> Iterator[Held]:
    command = ["ip", "netns", "exec", netns, *python_file("talk.py"), "hold", address, str(port)]
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        yield Held(process, read_line(process, 10.0))


def ping(netns: str, address: str, seconds: float = SILENT_AFTER) -> int | None:
    """The hop limit that the answer arrived with, which tells how many routers were between; None when none arrived."""
    command = ["ip", "netns", "exec", netns, "ping", "-n", "-c", "1", "-W", str(seconds), address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 10)
    found = re.search(r"ttl=(\d+)", done.stdout)
    return int(found.group(1)) if found else None


def settle(netns: str, seconds: float = 5.0) -> None:
    """Waits until no IPv6 address of this namespace is tentative: until then a link cannot be asked for neighbours."""
    end = time.monotonic() + seconds
    while tentative := run("ip", "-n", netns, "-6", "-o", "address", "show", "tentative"):
        if time.monotonic() > end:
            raise LabError(f"still tentative in {netns} after {seconds:g} s:\n{tentative}")
        time.sleep(0.05)
