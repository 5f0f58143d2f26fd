"""Established TCP connections do not notice what does not concern them: a port more, a port less, any repair.

Every connection is opened before the change and must echo after it, none being opened anew. What makes this hold: an
established flow is translated by connection tracking, not by rules, and converge never leaves the namespace without a nat
chain, because a plan edits the table in one transaction and repairs in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from converge.model import Outcome
from tests.kernel import driving
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, Held, Pod, guest_on, held, serving, settle, shell, tcp

MakePod = Callable[..., Pod]
NO_DAD = {"net/ipv4/ip_forward": "0", "net/ipv6/conf/default/accept_dad": "0"}
PORTS = ({"port": 80}, {"port": 81}, {"port": 53, "protocol": "UDP"})

CONNECTIONS = {  # what it is: who asks ("outside", "pod", "guest"), for which address, and the source that is seen
    "in (4)": ("outside", "10.244.1.5", OUTSIDE4),
    "in (6)": ("outside", "fd10:244:1::5", OUTSIDE6),
    "loopback (4)": ("pod", "127.0.0.1", "10.0.2.1"),
    "loopback (6)": ("pod", "::1", "fd10:0:2::1"),
    "out (4)": ("guest", OUTSIDE4, "10.244.1.5"),
    "out (6)": ("guest", OUTSIDE6, "fd10:244:1::5"),
}

CHANGES: dict[str, tuple[Mapping[str, Any], ...]] = {  # by what is done: the ports listed afterwards
    "a port is added": (*PORTS, {"port": 8080}),
    "a hundred ports are added": (*PORTS, *({"port": port} for port in range(9000, 9100))),
    "another port is removed": (PORTS[0], PORTS[2]),
    "all ports are opened": (),
}

REPAIRS = {
    "chain flushed: prerouting": "nft flush chain inet converge prerouting",
    "chain flushed: output": "nft flush chain inet converge output",
    "chain flushed: postrouting": "nft flush chain inet converge postrouting",
    "chain deleted: prerouting": "nft flush chain inet converge prerouting; nft delete chain inet converge prerouting",
    "rule added": "nft add rule inet converge prerouting tcp dport 7777 drop",
    "port deleted: ours": "nft delete element inet converge ports '{ tcp . 80 }'",
    "port deleted: another": "nft delete element inet converge ports '{ udp . 53 }'",
    "port added by hand": "nft add element inet converge ports '{ tcp . 7777 }'",
    "IPv4 gateway deleted": "ip address delete 10.0.2.1/24 dev k6t-eth0",
    "IPv6 gateway deleted": "ip address delete fd10:0:2::1/120 dev k6t-eth0",
    "address too many": "ip address add 10.9.9.9/24 dev k6t-eth0",
    "loopback route deleted": "ip -6 route delete local ::1/128 dev k6t-eth0 table local metric 2048",
    "IPv4 forwarding off": "echo 0 > /proc/sys/net/ipv4/ip_forward",
    "IPv6 forwarding off": "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding",
    "route_localnet off": "echo 0 > /proc/sys/net/ipv4/conf/k6t-eth0/route_localnet",
    "tap out of the bridge": "ip link set tap0 nomaster",
    "tap down": "ip link set tap0 down",
    "bridge down": "ip link set k6t-eth0 down",
    "bridge renamed": "ip link set k6t-eth0 down; ip link set k6t-eth0 name strange; ip link set strange up",
    "MTU lowered": "ip link set tap0 mtu 1300",
    "bridge MAC": "ip link set k6t-eth0 address 02:11:22:33:44:55",
}


@dataclass(frozen=True, slots=True)
class Talk:
    """A wired pod and its open connections."""

    pod: Pod
    connections: Mapping[str, Held]

    def ended(self, word: str = "still here") -> list[str]:
        """The connections that do not echo a word any more."""
        return [name for name, connection in self.connections.items() if connection.echo(word) != word]


@pytest.fixture
def talk(pod: MakePod) -> Iterator[Talk]:
    web = pod(sysctls=NO_DAD)
    driving.applied(driving.masquerade_yaml(web.netns, ports=PORTS))
    with ExitStack() as stack:
        guest = stack.enter_context(guest_on(web.netns))
        places = {"outside": web.outside, "pod": web.netns, "guest": guest}
        for name, netns in places.items():
            stack.enter_context(serving(netns, name, "tcp/80"))
        settle(web.netns)
        opened = {name: stack.enter_context(held(places[by], to, 80)) for name, (by, to, _) in CONNECTIONS.items()}
        assert {name: connection.greeting for name, connection in opened.items()} == {
            name: f"{'outside' if by == 'guest' else 'guest'} saw {source}" for name, (by, _, source) in CONNECTIONS.items()
        }
        yield Talk(web, opened)


@pytest.mark.parametrize("change", CHANGES)
def test_they_survive_a_change_of_ports(talk: Talk, change: str) -> None:
    result = driving.apply(driving.masquerade_yaml(talk.pod.netns, ports=CHANGES[change]))
    assert result.outcome is Outcome.APPLIED, driving.told(result)
    assert not talk.ended()


def test_they_survive_the_removal_of_their_own_port(talk: Talk) -> None:
    """Closing a port is for new connections, as with any stateful filter; those it let in stay."""
    driving.applied(driving.masquerade_yaml(talk.pod.netns, ports=PORTS[1:]))
    assert not talk.ended()
    assert tcp(talk.pod.outside, "10.244.1.5", 80) == f"pod saw {OUTSIDE4}"


@pytest.mark.parametrize("repair", REPAIRS)
def test_they_survive_a_repair(talk: Talk, repair: str) -> None:
    shell(talk.pod.netns, REPAIRS[repair])
    wanted = driving.masquerade_yaml(talk.pod.netns, ports=PORTS)
    result = driving.apply(wanted)
    assert result.outcome is Outcome.APPLIED, driving.told(result)
    settle(talk.pod.netns)
    assert not talk.ended()
    assert driving.plan(wanted).plan.empty
