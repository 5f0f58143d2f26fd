"""There and back: whatever a pod was wired as, and however it got there, unwiring leaves what the CNI had made.

    snapshot ── apply (before) ── apply (after) ── unwire ── snapshot: equal

The judge sees links with their numbers, addresses with flags and in order, routes of all tables, sysctls and the whole
ruleset; what it leaves out, the kernel changes by itself. Strangers' things are in each pod, and must come through all of it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge.model import Outcome
from tests.kernel.bridging import attached
from tests.kernel.driving import applied, plan
from tests.kernel.inside import Pod, ns, settle, shell
from tests.kernel.judge import Snapshot, differences, snapshot
from tests.kernel.matrix import BRIDGE, IPV4, MASQUERADE, NOTHING, ROWS, Nics, Row, made, wish

STRANGERS = f"""
{attached("adm9", "10.19.9.9/24")}
ip route add 10.29.0.0/16 via 10.19.9.1
ip route add unreachable 198.20.0.0/16
nft add table inet admin
nft add chain inet admin guard '{{ type filter hook input priority 5; }}'
nft add rule inet admin guard tcp dport 23 drop
"""


def as_set(netns: str) -> Snapshot:
    """Without the queueing discipline of links that are down: one that was never up has none yet."""
    found = snapshot(netns)
    links = {name: link if "UP" in link["flags"] else {**link, "qdisc": ""} for name, link in found["links"].items()}
    return {**found, "links": links}


def there_and_back(here: Pod, *ways: Nics) -> None:
    ns(here.netns, "sysctl -qw net.ipv6.conf.default.accept_dad=0")  # it would take a second each time
    settle(here.netns)
    before = as_set(here.netns)
    for nics in ways:
        applied(wish(here, nics))
    settle(here.netns)
    applied(wish(here, NOTHING))
    assert not differences(before, as_set(here.netns))
    assert plan(wish(here, NOTHING)).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_round_trip(row: Row, pod: Callable[..., Pod]) -> None:
    here = made(row, pod)
    shell(here.netns, STRANGERS)
    there_and_back(here, row.before, row.after)


def test_there_and_back_again_and_again(pod: Callable[..., Pod]) -> None:
    """Nothing wears off: what is captured the third time is what was captured first."""
    here = pod()
    for _ in range(3):
        there_and_back(here, BRIDGE)
        there_and_back(here, MASQUERADE, BRIDGE, MASQUERADE)


LEFT_BY_CNIS = {
    "labels": "ip address add 10.244.1.7/24 label eth0:x dev eth0",
    "no broadcast, no route": "ip address add 10.33.0.5/24 dev eth0 noprefixroute\n"
    "ip address add 10.34.0.5/24 broadcast + dev eth0",
    "metric of a connected route": "ip address add 10.35.0.5/24 dev eth0 metric 77",
    "peer": "ip address add 10.3.3.3 peer 10.3.3.4/32 dev eth0\nip route add 10.61.0.0/16 via 10.3.3.4",
    "for a time": "ip address change 10.244.1.5/24 dev eth0 valid_lft 3000 preferred_lft 2000",
    "metrics and on-link": "ip route add 10.62.0.0/16 via 172.31.0.1 dev eth0 onlink mtu 1300 advmss 1200 initcwnd 10",
    "other tables": "ip route add default via 10.244.1.1 table 100\nip route add throw 10.63.0.0/16 table 100",
    "TOS and metric": "ip route add 10.64.0.0/16 tos 0x10 via 10.244.1.1\nip route add 10.64.0.0/16 metric 9 via 10.244.1.1",
    "source": "ip route add 10.65.0.0/16 via 10.244.1.1 src 10.244.1.5",
    "strangers' names": "ip link set eth0 alias hello txqueuelen 77\nip link property add dev eth0 altname cni-x",
    "sysctls": "sysctl -qw net.ipv4.conf.eth0.rp_filter=2 net.ipv6.conf.eth0.accept_ra=0 "
    "net.ipv4.conf.eth0.promote_secondaries=1",
    "router": "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.arp_ignore=2",
    "two IPv6 addresses": "ip address add fd10:244:1::9/64 dev eth0 nodad\nip -6 route add fd66::/64 via fd10:244:1::1 metric 9",
}
"""What some CNI, or whoever comes after it, puts on a pod link."""


@pytest.mark.parametrize("name", LEFT_BY_CNIS)
@pytest.mark.parametrize("nics", [BRIDGE, MASQUERADE], ids=["bridge", "masquerade"])
def test_what_cnis_leave_on_a_pod_link(nics: Nics, name: str, pod: Callable[..., Pod]) -> None:
    here = pod()
    shell(here.netns, LEFT_BY_CNIS[name])
    there_and_back(here, nics)


BEYOND_THE_LINK = {
    "a source on another link": f"{attached('adm9', '10.19.9.9/24')}\nip route add 10.66.0.0/16 via 10.19.9.1 src 10.244.1.5",
    "two ways through the pod link": "ip route replace default nexthop via 10.244.1.1 nexthop via 10.244.1.2",
    "two ways, one of them the pod link": f"{attached('adm9', '10.19.9.9/24')}\n"
    "ip route add 10.50.0.0/16 nexthop via 10.244.1.1 nexthop via 10.19.9.1",
    "preferred among IPv6 routes": "ip -6 route add fd78::/64 via fd10:244:1::1 pref high",
}


@pytest.mark.parametrize("name", BEYOND_THE_LINK)
def test_routes_that_hang_on_more_than_their_link(name: str, pod: Callable[..., Pod]) -> None:
    """Given back, or the pod is refused before anything is lost."""
    here = pod(**({} if "IPv6" in name else IPV4))
    shell(here.netns, BEYOND_THE_LINK[name])
    if plan(wish(here, BRIDGE)).outcome is not Outcome.REFUSED:
        there_and_back(here, BRIDGE)
