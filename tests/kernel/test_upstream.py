"""KubeVirt's own cases that need a kernel and that no record shows: rows of reference section 10, by number."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from converge.kernel.reader import ReadError
from converge.kernel.session import Session
from converge.lab.run import PYTHON, child
from converge.model import Dumps, Outcome
from tests.kernel.dhcp_serving import served
from tests.kernel.driving import applied, apply, told
from tests.kernel.inside import Pod, ns, settle
from tests.kernel.judge import differences, snapshot
from tests.kernel.matrix import BRIDGE, NO_PORTS, NOTHING, Nics, wish
from tests.kernel.test_dnsmasq_text import GATEWAYS
from tests.unit.services.examples import MAC, MASQUERADE

MakePod = Callable[..., Pod]
IAID = "05060708"
NO_ADDRESSES = "0002"
ALONE = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 67))
print("ready", flush=True)
sys.stdin.read()
"""
"""Somebody who has the port of DHCP, and shares it with nobody."""


def test_18_an_address_that_came_meanwhile_goes(pod: MakePod) -> None:
    """Of a link that is taken over, whatever its addresses were; and later, whatever somebody has added to it."""
    here = pod()
    ns(here.netns, "ip address add 10.9.9.9/32 dev eth0")
    applied(wish(here, BRIDGE))
    assert "inet " not in ns(here.netns, "ip -4 address show dev eth0-nic")
    ns(here.netns, "ip address add 10.9.9.8/32 dev eth0-nic")
    applied(wish(here, BRIDGE))
    assert "inet " not in ns(here.netns, "ip -4 address show dev eth0-nic")


def test_35_the_association_that_a_guest_names(pod: MakePod, tmp_path: Path) -> None:
    """Its number comes back. Who asks for no address is answered all the same, and is given none: KubeVirt gives one."""
    with served(pod(), MASQUERADE, GATEWAYS, tmp_path, MAC) as found:
        solicited, rapid, without, inform = found.ask_all(
            [
                {"send": "v6:solicit"},
                {"send": "v6:solicit", "rapid": True},
                {"send": "v6:solicit", "no_ia": True},
                {"send": "v6:inforeq", "no_ia": True},
            ]
        )
    assert [dict(each[0]["options"])[3][:8] for each in (solicited, rapid)] == [IAID, IAID]
    assert [3 in dict(each[0]["options"]) for each in (without, inform)] == [False, False]
    assert [each[0]["type"] for each in (without, inform)] == [2, 7]
    assert str(dict(without[0]["options"])[13]).startswith(NO_ADDRESSES)


@pytest.mark.parametrize("nics", [NO_PORTS, BRIDGE], ids=["masquerade", "bridge"])
def test_40_a_server_that_cannot_start(pod: MakePod, nics: Nics) -> None:
    """KubeVirt's launcher dies of it, and the machine with it. Here the pod is as it was before, and the next run tries again."""
    here = pod()
    settle(here.netns)
    before = snapshot(here.netns)
    with child("ip", "netns", "exec", here.netns, *PYTHON, "-c", ALONE):
        result = apply(wish(here, nics))
    assert result.outcome is Outcome.RESTORED, told(result)
    assert "Address already in use" in told(result)
    assert not differences(before, snapshot(here.netns))
    applied(wish(here, nics))


READ = Session.read


@contextmanager
def unreadable(fails: Callable[[int], bool]) -> Iterator[None]:
    """The kernel's answer to the observations of these numbers, from 0, is that the pod changes faster than it can be read."""
    numbers = count()

    def read(self: Session, set_names: Callable[[bytes], Iterable[str]], every_table: bool = False) -> Dumps:
        if fails(next(numbers)):
            raise ReadError(errno.EINTR, "the namespace changes faster than it can be read")
        return READ(self, set_names, every_table)

    Session.read = read  # type: ignore[method-assign]
    try:
        yield
    finally:
        Session.read = READ  # type: ignore[method-assign]


FAILING_READS: dict[str, tuple[Callable[[int], bool], Outcome]] = {
    "before anything is done": (lambda number: number == 0, Outcome.REFUSED),
    "when it is verified": (lambda number: number == 1, Outcome.RESTORED),
    "from then on": (lambda number: number >= 1, Outcome.FAILED),
    "when the restored pod is verified": (lambda number: number in (1, 3), Outcome.FAILED),
}


@pytest.mark.parametrize("nics", [NO_PORTS, BRIDGE], ids=["masquerade", "bridge"])
@pytest.mark.parametrize(("fails", "outcome"), FAILING_READS.values(), ids=FAILING_READS)
def test_16_reading_fails(pod: MakePod, nics: Nics, fails: Callable[[int], bool], outcome: Outcome) -> None:
    """Refused is only what nobody has touched. Whatever was left, the next run arrives, and unwiring gives the pod back."""
    here = pod()
    settle(here.netns)
    before = snapshot(here.netns)
    with unreadable(fails):
        result = apply(wish(here, nics))
    assert result.outcome is outcome, told(result)
    assert "changes faster than it can be read" in told(result)
    if outcome is not Outcome.FAILED:
        assert not differences(before, snapshot(here.netns))
    applied(wish(here, nics))
    applied(wish(here, NOTHING))
    assert not differences(before, snapshot(here.netns))
