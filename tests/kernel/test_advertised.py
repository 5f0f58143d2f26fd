"""A pod that router advertisements configured keeps its default route through everything that converge does.

The kernel forgets such a route the moment that forwarding is switched on, for all links or for any single one, unless the
link's accept_ra is 2 by then. So the order within the plan decides.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from converge.lab.run import LabError
from tests.kernel import driving
from tests.kernel.advertising import advertise, learned
from tests.kernel.inside import Pod, shell
from tests.kernel.test_effects import document

MakePod = Callable[..., Pod]


@pytest.fixture
def advertised(pod: MakePod) -> Pod:
    web = pod(gateway6="", sysctls={"net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0"})
    try:
        advertise(web)
    except LabError as error:
        pytest.skip(f"no advertisement can be sent here: {error}")
    assert learned(web)
    return web


@pytest.mark.parametrize("name", ["all", "lo"])
def test_the_kernel_forgets_it_when_forwarding_goes_on(advertised: Pod, name: str) -> None:
    """What the product must guard against: without this, the next test proves nothing."""
    shell(advertised.netns, f"sysctl -qw net.ipv6.conf.{name}.forwarding=1")
    assert not learned(advertised)


def test_wiring_keeps_it(advertised: Pod) -> None:
    driving.applied(driving.masquerade_yaml(advertised.netns))
    assert learned(advertised)


def test_wiring_keeps_it_at_each_operation(advertised: Pod) -> None:
    """Not only until the next advertisement: the guest's packets must never be without a way out."""
    route = learned(advertised)
    result = driving.plan(driving.masquerade_yaml(advertised.netns))
    order = [str(step.operation) for step in result.plan.steps]
    accepting = order.index("net.ipv6.conf.eth0.accept_ra=2")
    forwarding = [number for number, text in enumerate(order) if text.startswith("net.ipv6.") and text.endswith(".forwarding=1")]
    assert route
    assert forwarding
    assert accepting < min(forwarding), order


def test_later_advertisements_are_obeyed(advertised: Pod) -> None:
    driving.applied(driving.masquerade_yaml(advertised.netns))
    shell(advertised.netns, "ip -6 route flush proto ra")
    advertise(advertised)
    assert learned(advertised)


def test_unwiring_brings_back_accept_ra_and_may_lose_nothing(advertised: Pod) -> None:
    driving.applied(driving.masquerade_yaml(advertised.netns))
    driving.applied(document(advertised.netns, None))
    assert shell(advertised.netns, "cat /proc/sys/net/ipv6/conf/eth0/accept_ra").strip() == "1"
    assert learned(advertised)
