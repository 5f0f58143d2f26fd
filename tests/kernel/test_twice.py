"""The second run finds nothing to do, and does nothing: no line from `ip monitor` or `nft monitor` while it runs.

That silence proves something is the monitor's own promise: it hears a fence before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from converge.model import Outcome
from tests.kernel import driving
from tests.kernel.inside import Pod, guest_on, ns, settle
from tests.kernel.judge import differences, snapshot
from tests.kernel.listening import monitor
from tests.kernel.test_effects import CALICO, MESH, MIGRATION, NONE, PORTS, QUEUES, RANGES, ROUTED, SMALL, V4, V6
from tests.kernel.wiring import at_rest

MakePod = Callable[..., Pod]
Options = Mapping[str, Any]

PODS: dict[str, tuple[Options, Options]] = {
    "dual-stack": ({}, {}),
    "IPv4": (V4, {}),
    "IPv6": (V6, {}),
    "no address": (NONE, {}),
    "host addresses": (CALICO, {}),
    "two addresses each": (
        {"addresses4": ["10.244.1.5/24", "10.244.1.6/24"], "addresses6": ["fd10:244:1::5/64", "fd10:244:1::6/64"]},
        {},
    ),
    "forwarding already": (ROUTED, {}),
    "small MTU": ({"mtu": 1400}, {}),
    "ports": ({}, PORTS),
    "ranges": ({}, RANGES),
    "a thousand ports": ({}, {"ports": [{"port": number} for number in range(1000, 2000)]}),
    "small subnets": ({}, SMALL),
    "mesh": ({}, MESH),
    "mesh with ports": ({}, MESH | PORTS),
    "queues": ({}, QUEUES),
    "migration ports": ({}, MIGRATION),
    "all at once": ({}, {**MESH, **PORTS, **SMALL, "spec": {**QUEUES["spec"], **MIGRATION["spec"]}}),
    "taps of root": ({}, {"spec": {"tap": {"owner": 0, "group": 0}}}),
    "another pod link": ({"link": "ens3"}, {"interface": {"podLink": "ens3"}}),
}


@pytest.mark.parametrize("name", PODS)
def test_the_second_run_is_silent(pod: MakePod, name: str) -> None:
    fields, options = PODS[name]
    web = pod(**fields)
    wish = driving.masquerade_yaml(web.netns, **options)
    first = driving.apply(wish)
    assert first.outcome is Outcome.APPLIED, driving.told(first)
    assert driving.plan(wish).plan.empty
    at_rest(web.netns)
    with monitor(web.netns) as heard:
        second = driving.apply(wish)
    assert second.outcome is Outcome.UNCHANGED, driving.told(second)
    assert second.plan.unchanged == len(second.desired.resources)
    assert heard.lines == []


def test_a_guest_that_opens_its_tap_changes_nothing(pod: MakePod) -> None:
    """Carrier, queues and packet info of a tap are the VMM's business, and no drift."""
    web = pod()
    wish = driving.masquerade_yaml(web.netns)
    driving.applied(wish)
    with guest_on(web.netns):
        settle(web.netns)
        with monitor(web.netns) as heard:
            assert driving.apply(wish).outcome is Outcome.UNCHANGED
        assert heard.lines == []
    settle(web.netns)
    assert driving.plan(wish).plan.empty


def test_a_plan_alone_writes_nothing(pod: MakePod) -> None:
    web = pod()
    settle(web.netns)
    before = snapshot(web.netns)
    with monitor(web.netns) as heard:
        assert driving.plan(driving.masquerade_yaml(web.netns)).outcome is Outcome.PLANNED
    assert heard.lines == []
    assert not differences(before, snapshot(web.netns))


def test_the_first_run_writes_each_operation_of_its_plan_once(pod: MakePod) -> None:
    """As many link messages as operations about links, and one generation of nft."""
    web = pod()
    settle(web.netns)
    with monitor(web.netns) as heard:
        result = driving.apply(driving.masquerade_yaml(web.netns))
    transactions = [step for step in result.plan.steps if step.operation.call == "nft"]
    assert len([line for line in heard.nft if line.startswith("# new generation")]) == len(transactions) == 1


def test_a_pod_too_small_for_ipv6(pod: MakePod) -> None:
    """Below 1280 bytes a link has no IPv6 at all, not even its sysctls."""
    web = pod(**V4)
    ns(web.netns, "ip link set eth0 mtu 1200")
    wish = driving.masquerade_yaml(web.netns)
    assert driving.apply(wish).outcome is Outcome.APPLIED
    assert driving.plan(wish).plan.empty
