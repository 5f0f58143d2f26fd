"""Router advertisements from the node, so that a pod has a default route that the kernel has learned (RFC 4861 section 4.2)."""

from __future__ import annotations

from converge.lab.run import PYTHON, inside
from tests.kernel import listening
from tests.kernel.inside import Pod, ns, settle

_SEND = """
import socket, struct, sys
channel = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
channel.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
"""


def advertise(pod: Pod) -> None:
    """One advertisement: the node is a router, for half an hour. Returns once the pod has learned its route."""
    settle(pod.netns)
    command = ["ip", "-n", pod.netns, "monitor", "route"]
    with listening._listening(pod.netns, [*command, "nexthop"], listening._cause_nexthop) as ear:
        inside(pod.node, *PYTHON, "-", "cni0", stdin=_SEND)
        assert ear.up_to("proto ra", listening.DEADLINE) is not None, "the advertisement was not obeyed"


def learned(pod: Pod) -> str:
    """The default route that advertisements taught, as text; empty where there is none."""
    return ns(pod.netns, "ip -6 route show default proto ra").strip()
