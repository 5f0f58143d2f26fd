"""What one can do to a wired pod with the usual tools, and what of it the next plan must name: the rows of the tampering tests.

The pod of these rows is dual-stack with ports 80/tcp, 53/udp and the range 8000-8010/tcp, and with the migration ports exempt. A
row's `changes` read "action kind address", as JSON has them; nothing more and nothing less may be planned. `heard` are words of
which each line that the monitors print during the repair must have one: those of the row's own changes need not be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BRIDGE, TAP = "k6t-eth0", "tap0"
GATEWAY4, GATEWAY6 = "10.0.2.1/24", "fd10:0:2::1/120"
PORTS = (
    {"protocol": "TCP", "start": 80, "end": 80},
    {"protocol": "UDP", "start": 53, "end": 53},
    {"protocol": "TCP", "start": 8000, "end": 8010},
)

# What lies on the bridge, and comes anew with it.
ON_BRIDGE4 = ("create address k6t-eth0/10.0.2.1/24", "create route k6t-eth0/10.0.2.0/24")
ON_BRIDGE6 = (
    "create address k6t-eth0/fd10:0:2::1/120",
    "create route k6t-eth0/fd10:0:2::/120/metric/256",
    "create route k6t-eth0/::1/128/table/255/metric/2048",
)
LOCALNET = "net.ipv4.conf.k6t-eth0.route_localnet"
FORWARDING4, FORWARDING6 = "net.ipv4.conf.k6t-eth0.forwarding", "net.ipv6.conf.k6t-eth0.forwarding"
ENABLED6 = "net.ipv6.conf.k6t-eth0.disable_ipv6"
SERVER = "update process dnsmasq/k6t-eth0"
"""What serves a bridge of former times serves nobody."""

SYSCTLS_OF_BRIDGE = tuple(f"create sysctl {name}" for name in (LOCALNET, FORWARDING4, FORWARDING6, ENABLED6))


@dataclass(frozen=True, slots=True)
class Tampering:
    """`script` runs in the pod's namespace, line by line."""

    name: str
    script: str
    changes: Sequence[str]
    heard: Sequence[str] = ()
    deaf: bool = False
    """`nft monitor` 1.0.6 misreads ranges of a set that comes anew, and may end: these rows are judged without it."""


LINKS = (
    Tampering("tap deleted", "ip link del tap0", ["create link tap0"], [BRIDGE]),
    Tampering("tap renamed", "ip link set tap0 name stolen", ["update link tap0"], ["stolen"]),
    Tampering("tap down", "ip link set tap0 down", ["update link tap0"], [BRIDGE]),
    Tampering(
        "tap MTU",
        # A bridge follows its ports unless its own MTU was once changed.
        "ip link set k6t-eth0 mtu 1499; ip link set k6t-eth0 mtu 1500; ip link set tap0 mtu 1300",
        ["update link tap0"],
        [BRIDGE],
    ),
    Tampering("tap without master", "ip link set tap0 nomaster", ["update link tap0"], [BRIDGE]),
    Tampering("tap without mark", "ip link property del dev tap0 altname converge:tap:default", ["update link tap0"]),
    Tampering("tap learning", "bridge link set dev tap0 learning off", ["update link tap0"]),
    Tampering("tap hairpin", "bridge link set dev tap0 hairpin on", ["update link tap0"]),
    Tampering("tap isolated", "bridge link set dev tap0 isolated on", ["update link tap0"]),
    Tampering(
        "tap of somebody else",
        "ip link del tap0; ip tuntap add tap0 mode tap user 4711; ip link set tap0 master k6t-eth0 up",
        ["update link tap0"],
        [BRIDGE],
    ),
    Tampering(
        "tap with several queues",
        "ip link del tap0; ip tuntap add tap0 mode tap user 107 group 107 multi_queue; ip link set tap0 master k6t-eth0 up",
        ["update link tap0"],
        [BRIDGE, "[NEIGH]Deleted"],
    ),
    Tampering(
        "tap renamed and unmarked, a new one in its place",
        "ip link del tap0; ip tuntap add tap0 mode tap user 107 group 107; ip link set tap0 up",
        ["update link tap0"],
        [BRIDGE],
    ),
    Tampering(
        "bridge deleted",
        "ip link del k6t-eth0",
        ["create link k6t-eth0", "update link tap0", *ON_BRIDGE4, *ON_BRIDGE6, *SYSCTLS_OF_BRIDGE, SERVER],
        [TAP],
    ),
    Tampering(
        "bridge down",
        "ip link set k6t-eth0 down",
        ["update link k6t-eth0", ON_BRIDGE4[1], *ON_BRIDGE6],
        [TAP],
    ),
    Tampering("bridge renamed", "ip link set k6t-eth0 name stolen", ["update link k6t-eth0"], [TAP, "stolen"]),
    Tampering("bridge MAC", "ip link set k6t-eth0 address 02:00:00:00:00:99", ["update link k6t-eth0"], [TAP]),
    Tampering("bridge MTU", "ip link set k6t-eth0 mtu 1400", ["update link k6t-eth0"], [TAP]),
    Tampering(
        "bridge MTU too small for IPv6",
        "ip link set k6t-eth0 mtu 1200",
        ["update link k6t-eth0", *ON_BRIDGE6, f"create sysctl {FORWARDING6}", f"create sysctl {ENABLED6}"],
        [TAP],
    ),
    Tampering("bridge STP", "ip link set k6t-eth0 type bridge stp_state 1", ["update link k6t-eth0"], [TAP]),
    Tampering("bridge VLAN filter", "ip link set k6t-eth0 type bridge vlan_filtering 1", ["update link k6t-eth0"], [TAP]),
    Tampering(
        "bridge without mark", "ip link property del dev k6t-eth0 altname converge:bridge:default", ["update link k6t-eth0"]
    ),
    Tampering("bridge with two marks", "ip link property add dev k6t-eth0 altname converge:stray", ["update link k6t-eth0"]),
    Tampering(
        "bridge with the tap's mark",
        "ip link property del dev tap0 altname converge:tap:default; "
        "ip link property add dev k6t-eth0 altname converge:tap:default",
        ["update link k6t-eth0", "update link tap0"],
    ),
    Tampering("pod link with two marks", "ip link property add dev eth0 altname converge:stray", ["update link eth0"]),
    Tampering("pod link without mark", "ip link property del dev eth0 altname converge:pod:default", ["update link eth0"]),
    Tampering(
        "names swapped",
        "ip link set k6t-eth0 name x; ip link set tap0 name k6t-eth0; ip link set x name tap0",
        ["update link k6t-eth0", "update link tap0"],
        ["parked"],
    ),
    Tampering(
        "both links deleted",
        "ip link del tap0; ip link del k6t-eth0",
        ["create link k6t-eth0", "create link tap0", *ON_BRIDGE4, *ON_BRIDGE6, *SYSCTLS_OF_BRIDGE, SERVER],
    ),
)

