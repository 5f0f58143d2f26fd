"""Facts that are written, and facts that are lost: what can still be told is told, what cannot is said, and nothing is invented.

table deleted      the stand-in still has name, MAC, MTU and addresses; routes and earlier sysctls are gone
wired by KubeVirt  its names without our marks: the same stand-in, so it is taken over as it is
no stand-in        the pod link has lost its name and nobody knows it: refused, and not touched
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from converge.kernel.capabilities import standin_kind
from converge.model import Outcome, Result, Severity
from converge.reconcile import shows_loss
from tests.kernel.bridging import FE80, POD_MAC, Wired
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import Pod, ns, settle, shell
from tests.kernel.judge import differences, snapshot
from tests.kernel.matrix import BRIDGE, IPV4, MASQUERADE, NOTHING, ROUTES, wish


def facts(netns: str) -> list[str]:
    """As a person reads them: the comments in `nft list table inet converge`."""
    lines = ns(netns, "nft list chain inet converge captured").splitlines()
    return [line.partition('comment "')[2].removesuffix('"') for line in lines if "comment" in line]


def lost(result: Result) -> list[str]:
    return [each.detail for each in result.diagnostics if each.summary == "facts lost"]


# ---------------------------------------------------------------------------------------------------------- written


def test_facts_are_readable(pod: Callable[..., Pod]) -> None:
    here = pod()
    shell(here.netns, ROUTES)
    index = Wired(here.netns).link("eth0")["ifindex"]
    applied(wish(here, BRIDGE))
    assert facts(here.netns) == [
        "converge facts 1",
        f"default link eth0 ifindex {index} kind veth mac {POD_MAC} mtu 1500 addrs 3 routes 6",
        "default addr 10.244.1.5/24",
        "default addr fd10:244:1::5/64 nodad",
        f"default addr {FE80} scope 253",
        "default route 172.16.0.0/12 table 100 via 10.244.1.1 src 10.244.1.5 proto boot",
        "default route 0.0.0.0/0 via 10.244.1.1 proto boot",
        "default route 10.244.1.0/24 src 10.244.1.5 proto kernel scope link",
        "default route 192.168.0.0/16 metric 5 via 10.244.1.1 proto boot mtu 1300",
        "default route fd10:244:1::/64 metric 256 proto kernel",
        "default route ::/0 metric 1024 via fd10:244:1::1 proto boot",
        "pod sysctl net.ipv4.conf.all.arp_ignore 0",
    ]


def test_a_fact_longer_than_a_comment_goes_on_in_the_next(pod: Callable[..., Pod]) -> None:
    here = pod()
    long = "fdaa:aaaa:bbbb:cccc:dddd:eeee:1111:2222/128"
    source = "fd10:244:1:0:1111:2222:3333:4444"
    shell(
        here.netns,
        f"ip address add {source}/64 dev eth0 nodad\nip -6 route add {long} via fd10:244:1::1 src {source} metric 77777",
    )
    settle(here.netns)
    before = snapshot(here.netns)
    applied(wish(here, BRIDGE))
    lines = facts(here.netns)
    assert [line for line in lines if len(line) > 128] == []
    assert any(line.startswith("default + ") for line in lines)
    applied(wish(here, NOTHING))
    assert not differences(before, snapshot(here.netns))


def test_a_second_run_writes_nothing_into_them(pod: Callable[..., Pod]) -> None:
    """Above all not the wired pod: the first who writes them is right."""
    here = pod()
    applied(wish(here, BRIDGE))
    before = facts(here.netns)
    shell(here.netns, "ip link del tap0\nip link set k6t-eth0 down\nip address add 10.244.1.66/24 dev eth0")
    applied(wish(here, BRIDGE))
    assert facts(here.netns) == before


# ------------------------------------------------------------------------------------------------------------- lost


def test_the_table_is_deleted(pod: Callable[..., Pod]) -> None:
    """What the stand-in tells is written down again. Unwiring gives that back, and leaves what nobody knows as it is."""
    here = pod()
    applied(wish(here, BRIDGE))
    ns(here.netns, "nft delete table inet converge")
    planned = plan(wish(here, BRIDGE))
    assert {change.key.kind for change in planned.plan.changes} <= {"table", "chain", "fact"}, told(planned)
    assert shows_loss(planned)
    assert any("its routes are not known any more" in detail for detail in lost(planned))
    assert any("net.ipv4.conf.all.arp_ignore" in detail for detail in lost(planned))
    result = apply(wish(here, BRIDGE))
    assert result.outcome is Outcome.APPLIED
    assert shows_loss(result)
    index = Wired(here.netns).link("eth0-nic")["ifindex"]
    assert facts(here.netns)[1] == f"default link eth0 ifindex {index} kind veth mac {POD_MAC} mtu 1500 addrs 3 routes 2"
    assert shows_loss(plan(wish(here, BRIDGE))), "that its routes are lost is still true"
    applied(wish(here, NOTHING))
    given_back_without_routes(here)


def test_unwired_right_after_the_table_was_deleted(pod: Callable[..., Pod]) -> None:
    here = pod()
    applied(wish(here, BRIDGE))
    ns(here.netns, "nft delete table inet converge")
    applied(wish(here, NOTHING))
    given_back_without_routes(here)


def given_back_without_routes(here: Pod, since_when: Collection[str] = ()) -> None:
    """`since_when`: link-local addresses that somebody's wiring had given the link, and that only the kernel takes away."""
    found = Wired(here.netns)
    assert found.links.keys() == {"lo", "eth0"}
    assert (found.link("eth0")["address"], found.link("eth0")["mtu"], found.up("eth0")) == (POD_MAC, 1500, True)
    assert "altnames" not in found.link("eth0")
    mine = set(found.addresses("eth0")) - {each for each in since_when if each.startswith("fe80:")}
    assert mine | {FE80} == {"10.244.1.5/24", "fd10:244:1::5/64", FE80}
    assert ns(here.netns, "ip route show") == "10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.5 \n"
    assert ns(here.netns, "sysctl -n net.ipv4.conf.all.arp_ignore") == "1\n"
    assert ns(here.netns, "nft list ruleset") == ""


