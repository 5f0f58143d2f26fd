"""The few rtnetlink messages that a herd of pods needs, as bytes (linux/rtnetlink.h, linux/if_link.h, linux/veth.h).

Only for the lab: a pod in one send of half a dozen messages is what makes a thousand of them a matter of seconds. Every function
but `send` is pure.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x001, 0x004, 0x200, 0x400
NLMSG_ERROR = 2
RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 20, 24
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST = 1, 2, 4
IFA_F_NODAD = 0x02
RTA_OIF, RTA_GATEWAY = 4, 5
RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST = 254, 3, 1
IFF_UP = 1


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind: int, flags: int, body: bytes) -> bytes:
    """The sequence number tells nothing here: answers are counted, and the last request alone asks for one."""
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body


def link_header(index: int, up: bool) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, IFF_UP * up, IFF_UP * up)


def veth(name: str, peer: str, peer_mac: str, peer_index: int, peer_netns: int, mtu: int) -> bytes:
    """The near end up at once; the far end, in the namespace of that descriptor, must be brought up there."""
    size = attribute(IFLA_MTU, struct.pack("=I", mtu))
    mac = attribute(IFLA_ADDRESS, bytes.fromhex(peer_mac.replace(":", "")))
    netns = attribute(IFLA_NET_NS_FD, struct.pack("=I", peer_netns))
    far = link_header(peer_index, up=False) + attribute(IFLA_IFNAME, peer.encode() + b"\0") + mac + size + netns
    data = attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, far))
    info = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"veth") + data)
    body = link_header(0, up=True) + attribute(IFLA_IFNAME, name.encode() + b"\0") + size + info
    return message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)


def link_up(index: int) -> bytes:
    return message(RTM_NEWLINK, 0, link_header(index, up=True))


def address(index: int, value: IPv4Interface | IPv6Interface) -> bytes:
    family, flags = (socket.AF_INET, 0) if value.version == 4 else (socket.AF_INET6, IFA_F_NODAD)
    body = struct.pack("=BBBBi", family, value.network.prefixlen, flags, 0, index) + attribute(IFA_LOCAL, value.ip.packed)
    body += attribute(IFA_ADDRESS, value.ip.packed)
    if value.version == 4:
        body += attribute(IFA_BROADCAST, value.network.broadcast_address.packed)
    return message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body)


def default_route(index: int, gateway: IPv4Address | IPv6Address) -> bytes:
    family = socket.AF_INET if gateway.version == 4 else socket.AF_INET6
    body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST, 0)
    body += attribute(RTA_GATEWAY, gateway.packed) + attribute(RTA_OIF, struct.pack("=i", index))
    return message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body)


def send(netlink: socket.socket, *messages: bytes) -> None:
    """All of them in one system call. The kernel answers each one that fails, and the last one in any case."""
    *most, last = messages
    size, kind, flags = struct.unpack_from("=IHH", last)
    asking = struct.pack("=IHH", size, kind, flags | NLM_F_ACK) + last[8:]
    netlink.send(b"".join([*most, asking]))
    while True:
        answers = netlink.recv(65536)
        while answers:
            length, kind = struct.unpack_from("=IH", answers)
            error = struct.unpack_from("=i", answers, 16)[0] if kind == NLMSG_ERROR else 0
            if error:
                raise OSError(-error, f"rtnetlink: {os.strerror(-error)}")
            if kind == NLMSG_ERROR:
                return
            answers = answers[length + -length % 4 :]