ADDRESSES = (
    Tampering("gateway deleted", f"ip addr del {GATEWAY4} dev k6t-eth0", ON_BRIDGE4),
    Tampering("gateway deleted, IPv6", f"ip addr del {GATEWAY6} dev k6t-eth0", ON_BRIDGE6[:2]),
    Tampering(
        "other prefix length",
        f"ip addr del {GATEWAY4} dev k6t-eth0; ip addr add 10.0.2.1/25 brd + dev k6t-eth0",
        [*ON_BRIDGE4, "delete address k6t-eth0/10.0.2.1/25", "delete route k6t-eth0/10.0.2.0/25"],
    ),
    Tampering("a further address", "ip addr add 10.0.2.77/24 dev k6t-eth0", ["delete address k6t-eth0/10.0.2.77/24"]),
    Tampering(
        "a further subnet",
        "ip addr add 10.77.0.1/16 dev k6t-eth0",
        ["delete address k6t-eth0/10.77.0.1/16", "delete route k6t-eth0/10.77.0.0/16"],
    ),
    Tampering(
        "a further peer",
        "ip addr add 10.78.0.1 peer 10.78.0.2/32 dev k6t-eth0",
        ["delete address k6t-eth0/10.78.0.1/32", "delete route k6t-eth0/10.78.0.2/32"],
    ),
    Tampering(
        "a further address, IPv6", "ip addr add fd10:0:2::77/120 dev k6t-eth0 nodad", ["delete address k6t-eth0/fd10:0:2::77/120"]
    ),
    Tampering(
        "another primary",
        f"ip addr del {GATEWAY4} dev k6t-eth0; ip addr add 10.0.2.77/24 dev k6t-eth0; ip addr add {GATEWAY4} brd + dev k6t-eth0",
        ["delete address k6t-eth0/10.0.2.77/24", "update route k6t-eth0/10.0.2.0/24"],
    ),
    Tampering(
        "another in its place",
        f"ip addr del {GATEWAY4} dev k6t-eth0; ip addr add 10.0.2.77/24 brd + dev k6t-eth0",
        ["create address k6t-eth0/10.0.2.1/24", "delete address k6t-eth0/10.0.2.77/24", "update route k6t-eth0/10.0.2.0/24"],
    ),
    Tampering(
        "without broadcast",
        f"ip addr del {GATEWAY4} dev k6t-eth0; ip addr add {GATEWAY4} dev k6t-eth0",
        ["update address k6t-eth0/10.0.2.1/24"],
    ),
    Tampering(
        "with a label",
        f"ip addr del {GATEWAY4} dev k6t-eth0; ip addr add {GATEWAY4} brd + dev k6t-eth0 label k6t-eth0:x",
        ["update address k6t-eth0/10.0.2.1/24"],
    ),
    Tampering(
        "without its route",
        f"ip addr del {GATEWAY4} dev k6t-eth0; ip addr add {GATEWAY4} brd + dev k6t-eth0 noprefixroute",
        ["update address k6t-eth0/10.0.2.1/24", ON_BRIDGE4[1]],
    ),
    Tampering(
        "without its route, IPv6",
        f"ip addr del {GATEWAY6} dev k6t-eth0; ip addr add {GATEWAY6} dev k6t-eth0 nodad noprefixroute",
        ["update address k6t-eth0/fd10:0:2::1/120", ON_BRIDGE6[1]],
    ),
    Tampering(
        "its route with a metric",
        f"ip addr change {GATEWAY4} dev k6t-eth0 metric 50",
        ["update address k6t-eth0/10.0.2.1/24", ON_BRIDGE4[1], "delete route k6t-eth0/10.0.2.0/24/metric/50"],
    ),
    Tampering(
        "for a time",
        f"ip addr change {GATEWAY4} dev k6t-eth0 valid_lft 999 preferred_lft 999",
        ["update address k6t-eth0/10.0.2.1/24"],
    ),
    Tampering(
        "for a time, IPv6",
        f"ip addr change {GATEWAY6} dev k6t-eth0 valid_lft 999 preferred_lft 999",
        ["update address k6t-eth0/fd10:0:2::1/120", ON_BRIDGE6[1].replace("create", "update")],  # which then expires too
    ),
)

