"""A plan made from a snapshot is the plan that the kernel leads to: for every transition of the matrix, and with drift."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from converge.model import GuestNetwork, Outcome, Result, Snapshot
from converge.reconcile import reconcile
from converge.report import Json, document
from converge.view.offline import plan_from
from converge.view.snapshot import now, text
from converge.view.spelling import steady
from tests.kernel.driving import applied, plan
from tests.kernel.inside import Pod, settle, shell
from tests.kernel.matrix import BRIDGE, MASQUERADE, NOTHING, ROUTES, ROWS, Nics, Row, made, wish
from tests.kernel.recording import recorded, reread

DRIFT = """
ip link set tap0 mtu 1400
ip address add 10.244.1.99/32 dev k6t-eth0
ip link add stranger type bridge
ip address add 192.168.77.1/24 dev stranger
sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.lo.disable_ipv6=1
ip route add 10.77.0.0/16 dev lo
"""
DRIFTED = {
    "masquerade": (MASQUERADE, "nft add element inet converge ports { tcp . 8080 }\nnft flush chain inet converge prerouting"),
    "bridge": (BRIDGE, "ip link set eth0-nic nomaster\nip link delete eth0"),
}


def shown(result: Result) -> Json:
    """What `plan -o json` prints, without what a snapshot adds."""
    (pod,) = document.planned([replace(result, recorded=None)])["pods"]
    found: Json = pod
    return found


def equal(wanted: GuestNetwork, snapshot: Snapshot) -> Result:
    """Online, offline, and the same."""
    online, offline = plan(wanted), plan_from(wanted, snapshot, now())
    assert shown(offline) == shown(online)
    assert offline.outcome is online.outcome
    assert offline.diagnostics == online.diagnostics
    assert offline.plan == online.plan
    return offline


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_offline_is_online(pod: Callable[..., Pod], row: Row) -> None:
    here = made(row, pod)
    if row.before:
        applied(wish(here, row.before))
    settle(here.netns)
    snapshot = reread(recorded(wish(here, row.before)))
    assert equal(wish(here, row.after), snapshot).plan.changes
    equal(wish(here, row.before), snapshot)


@pytest.mark.parametrize("name", DRIFTED)
def test_offline_is_online_where_somebody_has_been(pod: Callable[..., Pod], name: str) -> None:
    nics, tampering = DRIFTED[name]
    here = pod()
    shell(here.netns, ROUTES)
    applied(wish(here, nics))
    shell(here.netns, f"{DRIFT.replace('k6t-eth0', 'lo') if name == 'bridge' else DRIFT}\n{tampering}")
    settle(here.netns)
    snapshot = reread(recorded(wish(here, nics)))
    for wanted in (nics, NOTHING, BRIDGE if name == "masquerade" else MASQUERADE):
        assert equal(wish(here, wanted), snapshot).plan.changes


@pytest.mark.parametrize("nics", [NOTHING, MASQUERADE, BRIDGE], ids=["unwired", "masquerade", "bridge"])
def test_what_is_read_is_what_was_seen(pod: Callable[..., Pod], nics: Nics) -> None:
    here = pod()
    shell(here.netns, ROUTES)
    applied(wish(here, nics))
    settle(here.netns)
    taken = recorded(wish(here, nics))
    read = reread(taken)
    assert replace(read, observation=taken.observation) == replace(taken, at=None)
    assert text(read) == text(taken)
    assert read.observation.sysctls == taken.observation.sysctls
    assert read.observation.resources.keys() == taken.observation.resources.keys()
    for key, value in taken.observation.resources.items():
        assert repr(read.observation.resources[key]) == repr(steady(key, value)), key


KUBEVIRT = """
nft add table ip nat
nft add chain ip nat prerouting '{ type nat hook prerouting priority -100; }'
nft add chain ip nat KUBEVIRT_PREINBOUND
nft add rule ip nat prerouting iifname eth0 counter jump KUBEVIRT_PREINBOUND
nft add rule ip nat KUBEVIRT_PREINBOUND counter dnat to 10.0.2.2
"""


@pytest.mark.parametrize("adopt", [False, True])
def test_offline_is_online_where_kubevirt_has_been(pod: Callable[..., Pod], adopt: bool) -> None:
    here = pod()
    shell(here.netns, KUBEVIRT)
    settle(here.netns)
    wanted = wish(here, MASQUERADE)
    snapshot = reread(recorded(wanted))
    with ThreadPoolExecutor(max_workers=1) as one:
        online = one.submit(reconcile, wanted, apply=False, adopt=adopt).result()
    offline = plan_from(wanted, snapshot, now(), adopt=adopt)
    assert shown(offline) == shown(online)
    assert (offline.outcome, offline.diagnostics, offline.plan) == (online.outcome, online.diagnostics, online.plan)
    assert (offline.outcome is Outcome.REFUSED) is not adopt


def test_taken_twice_only_the_time_differs(pod: Callable[..., Pod]) -> None:
    here = pod()
    applied(wish(here, MASQUERADE))
    settle(here.netns)
    first, second = (recorded(wish(here, MASQUERADE)) for _ in range(2))
    assert text(replace(second, taken=first.taken)) == text(first)


def test_no_secret_is_in_it(pod: Callable[..., Pod]) -> None:
    """Of a file that a document names as a resolv.conf, whatever it is: the lines that name servers and search domains."""
    here = pod()
    applied(wish(here, MASQUERADE))
    (nic,) = MASQUERADE
    wanted = wish(here, (replace(nic, guest=replace(nic.guest, resolv_conf="/etc/shadow")),))
    found = text(recorded(wanted))
    assert '"/etc/shadow": []' in found or "/etc/shadow: []" in found
    assert "root:" not in found
    assert "interface=" not in found
    assert "pid" not in found
