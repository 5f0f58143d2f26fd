"""passt in the pod: what it must be allowed, and, where a document asks for it, the process itself, a resource like any other."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from converge.lab.packets import serving
from converge.model import Key, Outcome
from converge.reconcile import nothing
from converge.services.passt import socket_path
from tests.kernel import driving
from tests.kernel.inside import Pod, ns, settle
from tests.kernel.judge import snapshot

MakePod = Callable[..., Pod]
PROCESS = Key("process", "pod:default", "passt")


def yaml(netns: str, *, socket: bool = True, ports: str = "[{port: 80}]", owner: int = 107) -> str:
    return f"""
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: {netns}}}
spec:
  target: {{netns: {netns}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces:
    - {{name: default, passtBinding: {{}}, passtSocket: {str(socket).lower()}, ports: {ports}}}
  tap: {{owner: {owner}, group: {owner}}}
"""


def pid(wish: str) -> int:
    found: int = driving.plan(wish).observed[PROCESS].pid
    return found


def kill(process: int) -> None:
    """And wait until it is dead; its descriptors may be closed a moment after the signal."""
    handle = os.pidfd_open(process)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [], 5.0)
    os.close(handle)


def listening(netns: str) -> set[str]:
    return {line.split()[3].rpartition(":")[2] for line in ns(netns, "ss -Hltn").splitlines()}


def test_what_it_must_be_allowed_and_no_more(pod: MakePod) -> None:
    """As KubeVirt wires it: no link, no process; the VMM starts passt itself."""
    web = pod()
    links = ns(web.netns, "ip -o link").count("\n")
    driving.applied(yaml(web.netns, socket=False))
    assert ns(web.netns, "sysctl -n net.ipv4.ping_group_range").split() == ["107", "107"]
    assert ns(web.netns, "sysctl -n net.ipv4.ip_unprivileged_port_start").strip() == "0"
    assert ns(web.netns, "ip -o link").count("\n") == links
    result = driving.plan(yaml(web.netns, socket=False))
    assert result.plan.empty
    assert PROCESS not in result.observed


def test_it_listens_on_the_ports_and_as_the_user(pod: MakePod) -> None:
    web = pod()
    wish = yaml(web.netns, ports="[{port: 80}, {port: 443}, {port: 53, protocol: UDP}]")
    driving.applied(wish)
    assert listening(web.netns) == {"80", "443"}
    status = Path(f"/proc/{pid(wish)}/status").read_text()
    assert "Uid:\t107\t107\t107\t107" in status
    assert Path(socket_path(web.netns, "web", "default")).stat().st_uid == 107
    assert driving.apply(wish).outcome is Outcome.UNCHANGED


def test_a_port_more_is_a_new_process_and_nothing_else(pod: MakePod) -> None:
    web = pod()
    driving.applied(yaml(web.netns))
    result = driving.applied(yaml(web.netns, ports="[{port: 80}, {port: 8080}]"))
    assert {change.key for change in result.plan.changes} == {PROCESS}
    assert listening(web.netns) == {"80", "8080"}


@pytest.mark.parametrize("damage", ["killed", "a port in use by nobody's wish", "sysctl"])
def test_drift_is_repaired(pod: MakePod, damage: str) -> None:
    web = pod()
    wish = yaml(web.netns)
    driving.applied(wish)
    before = snapshot(web.netns)
    if damage == "killed":
        kill(pid(wish))
    elif damage == "sysctl":
        ns(web.netns, "sysctl -qw net.ipv4.ip_unprivileged_port_start=1024")
    else:
        driving.applied(yaml(web.netns, ports="[{port: 22}]"))
    assert not driving.plan(wish).plan.empty
    driving.applied(wish)
    assert driving.plan(wish).plan.empty
    assert snapshot(web.netns) == before
    assert listening(web.netns) == {"80"}


def test_unwired_it_is_as_before_and_nothing_is_left(pod: MakePod) -> None:
    web = pod()
    settle(web.netns)
    before = snapshot(web.netns)
    wish = yaml(web.netns)
    driving.applied(wish)
    socket = Path(socket_path(web.netns, "web", "default"))
    assert socket.is_socket()
    driving.applied(nothing(driving.document(wish)))
    assert snapshot(web.netns) == before
    assert not socket.parent.exists()
    assert not listening(web.netns)


def test_a_deleted_fact_is_lost_and_not_captured_anew(pod: MakePod) -> None:
    web = pod()
    wish = yaml(web.netns, socket=False)
    driving.applied(wish)
    ns(web.netns, "nft flush chain inet converge captured")
    result = driving.plan(wish)
    lost = [each.detail.split("\n")[0] for each in result.diagnostics if each.summary == "facts lost"]
    assert any("ip_unprivileged_port_start" in each for each in lost)
    assert not any(key.kind == "fact" and key.name.startswith("sysctl") for key in result.desired.resources)


def test_from_masquerade_and_back(pod: MakePod) -> None:
    web = pod()
    settle(web.netns)
    before = snapshot(web.netns)
    for wish in (driving.masquerade_yaml(web.netns), yaml(web.netns), driving.masquerade_yaml(web.netns), yaml(web.netns)):
        result = driving.applied(wish)
        assert not any(each.summary == "facts lost" for each in result.diagnostics), driving.told(result)
        assert driving.plan(wish).plan.empty
    driving.applied(nothing(driving.document(yaml(web.netns))))
    assert snapshot(web.netns) == before


def test_a_path_too_long_is_refused_before_anything_is_touched(pod: MakePod) -> None:
    web = pod()
    before = snapshot(web.netns)
    wish = yaml(web.netns).replace("name: web,", f"name: {'w' * 90},")
    result = driving.apply(wish)
    assert result.outcome is Outcome.REFUSED
    assert [each.summary for each in result.diagnostics] == ["name is too long"]
    assert snapshot(web.netns) == before


def test_a_port_that_somebody_has_fails_and_is_undone(pod: MakePod) -> None:
    """The last operation fails with passt's own words; everything before it is taken back."""
    web = pod()
    settle(web.netns)
    before = snapshot(web.netns)
    with serving(web.netns, "pod", "tcp/80"):
        result = driving.apply(yaml(web.netns, ports="[{port: 79}, {port: 80}]"))
    assert result.outcome is Outcome.RESTORED
    assert "Failed to bind" in result.diagnostics[0].detail
    assert snapshot(web.netns) == before