@pytest.mark.parametrize("words", ["default addr 10.244.1.5/24", "default route 0.0.0.0/0"])
def test_one_fact_is_deleted(pod: Callable[..., Pod], words: str) -> None:
    """The fact about the link counts its addresses and routes, so what is missing is noticed, and the rest given back."""
    here = pod(**IPV4)
    applied(wish(here, BRIDGE))
    listed = ns(here.netns, "nft -a list chain inet converge captured").splitlines()
    (handle,) = (line.rpartition("handle ")[2] for line in listed if words in line)
    ns(here.netns, f"nft delete rule inet converge captured handle {handle}")
    seen = plan(wish(here, BRIDGE))
    assert shows_loss(seen), told(seen)
    assert lost(seen) == ["some of the facts about eth0 are gone\nunwiring will give back what is left"]


def test_check_says_so(pod: Callable[..., Pod], tmp_path: Path) -> None:
    """Exit code 1 as long as something is lost, and the pod is converged all the same."""
    here = pod()
    document = {
        "apiVersion": "net.converge/v1alpha1",
        "kind": "GuestNetwork",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "target": {"netns": here.netns},
            "networks": [{"name": "default", "pod": {}}],
            "interfaces": [{"name": "default", "bridge": {}}],
        },
    }
    (tmp_path / "web.yaml").write_text(json.dumps(document))

    def run(verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "converge", verb, str(tmp_path)], capture_output=True, text=True, timeout=60)

    assert [run(verb).returncode for verb in ("apply", "check")] == [0, 0]
    ns(here.netns, "nft delete table inet converge")
    assert [run(verb).returncode for verb in ("check", "apply")] == [1, 0]
    check = run("check")
    assert check.returncode == 1
    assert "facts lost" in check.stdout
    assert "warning: shop/web: " in check.stderr


