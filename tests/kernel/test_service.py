"""The server of a NIC as a resource: replaced when what it is told differs, and touched by nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from converge.lab.run import run
from converge.model import Key, Result
from tests.kernel.driving import applied, masquerade_yaml
from tests.kernel.inside import Pod, ns

MakePod = Callable[..., Pod]
SERVER = Key("process", "bridge:default", "dnsmasq")


def server(netns: str) -> int:
    """The only dnsmasq of the pod."""
    pids = [int(pid) for pid in run("ip", "netns", "pids", netns).split()]
    (pid,) = [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "dnsmasq\n"]
    return pid


def changed(result: Result) -> set[Key]:
    return {change.key for change in result.plan.changes}


def test_a_lease_option_replaces_one_process_and_nothing_else(pod: MakePod) -> None:
    web = pod()
    applied(masquerade_yaml(web.netns, ports=[{"port": 80}]))
    before = server(web.netns)
    told = {"dhcpOptions": {"bootFileName": "pxelinux.0"}}
    assert changed(applied(masquerade_yaml(web.netns, ports=[{"port": 80}], interface=told))) == {SERVER}
    assert server(web.netns) != before


def test_a_port_more_does_not_touch_it(pod: MakePod) -> None:
    web = pod()
    applied(masquerade_yaml(web.netns, ports=[{"port": 80}]))
    before = server(web.netns)
    applied(masquerade_yaml(web.netns, ports=[{"port": 80}, {"port": 81}]))
    assert server(web.netns) == before


def test_a_flapping_link_does_not_touch_it(pod: MakePod) -> None:
    web = pod(addresses6=(), gateway6="")
    applied(masquerade_yaml(web.netns))
    before = server(web.netns)
    for state in ("down", "up", "down", "up"):
        ns(web.netns, f"ip link set eth0 {state}")
    applied(masquerade_yaml(web.netns))
    assert server(web.netns) == before


def test_it_runs_without_privileges_and_opens_no_port_53(pod: MakePod) -> None:
    web = pod()
    applied(masquerade_yaml(web.netns))
    status = Path(f"/proc/{server(web.netns)}/status").read_text()
    fields = {line.partition(":")[0]: line.partition(":")[2].split() for line in status.splitlines()}
    assert fields["Uid"] == fields["Gid"] == ["107"] * 4
    assert fields["Groups"] == []
    assert int(fields["CapEff"][0], 16) == 1 << 10 | 1 << 12 | 1 << 13  # NET_BIND_SERVICE, NET_ADMIN, NET_RAW
    ports = {line.split()[3].rpartition(":")[2] for line in ns(web.netns, "ss -Hlun").splitlines()}
    assert "67" in ports
    assert "53" not in ports


def test_unwiring_stops_it_and_leaves_nothing(pod: MakePod) -> None:
    from dataclasses import replace

    from tests.kernel.driving import document

    web = pod()
    wish = document(masquerade_yaml(web.netns))
    applied(wish)
    words = Path(f"/proc/{server(web.netns)}/cmdline").read_text().split("\0")
    (conf,) = [word.partition("=")[2] for word in words if word.startswith("--conf-file=")]
    applied(replace(wish, nics=()))
    assert run("ip", "netns", "pids", web.netns).split() == []
    assert not os.path.exists(Path(conf).parents[2])
