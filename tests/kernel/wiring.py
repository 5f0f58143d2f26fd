"""One wired pod that many tests use, one after the other, with strangers' things in it: a table, a link, an admin's address.

A test that leaves the pod out of sync gets the next one a new pod, so that failures do not spread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from converge.lab import pods
from converge.lab.run import LabError, exists
from converge.model import Outcome
from tests.kernel import driving
from tests.kernel.inside import answer, settle, shell
from tests.kernel.tampering import PORTS

PLACE = pods.Place(f"t{os.getpid()}-wired-")
STRANGERS = """
sysctl -qw net.ipv6.conf.default.accept_dad=0
nft add table inet admin
nft add chain inet admin guard '{ type filter hook input priority 5; }'
nft add rule inet admin guard tcp dport 23 drop
nft add set inet admin friends '{ type ipv4_addr; elements = { 192.0.2.1 }; }'
ip link add net9 type veth peer name net9p
ip link set net9p up
ip addr add 10.9.9.9/24 dev net9
ip addr add fd09::9/64 dev net9 nodad
ip link set net9 up
ip route add 10.19.0.0/16 via 10.9.9.1
ip addr add 10.244.1.77/32 dev eth0
ip route add 10.29.0.0/16 via 10.244.1.1
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[list[str]]:
    """The name of the pod's namespace, once it is made: a row that leaves it out of sync gets the next row a new one."""
    yield [PLACE.netns("web")]
    pods.down(["web"], PLACE)


@pytest.fixture
def wired(shared: list[str]) -> str:
    """A wired pod with nothing left to do."""
    netns = shared[0]
    if not exists(netns) or driving.plan(wish(netns)).outcome is not Outcome.UNCHANGED:
        make(netns)
    return netns


def make(netns: str) -> None:
    pods.down(["web"], PLACE)
    pods.up([pods.PodSpec("web")], PLACE)
    shell(netns, STRANGERS)
    driving.applied(wish(netns))
    at_rest(netns)


def wish(netns: str) -> str:
    return driving.masquerade_yaml(netns, port_ranges=PORTS, spec={"legacyMigrationPorts": True})


def at_rest(netns: str, *links: str) -> None:
    """Returns when the kernel has told everything about the carrier of a wired pod without a guest. It takes up to a second.

    `links`: those that end without carrier; masquerade's, where nothing is said.
    """
    without = links or ("k6t-eth0", "tap0")
    settle(netns)
    end = time.monotonic() + 10
    while any(link["operstate"] != "DOWN" for link in answer(netns, "ip -j link show") if link["ifname"] in without):
        assert time.monotonic() < end, "the links do not come to rest"
        time.sleep(0.02)
    settle(netns)


def tamper(netns: str, script: str) -> None:
    try:
        shell(netns, script if "'" in script else script.replace("; ", "\n"))
    except LabError as error:
        if "not supported" in str(error):
            pytest.skip(f"this kernel cannot do it: {error}")
        raise