# -------------------------------------------------------------------------------------------------- wired by KubeVirt

KUBEVIRT = f"""
ip link add k6t-eth0 type bridge
ip link set eth0 down
ip link set eth0 name eth0-nic
ip link set eth0-nic address 02:42:ac:00:00:01 master k6t-eth0
ip address flush dev eth0-nic
ip link set eth0-nic up type bridge_slave learning off
ip tuntap add tap0 mode tap user 107 group 107 one_queue
ip link set tap0 mtu 1500 master k6t-eth0 up
ip link add eth0 address {POD_MAC} type STANDIN
ip link set eth0 mtu 1500
ip address add 10.244.1.5/24 broadcast 10.244.1.255 dev eth0
ip address add fd10:244:1::5/64 dev eth0
ip address add {FE80} dev eth0
ip address add 169.254.75.10/32 dev k6t-eth0
ip link set k6t-eth0 up
sysctl -qw net.ipv4.conf.all.arp_ignore=1
"""


def test_a_pod_that_kubevirt_wired_is_taken_over(pod: Callable[..., Pod]) -> None:
    """No link is made or renamed, none loses its place: marks, our table, the bridge's MAC. Its routes were lost by KubeVirt."""
    here = pod()
    shell(here.netns, KUBEVIRT.replace("STANDIN", standin_kind()))
    settle(here.netns)
    before = Wired(here.netns)
    numbers = {name: link["ifindex"] for name, link in before.links.items()}
    result = apply(wish(here, BRIDGE))
    assert result.outcome is Outcome.APPLIED, told(result)
    assert any("its routes are not known" in detail for detail in lost(result))
    assert not [change for change in result.plan.changes if change.key.kind == "link" and change.action != "update"]
    found = Wired(here.netns)
    assert {name: link["ifindex"] for name, link in found.links.items()} == numbers
    assert found.servers(["k6t-eth0"]) == before.servers(["k6t-eth0"]) == ["169.254.75.10/32"]
    assert plan(wish(here, BRIDGE)).outcome is Outcome.UNCHANGED
    applied(wish(here, NOTHING))
    given_back_without_routes(here, since_when=set(before.addresses("eth0-nic")))


# ----------------------------------------------------------------------------------------------------- nobody knows it


@pytest.mark.parametrize("table", [True, False], ids=["facts lost", "by somebody else"])
def test_half_wired_without_a_standin_is_refused(pod: Callable[..., Pod], table: bool) -> None:
    here = pod()
    if table:
        applied(wish(here, BRIDGE))
        shell(here.netns, "nft delete table inet converge\nip link del eth0")
    else:
        shell(here.netns, "\n".join(KUBEVIRT.splitlines()[:7]))
    settle(here.netns)
    before = snapshot(here.netns)
    for nics in (BRIDGE, MASQUERADE):
        result = apply(wish(here, nics))
        assert result.outcome is Outcome.REFUSED, told(result)
        (why,) = [each for each in result.diagnostics if each.severity is Severity.ERROR]
        assert why.summary == "facts lost"
        assert why.detail == (
            "eth0-nic has already lost its name, and neither facts nor a stand-in say what it was\n"
            "make the pod anew; nothing here can tell its MAC, addresses and routes"
        )
        assert why.nic == "default"
        assert not differences(before, snapshot(here.netns))


def test_the_standin_is_lost_and_the_facts_are_not(pod: Callable[..., Pod]) -> None:
    here = pod()
    settle(here.netns)
    before = snapshot(here.netns)
    applied(wish(here, BRIDGE))
    ns(here.netns, "ip link del eth0")
    applied(wish(here, BRIDGE))
    assert sorted(Wired(here.netns).addresses("eth0")) == sorted(["10.244.1.5/24", "fd10:244:1::5/64", FE80])
    applied(wish(here, NOTHING))
    assert not differences(before, snapshot(here.netns))
