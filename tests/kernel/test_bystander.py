"""No packet of one NIC is lost while another is wired, changed and unwired. Counted, both ways."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from converge.lab.run import PYTHON
from tests.kernel.driving import applied
from tests.kernel.inside import GuestSpec, Pod, guest_on, ns, settle, shell
from tests.kernel.matrix import IPV4, NO_PORTS, NOTHING, STORAGE, STORAGE_LINK, wish

MakePod = Callable[..., Pod]

# Answers each datagram with itself, in the guest; counts answers, outside. The sender ends at the end of its input.
ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 7000)); print("ready", flush=True)
while True:
    data, peer = s.recvfrom(64); s.sendto(data, peer)
"""
ASK = """
import select, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("10.244.1.5", 7000))
sent, seen, stop = 0, set(), False
print("ready", flush=True)
while not stop:
    s.send(str(sent).encode()); sent += 1
    stop = bool(select.select([sys.stdin], [], [], 0)[0])
    while select.select([s], [], [], 0.005)[0]: seen.add(s.recv(64))
end = time.monotonic() + 1
while len(seen) < sent and time.monotonic() < end:
    if select.select([s], [], [], 0.05)[0]: seen.add(s.recv(64))
print(sent, len(seen))
"""


@contextmanager
def script(netns: str, text: str) -> Iterator[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", netns, *PYTHON, "-c", text]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_nothing_is_lost(pod: MakePod) -> None:
    here = pod(**IPV4)
    shell(here.netns, STORAGE_LINK)
    applied(wish(here, NO_PORTS))
    settle(here.netns)
    guest = GuestSpec("tap0", "0a:58:0a:f4:01:05", ("10.0.2.2/24",), ("10.0.2.1",))
    with guest_on(here.netns, guest) as inside, script(inside, ECHO), script(here.outside, ASK) as asking:
        for _ in range(10):
            applied(wish(here, (*NO_PORTS, STORAGE)))
            ns(here.netns, "ip link set k6t-49a25f9feef down")
            applied(wish(here, (*NO_PORTS, STORAGE)))
            applied(wish(here, NO_PORTS))
        told, _ = asking.communicate("\n", timeout=20)
    sent, answered = map(int, told.split())
    print(f"{sent} sent, {answered} answered")
    assert sent == answered > 50
    applied(wish(here, NOTHING))