ROUTES = (
    Tampering("connected route deleted", "ip route del 10.0.2.0/24 dev k6t-eth0", [ON_BRIDGE4[1]]),
    Tampering("connected route deleted, IPv6", "ip -6 route del fd10:0:2::/120 dev k6t-eth0", [ON_BRIDGE6[1]]),
    Tampering("route to ::1 deleted", "ip -6 route del local ::1/128 dev k6t-eth0 table local metric 2048", [ON_BRIDGE6[2]]),
    Tampering("a further route", "ip route add 10.99.0.0/16 via 10.0.2.2", ["delete route k6t-eth0/10.99.0.0/16"]),
    Tampering(
        "a further route, IPv6", "ip -6 route add fd99::/64 via fd10:0:2::2", ["delete route k6t-eth0/fd99::/64/metric/1024"]
    ),
    Tampering(
        "a further metric", "ip route add 10.0.2.0/24 dev k6t-eth0 metric 7", ["delete route k6t-eth0/10.0.2.0/24/metric/7"]
    ),
    Tampering(
        "connected route made by hand",
        "ip route replace 10.0.2.0/24 dev k6t-eth0 proto static scope link",
        ["update route k6t-eth0/10.0.2.0/24"],
    ),
)

SYSCTLS = (
    Tampering("route_localnet", "sysctl -qw net.ipv4.conf.k6t-eth0.route_localnet=0", [f"update sysctl {LOCALNET}"]),
    Tampering("forwarding of the bridge", f"sysctl -qw {FORWARDING4}=0", [f"update sysctl {FORWARDING4}"]),
    Tampering("forwarding of the bridge, IPv6", f"sysctl -qw {FORWARDING6}=0", [f"update sysctl {FORWARDING6}"]),
    Tampering(
        "forwarding of the pod link",
        "sysctl -qw net.ipv4.conf.eth0.forwarding=0",
        ["update sysctl net.ipv4.conf.eth0.forwarding"],
    ),
    Tampering(
        "forwarding of the pod link, IPv6",
        "sysctl -qw net.ipv6.conf.eth0.forwarding=0",
        ["update sysctl net.ipv6.conf.eth0.forwarding"],
    ),
    Tampering(
        "router advertisements", "sysctl -qw net.ipv6.conf.eth0.accept_ra=1", ["update sysctl net.ipv6.conf.eth0.accept_ra"]
    ),
    Tampering(
        "forwarding",
        "sysctl -qw net.ipv4.ip_forward=0",
        ["update sysctl net.ipv4.ip_forward", f"update sysctl {FORWARDING4}", "update sysctl net.ipv4.conf.eth0.forwarding"],
        ["inet "],
    ),
    Tampering(
        "forwarding, IPv6",
        "sysctl -qw net.ipv6.conf.all.forwarding=0",
        [
            "update sysctl net.ipv6.conf.all.forwarding",
            f"update sysctl {FORWARDING6}",
            "update sysctl net.ipv6.conf.eth0.forwarding",
        ],
        ["inet6 ", "anycast"],
    ),
    Tampering(
        "replies un-NATed in the bridge",
        "sysctl -qw net.bridge.bridge-nf-call-ip6tables=1",
        ["update sysctl net.bridge.bridge-nf-call-ip6tables"],
    ),
    Tampering(
        "IPv6 off on the bridge",
        "sysctl -qw net.ipv6.conf.k6t-eth0.disable_ipv6=1",
        [f"update sysctl {ENABLED6}", *ON_BRIDGE6],
    ),
)
