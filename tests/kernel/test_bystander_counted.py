"""No packet is lost through a NIC that has nothing to do with what is being done: counted, both ways, at two hundred a second.

bystander masquerade:  guest ── tap0 ── nat ── eth0 ── node ── outside        the bridge NIC `storage` comes, changes, leaves
bystander bridge:      guest ── tap… ── pod…-nic ── storage network           the masquerade NIC `default` comes, changes, leaves
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from converge.bindings.names import hashed
from converge.model import Outcome, Ports
from tests.kernel.bridging import Wired
from tests.kernel.counting import FROM, TO, Counts, End, streaming
from tests.kernel.driving import apply, told
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, GuestSpec, Pod, guest_on, settle, shell
from tests.kernel.matrix import AT, MASQUERADE, NO_PORTS, STORAGE, Nics, wish

LINK = hashed("storage")
TAP = f"tap{LINK[3:]}"
LEAST = 100
"""Datagrams a way that make the count mean something."""

LISTED: Nics = (replace(MASQUERADE[0], ports=(*MASQUERADE[0].ports, Ports("udp", TO, TO, AT))),)
QUEUES = replace(STORAGE, queues=4)


@pytest.fixture
def here(pod: Callable[..., Pod]) -> Pod:
    """With a storage network, whose other member is in the outside host."""
    found = pod()
    shell(found.outside, f"ip link add stor0 type veth peer name {LINK} address 02:11:22:33:44:01 netns {found.netns}")
    shell(found.outside, "ip address add 192.168.5.1/24 dev stor0\nip link set stor0 up")
    shell(
        found.netns,
        f"sysctl -qw net.ipv6.conf.default.accept_dad=0\nip address add 192.168.5.9/24 dev {LINK}\nip link set {LINK} up",
    )
    settle(found.netns)
    return found


@contextmanager
def counted(*pairs: tuple[End, End]) -> Iterator[list[Counts]]:
    """Several streams at once; nothing may be lost, nothing come twice, and enough must have been sent."""
    with ExitStack() as stack:
        counts = [stack.enter_context(streaming(*pair)) for pair in pairs]
        yield counts
    for each, pair in zip(counts, pairs, strict=True):
        print(f"{pair[0].address} and {pair[1].address}: {each}")
        assert each.lost == {"there": 0, "back": 0}
        assert each.repeated == 0
        assert min(each.sent.values()) >= LEAST


TIMES = 5
"""That often a NIC comes, changes and leaves, so that there is time for datagrams."""


def did(here: Pod, *nics: Nics) -> None:
    """One after the other; each must be a change that is applied."""
    for each in nics:
        result = apply(wish(here, each))
        assert result.outcome is Outcome.APPLIED, told(result)


def test_a_masquerade_nic_does_not_notice(here: Pod) -> None:
    did(here, LISTED)
    before = Wired(here.netns).links
    outside4, outside6 = End(here.outside, OUTSIDE4), End(here.outside, OUTSIDE6)
    with guest_on(here.netns) as guest:
        settle(here.netns)
        inside4, inside6 = End(guest, "10.244.1.5"), End(guest, "fd10:244:1::5")
        with counted((inside4, outside4), (inside6, outside6)):
            for _ in range(TIMES):
                did(here, (*LISTED, STORAGE))
                shell(here.netns, f"ip link del k6t-{LINK[3:]}\nip link del {LINK}\nnft add chain inet converge more")
                did(here, (*LISTED, STORAGE), (*LISTED, QUEUES), LISTED)
        after = Wired(here.netns).links
        assert {name: after[name] for name in ("eth0", "k6t-eth0")} == {name: before[name] for name in ("eth0", "k6t-eth0")}


def test_a_bridge_nic_does_not_notice(here: Pod) -> None:
    did(here, (STORAGE,))
    spec = GuestSpec(tap=TAP, mac="02:11:22:33:44:01", addresses=("192.168.5.9/24",), gateways=())
    with (
        guest_on(here.netns, spec) as guest,
        counted((End(guest, "192.168.5.9"), End(here.outside, "192.168.5.1"))),
    ):
        for _ in range(TIMES):
            did(here, (*MASQUERADE, STORAGE), (*NO_PORTS, STORAGE))
            shell(here.netns, "ip link del k6t-eth0\nnft flush chain inet converge prerouting")
            did(here, (*NO_PORTS, STORAGE), (*LISTED, STORAGE), (STORAGE,))


def test_the_count_notices(here: Pod) -> None:
    """The control: the NIC itself is disturbed, and some datagrams are lost."""
    did(here, LISTED)
    with guest_on(here.netns) as guest, streaming(End(guest, "10.244.1.5"), End(here.outside, OUTSIDE4)) as counts:
        shell(here.netns, f"ip link set tap0 nomaster\nnft delete element inet converge ports '{{ udp . {TO} }}'")
        did(here, LISTED)
    assert counts.sent["there"] > 0
    assert counts.lost["there"] + counts.lost["back"] > 0, f"from port {FROM}"
