"""Plugins of the cluster: what their CNI made is used, never made, never marked, never changed and never deleted.

tap       a tap of the expected name, or the pod link itself where that is one (reference section 3.5)
plugin    no attachment: nothing at all (section 3.6)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from converge.bindings.names import hashed
from converge.model import Device, Nic, Outcome, Severity
from tests.kernel.bridging import attached, secondary
from tests.kernel.driving import applied, apply, plan, told
from tests.kernel.inside import Pod, ns, settle, shell
from tests.kernel.judge import differences, snapshot
from tests.kernel.matrix import MASQUERADE, NOTHING, POD_NETWORK, wish

MakePod = Callable[..., Pod]
LINK, TAP = hashed("red"), "tap" + hashed("red")[3:]
MAC = "02:11:22:33:44:01"
RED = replace(secondary("red"), binding="tap", plugin="theirs")
PRIMARY = Nic("default", "tap", POD_NETWORK, RED.at, plugin="theirs")

MADE = {
    "tap beside the pod link": (f"{attached(LINK, '192.168.5.9/24', MAC)}\nip tuntap add {TAP} mode tap user 107", TAP, MAC),
    "tap alone": (f"ip tuntap add {TAP} mode tap user 107", TAP, None),
    "macvtap named as the pod link": (
        f"ip link add base type veth peer name basep\nip link add link base name {LINK} address {MAC} type macvtap mode bridge",
        LINK,
        MAC,
    ),
    "macvtap named as the tap": (
        f"{attached(LINK, mac=MAC)}\nip link add link {LINK} name {TAP} address 02:11:22:33:44:02 type macvtap mode bridge",
        TAP,
        MAC,
    ),
    "pod link alone": (attached(LINK, mac=MAC), LINK, MAC),
}


@pytest.mark.parametrize("name", MADE)
def test_what_a_cni_made_is_used(pod: MakePod, name: str) -> None:
    script, target, mac = MADE[name]
    here = pod()
    shell(here.netns, script)
    settle(here.netns)
    before = snapshot(here.netns)
    alone = apply(wish(here, (RED,)))
    assert alone.outcome is Outcome.UNCHANGED, told(alone)
    assert alone.desired.devices == (Device("red", "tap", target, mac=mac, mtu=None if mac is None else 1500),)
    together = applied(wish(here, (*MASQUERADE, RED)))
    assert not [change for change in together.plan.changes if change.key.owner.endswith("red")]
    applied(wish(here, (RED,)))
    applied(wish(here, NOTHING))
    settle(here.netns)
    assert not differences(before, snapshot(here.netns))


def test_the_primary_one(pod: MakePod) -> None:
    here = pod()
    ns(here.netns, "ip tuntap add tap0 mode tap user 107")
    assert [each.target for each in applied(wish(here, (PRIMARY,))).desired.devices] == ["tap0"]


def test_a_missing_tap_is_told_and_is_in_nobodys_way(pod: MakePod) -> None:
    here = pod()
    result = applied(wish(here, (*MASQUERADE, RED)))
    (warning,) = [each for each in result.diagnostics if each.nic == "red"]
    assert (warning.severity, warning.summary) == (Severity.WARNING, "tap is missing")
    assert f"neither {TAP} nor {LINK}" in warning.detail
    assert [each.nic for each in result.desired.devices] == ["default"]
    ns(here.netns, f"ip tuntap add {TAP} mode tap")
    assert [each.target for each in plan(wish(here, (*MASQUERADE, RED))).desired.devices] == ["tap0", TAP]


@pytest.mark.parametrize("script", [attached(LINK, "192.168.5.9/24"), ""], ids=["with its link", "without"])
def test_without_attachment_there_is_nothing(pod: MakePod, script: str) -> None:
    here = pod()
    shell(here.netns, script)
    settle(here.netns)
    before = snapshot(here.netns)
    result = apply(wish(here, (replace(RED, binding="plugin"),)))
    assert (result.outcome, result.desired.devices, result.diagnostics) == (Outcome.UNCHANGED, (), ()), told(result)
    assert not differences(before, snapshot(here.netns))
