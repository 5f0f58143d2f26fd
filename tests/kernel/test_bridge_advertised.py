"""A pod that router advertisements configured, given back: what they taught is theirs, and never becomes the pod's own for good.

An advertised prefix makes an address with a lifetime, and a route that expires. The kernel lists that route as its own, like
those that come with addresses, so that only its expiry tells where it is from.
"""

from __future__ import annotations

from collections.abc import Callable

from converge.lab.run import PYTHON, inside
from tests.kernel import listening
from tests.kernel.bridging import Wired
from tests.kernel.driving import applied
from tests.kernel.inside import Pod, answer, ns, settle
from tests.kernel.matrix import BRIDGE, NOTHING, wish

# A router for half an hour, and a prefix that is on the link and for addresses, for less than an hour.
_SEND = """
import socket, struct, sys
channel = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3000, 2000, 0) + socket.inet_pton(socket.AF_INET6, "fd77::")
message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
channel.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
"""


def advertise(here: Pod) -> None:
    """Returns once the pod has the address."""
    command = ["ip", "-n", here.netns, "monitor", "address", "nexthop"]
    with listening._listening(here.netns, command, listening._cause_nexthop) as ear:
        inside(here.node, *PYTHON, "-", "cni0", stdin=_SEND)
        assert ear.up_to("fd77::", listening.DEADLINE) is not None, "the advertisement was not obeyed"
    settle(here.netns)


def lasting(netns: str) -> list[str]:
    """Destinations of the routes that no advertisement has to renew."""
    return [
        route["dst"] for route in answer(netns, "ip -j -6 route show") if "expires" not in route and route["dst"] != "fe80::/64"
    ]


def test_what_was_advertised_is_not_captured(pod: Callable[..., Pod]) -> None:
    here = pod()
    settle(here.netns)
    own = lasting(here.netns)
    advertise(here)
    assert any(address.startswith("fd77:") for address in Wired(here.netns).addresses("eth0"))
    assert lasting(here.netns) == own
    applied(wish(here, BRIDGE))
    assert "fd77:" not in ns(here.netns, "nft list table inet converge")
    applied(wish(here, NOTHING))
    assert lasting(here.netns) == own
    advertise(here)
    assert any(address.startswith("fd77:") for address in Wired(here.netns).addresses("eth0"))
