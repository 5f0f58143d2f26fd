"""A pod configured by router advertisements keeps its way out when IPv6 forwarding goes on, and obeys the next advertisement.

A router ignores advertisements: at the moment of the switch the kernel drops the default route that it learned from one,
unless `accept_ra` is 2 on that link. converge writes that first. The advertisements are real: dnsmasq in the node's namespace
sends them, at once whenever it is solicited, so nothing here waits for a timer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import pytest

from converge.lab.run import PYTHON, inside
from tests.kernel import driving
from tests.kernel.inside import OUTSIDE6, Pod, answer, guest_on, ns, serving, settle, shell, tcp

MakePod = Callable[..., Pod]
DEADLINE = 15.0
FIRST, SECOND = 1234, 777
"""Router lifetimes, in seconds: which advertisement a route was learned from can be read off what remains of it."""

CONFIGURATION = """
port=0
keep-in-foreground
log-facility=-
leasefile-ro
no-resolv
no-hosts
interface=cni0
bind-dynamic
except-interface=lo
enable-ra
ra-param=cni0,600,{lifetime}
dhcp-range=fd10:244:1::,ra-only,64
"""

# Run in the pod: a router solicitation (RFC 4861 section 4.1) from its link-local address, which is answered at once.
SOLICIT = """
import socket
link = socket.if_nametoindex("eth0")
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    raw.sendto(bytes([133, 0, 0, 0, 0, 0, 0, 0]), ("ff02::2", 0, 0, link))
"""


@contextmanager
def advertising(pod: Pod, folder: Path, lifetime: int) -> Iterator[None]:
    """A router on the pod's wire, for as long as the block lasts."""
    configuration = folder / f"{lifetime}.conf"
    configuration.write_text(CONFIGURATION.format(lifetime=lifetime))
    command = ["ip", "netns", "exec", pod.node, "dnsmasq", f"--conf-file={configuration}"]
    with Popen(command, stdout=PIPE, stderr=STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "IPv6 router advertisement enabled" in line:
                    break
            assert process.poll() is None, "dnsmasq did not start"
            yield
        finally:
            process.terminate()


def learned(netns: str) -> list[dict[str, Any]]:
    """Default routes from advertisements."""
    routes: list[dict[str, Any]] = answer(netns, "ip -j -6 route show default proto ra")
    return routes


def ask_for_routes(netns: str, lifetime: int) -> None:
    """Solicits until the default route is that of an advertisement with this lifetime."""
    end = time.monotonic() + DEADLINE
    while not any(lifetime - DEADLINE <= route.get("expires", 0) <= lifetime for route in learned(netns)):
        assert time.monotonic() < end, f"no advertisement taken: {learned(netns)}"
        inside(netns, *PYTHON, "-c", SOLICIT)
        time.sleep(0.05)


def slaac(netns: str) -> str:
    (link,) = answer(netns, "ip -j -6 address show dev eth0 scope global")
    (address,) = [each["local"] for each in link["addr_info"] if each.get("dynamic")]
    return str(address)


@pytest.fixture
def advertised(pod: MakePod, tmp_path: Path) -> Iterator[Pod]:
    """A pod without an IPv6 address of its own, whose router advertises a prefix and itself."""
    web = pod(addresses6=[], gateway6="", sysctls={"net/ipv4/ip_forward": "0", "net/ipv6/conf/default/accept_dad": "0"})
    shell(web.node, "ip address add fd10:244:1::1/64 dev cni0 nodad")
    with advertising(web, tmp_path, FIRST):
        ask_for_routes(web.netns, FIRST)
        settle(web.netns)
        yield web


def accept_ra(netns: str) -> str:
    return ns(netns, "cat /proc/sys/net/ipv6/conf/eth0/accept_ra").strip()


@pytest.mark.parametrize("switch", ["all", "lo"])
def test_without_converge_the_route_is_lost(advertised: Pod, switch: str) -> None:
    """The control: this kernel does what the rest of this file is about. Forwarding on any link will do, not only on the
    route's.
    """
    shell(advertised.netns, f"echo 1 > /proc/sys/net/ipv6/conf/{switch}/forwarding")
    assert not learned(advertised.netns)


def test_the_way_out_stays(advertised: Pod) -> None:
    before, address = learned(advertised.netns), slaac(advertised.netns)
    driving.applied(driving.masquerade_yaml(advertised.netns))
    assert [route["gateway"] for route in learned(advertised.netns)] == [route["gateway"] for route in before]
    assert accept_ra(advertised.netns) == "2"
    with guest_on(advertised.netns) as guest, serving(guest, "guest", "tcp/80"), serving(advertised.outside, "outside", "tcp/80"):
        settle(advertised.netns)
        assert tcp(guest, OUTSIDE6, 80) == f"outside saw {address}"
        assert tcp(advertised.outside, address, 80) == f"guest saw {OUTSIDE6}"


def test_a_later_advertisement_is_obeyed(advertised: Pod) -> None:
    driving.applied(driving.masquerade_yaml(advertised.netns))
    ns(advertised.netns, "ip -6 route delete default")
    ask_for_routes(advertised.netns, FIRST)


def test_another_routers_lifetime_is_taken_over(pod: MakePod, tmp_path: Path) -> None:
    """The first router falls silent; one that advertises another lifetime takes its place, after the pod was wired."""
    web = pod(addresses6=[], gateway6="", sysctls={"net/ipv6/conf/default/accept_dad": "0"})
    shell(web.node, "ip address add fd10:244:1::1/64 dev cni0 nodad")
    with advertising(web, tmp_path, FIRST):
        ask_for_routes(web.netns, FIRST)
    driving.applied(driving.masquerade_yaml(web.netns))
    with advertising(web, tmp_path, SECOND):
        ask_for_routes(web.netns, SECOND)
    assert driving.plan(driving.masquerade_yaml(web.netns)).plan.empty


def test_a_repair_does_not_lose_it(advertised: Pod) -> None:
    """A route learned after the wiring, then both sysctls changed by hand: a repair has the same order to keep as the wiring."""
    driving.applied(driving.masquerade_yaml(advertised.netns))
    ns(advertised.netns, "ip -6 route delete default")
    ask_for_routes(advertised.netns, FIRST)
    shell(advertised.netns, "cd /proc/sys/net/ipv6/conf; echo 1 > eth0/accept_ra; echo 0 > k6t-eth0/forwarding")
    driving.applied(driving.masquerade_yaml(advertised.netns))
    assert learned(advertised.netns)


@pytest.mark.parametrize("value", ["0", "2"])
def test_other_values_are_left_alone(pod: MakePod, value: str) -> None:
    """Who said 0 wants no advertisements, and who said 2 has thought of it already."""
    web = pod(sysctls={"net/ipv6/conf/eth0/accept_ra": value})
    driving.applied(driving.masquerade_yaml(web.netns))
    assert accept_ra(web.netns) == value
    assert not any("altnames" in link for link in answer(web.netns, "ip -j link show eth0"))


def test_a_pod_without_ipv6_keeps_its_value(pod: MakePod) -> None:
    web = pod(addresses6=[], gateway6="")
    driving.applied(driving.masquerade_yaml(web.netns))
    assert accept_ra(web.netns) == "1"
