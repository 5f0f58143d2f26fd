"""A pod that router advertisements configured, given back: what they taught is theirs, and never becomes the pod's own for good.

An advertised prefix makes an address and a route. The kernel lists that route as its own, like those that come with addresses.
Only its expiry tells where it is from; and where the router says "for ever", that no address of the pod's own keeps it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge.lab.run import PYTHON, inside
from converge.model import Outcome
from tests.kernel import listening
from tests.kernel.bridging import Wired
from tests.kernel.driving import applied, plan
from tests.kernel.inside import Pod, answer, ns, settle, shell
from tests.kernel.matrix import BRIDGE, NOTHING, wish

# A router for half an hour, and a prefix that is on the link and for addresses, as long as the caller says.
_SEND = """
import socket, struct, sys
channel = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
seconds = int(sys.argv[2])
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, seconds, seconds, 0) + socket.inet_pton(socket.AF_INET6, "fd77::")
message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
channel.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
"""


AN_HOUR, FOR_EVER = 3600, 0xFFFFFFFF
"""Seconds; the latter is the protocol's word for it (RFC 4861 section 4.6.2)."""


def advertise(here: Pod, seconds: int) -> None:
    """Returns once the pod has the address."""
    command = ["ip", "-n", here.netns, "monitor", "address", "nexthop"]
    with listening._listening(here.netns, command, listening._cause_nexthop) as ear:
        inside(here.node, *PYTHON, "-", "cni0", str(seconds), stdin=_SEND)
        assert ear.up_to("fd77::", listening.DEADLINE) is not None, "the advertisement was not obeyed"
    settle(here.netns)


def own_routes(netns: str) -> list[str]:
    """Destinations of the pod's IPv6 routes, without what was advertised."""
    routes = answer(netns, "ip -j -6 route show")
    return [route["dst"] for route in routes if route.get("protocol") != "ra" and not route["dst"].startswith(("fe80:", "fd77:"))]


def advertised(netns: str) -> tuple[bool, bool]:
    """Is there an address of the advertised prefix, and its route?"""
    address = any(address.startswith("fd77:") for address in Wired(netns).addresses("eth0"))
    return address, any(route["dst"] == "fd77::/64" for route in answer(netns, "ip -j -6 route show dev eth0"))


@pytest.mark.parametrize("seconds", [AN_HOUR, FOR_EVER], ids=["for an hour", "for ever"])
def test_what_was_advertised_is_not_captured(pod: Callable[..., Pod], seconds: int) -> None:
    here = pod()
    settle(here.netns)
    own = own_routes(here.netns)
    advertise(here, seconds)
    assert advertised(here.netns) == (True, True)
    applied(wish(here, BRIDGE))
    assert "fd77:" not in ns(here.netns, "nft list table inet converge")
    assert plan(wish(here, BRIDGE)).outcome is Outcome.UNCHANGED
    applied(wish(here, NOTHING))
    assert own_routes(here.netns) == own
    advertise(here, seconds)
    assert advertised(here.netns) == (True, True)


@pytest.mark.parametrize("seconds", [AN_HOUR, FOR_EVER], ids=["for an hour", "for ever"])
def test_what_ends_while_the_guest_has_the_link_stays_ended(pod: Callable[..., Pod], seconds: int) -> None:
    here = pod()
    advertise(here, seconds)
    own = own_routes(here.netns)
    applied(wish(here, BRIDGE))
    shell(here.netns, "ip -6 address flush dev eth0-nic dynamic\nip -6 route del fd77::/64 dev eth0-nic")
    applied(wish(here, NOTHING))
    assert advertised(here.netns) == (False, False)
    assert own_routes(here.netns) == own
