"""What is meant for the guest must not reach the pod's neighbours: not for a moment, not while a binding changes.

A masquerade NIC's server gives out leases and advertises itself as a router, on a bridge that only the guest is on. A bridge NIC
puts the pod link onto that same bridge, and with it everybody on the CNI's network. One advertisement there, and each neighbour
has a default route into this pod for hours. So the one must have ended before the other begins.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from converge.lab.run import PYTHON, inside
from converge.model import Operation
from tests.kernel.driving import applied, plan
from tests.kernel.inside import Pod, ns, settle
from tests.kernel.matrix import BRIDGE, MASQUERADE, NOTHING, Nics, wish
from tests.kernel.test_interrupted import interfering

# Ask for a router and for a lease, as a link does that has just come up, and list who answers: source ports and ICMPv6 types.
_ASK = """
import json, select, socket, struct, time
def heard(seconds):
    found, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and select.select([wire], [], [], left)[0]:
        frame = wire.recv(2048)
        if frame[12:14] == b"\\x86\\xdd" and frame[20] == 58 and frame[54] == 134:
            found.append("router advertisement")
        if frame[12:14] == b"\\x08\\x00" and frame[23] == 17 and frame[34:36] == b"\\x00\\x43":
            found.append("lease")
    return found
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 3))
mac = wire.getsockname()[4]
ask = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
ask.setsockopt(41, 18, 255)
ask.sendto(bytes([133, 0, 0, 0, 0, 0, 0, 0]), ("ff02::2%eth0", 0))
offer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
offer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
offer.setsockopt(socket.SOL_SOCKET, 25, b"eth0")
offer.bind(("", 68))
body = struct.pack("!BBBBIHH16x6s10x192x", 1, 1, 6, 0, 7, 0, 0x8000, mac) + bytes.fromhex("63825363350101ff")
offer.sendto(body, ("255.255.255.255", 67))
print(json.dumps(heard(0.7)))
"""

WIRE = ("master", "process start", "process stop", "address replace 10.0.2.1")
"""Words of the operations after which somebody might be heard who was not before."""


@pytest.fixture
def two(pod: Callable[..., Pod]) -> tuple[Pod, Pod]:
    """Neighbours on one network."""
    one = pod("one")
    other = pod("other", addresses4=("10.244.1.6/24",), addresses6=("fd10:244:1::6/64",), mac="0a:58:0a:f4:01:06")
    ns(one.netns, "sysctl -qw net.ipv6.conf.default.accept_dad=0")
    for each in (one, other):
        settle(each.netns)
    return one, other


def asked(netns: str) -> list[str]:
    found: list[str] = json.loads(inside(netns, *PYTHON, "-c", _ASK))
    return found


@pytest.mark.parametrize("way", [(MASQUERADE, BRIDGE), (BRIDGE, MASQUERADE), (BRIDGE, NOTHING)], ids=["there", "back", "unwired"])
def test_a_neighbour_hears_nothing(two: tuple[Pod, Pod], way: tuple[Nics, Nics]) -> None:
    here, neighbour = two
    applied(wish(here, way[0]))
    before = ns(neighbour.netns, "ip -6 route")
    heard: dict[str, list[str]] = {}

    def hook(_count: int, do: Callable[[], None], operation: Operation) -> None:
        do()
        if any(words in str(operation) for words in WIRE):
            heard[str(operation)] = asked(neighbour.netns)

    with interfering(hook):
        applied(wish(here, way[1]))
    assert heard
    assert {operation: what for operation, what in heard.items() if what} == {}
    assert ns(neighbour.netns, "ip -6 route") == before


def test_the_neighbour_can_hear(two: tuple[Pod, Pod]) -> None:
    """The control: whoever puts the pod link onto a masquerade NIC's bridge has let the server out."""
    here, neighbour = two
    applied(wish(here, MASQUERADE))
    ns(here.netns, "ip link set eth0 master k6t-eth0")
    end = time.monotonic() + 10
    while set(found := asked(neighbour.netns)) != {"router advertisement", "lease"}:
        assert time.monotonic() < end, found
    assert "expires" in ns(neighbour.netns, "ip -6 route show default")


def test_the_server_ends_before_the_pod_link_joins(two: tuple[Pod, Pod]) -> None:
    """And begins after it has left. The order of the plan, since a moment is hard to catch."""
    here, _ = two
    ways: tuple[tuple[Nics, Nics, str, str], ...] = (
        (MASQUERADE, BRIDGE, "process stop", "master k6t-eth0"),
        (BRIDGE, MASQUERADE, "nomaster", "process start"),
    )
    for before, after, first, then in ways:
        applied(wish(here, before))
        texts = [str(step.operation) for step in plan(wish(here, after)).plan.steps]
        places = [next(place for place, text in enumerate(texts) if words in text) for words in (first, then)]
        assert places == sorted(places), "\n".join(texts)
