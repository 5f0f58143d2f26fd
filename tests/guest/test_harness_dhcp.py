"""Does the harness report what a server says? dnsmasq by hand, without converge, so that a wrong report has one cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge.lab.pods import Place
from tests.guest.machine import boot
from tests.guest.scenario import DHCLIENT, UDHCPC, Nic, Setup
from tests.guest.served import BRIDGED, MASQUERADE, bridge, dnsmasq

MAC = "0a:58:0a:f4:01:05"
PRIVATE = b"private, with a comma".hex()


def test_udhcpc_with_advertisement_and_dhcpv6(place: Place, tmp_path: Path) -> None:
    with (
        bridge(place.netns("u"), "10.0.2.1/24", "fd10:0:2::1/120") as netns,
        dnsmasq(netns, tmp_path, MASQUERADE) as log,
        boot(netns, [Nic(mac=MAC)]) as guest,
    ):
        seen = guest.report()
        link = seen["links"]["eth0"]
        assert link["mtu"] == 1400
        assert {"10.0.2.2/24", "fd10:0:2::2/128"} <= {address["address"] for address in link["addresses"]}
        options = link["dhcp4"]["options"]
        assert (options["lease"], options["opt240"], options["hostname"]) == ("86313600", PRIVATE, "testvm")
        advertised = link["ra"]
        assert (advertised["router_lifetime"], advertised["mtu"], advertised["router_preference"]) == (9000, 1400, "high")
        assert [prefix["value"] for prefix in advertised["prefixes"]] == ["fd10:0:2::/120"]
        assert link["dhcp6"]["options"]["dhcp6_name_servers"] == "fd10:96::a"
        assert [(route["via"], route["protocol"]) for route in seen["routes6"] if route["to"] == "default"] == [
            ("fe80::ff:fe00:0", "ra")
        ]
        assert seen["resolv"]["servers"] == ["10.96.0.10", "10.96.0.11", "fd10:96::a"]
        assert guest.run("renew eth0").output == "renew"
        assert guest.run("lease eth0 udhcpc ff00aabbcc").output == "bound"
        assert guest.run("lease eth0 dhclient 00616263").output == "BOUND"
        guest.run("lease eth0 dhclient6 000300010a580af4ffff >/dev/null 2>&1 &")
        log.await_line("DHCPSOLICIT(k6t-eth0) 00:03:00:01:0a:58:0a:f4:ff:ff", 10.0)


def test_dhclient_renews_at_t1(place: Place, tmp_path: Path) -> None:
    setup = Setup(client=DHCLIENT, duid="00030001020304050607")
    with (
        bridge(place.netns("d"), "10.0.2.1/24", "fd10:0:2::1/120") as netns,
        dnsmasq(netns, tmp_path, MASQUERADE) as log,
        boot(netns, [Nic(mac=MAC, mtu=1300, setup=setup)]) as guest,
    ):
        link = guest.report()["links"]["eth0"]
        assert link["mtu"] == 1300  # virtio's word is the most that DHCP can ask for
        options = link["dhcp4"]["options"]
        assert (options["unknown_240"], options["interface_mtu"]) == ("private, with a comma", "1400")
        assert link["dhcp6"]["options"]["dhcp6_client_id"] == "0:3:0:1:2:3:4:5:6:7"
        renewed = guest.wait_for("dhcp", 20, client=DHCLIENT, reason="RENEW")
        assert renewed["environment"]["new_ip_address"] == "10.0.2.2"
        log.await_line("DHCPACK", 1.0)


@pytest.mark.parametrize("client", [UDHCPC, DHCLIENT])
def test_classless_routes_of_a_host_address(place: Place, tmp_path: Path, client: str) -> None:
    with (
        bridge(place.netns("b"), "169.254.75.10/32") as netns,
        dnsmasq(netns, tmp_path, BRIDGED),
        boot(netns, [Nic(mac=MAC, setup=Setup(client=client, ipv6=False))]) as guest,
    ):
        seen = guest.report()
        assert "10.244.1.5/32" in {address["address"] for address in seen["links"]["eth0"]["addresses"]}
        assert {(route["to"], route["via"]) for route in seen["routes4"]} == {("169.254.1.1", None), ("default", "169.254.1.1")}


def test_a_client_that_ignores_classless_routes_and_one_that_gets_nothing(place: Place, tmp_path: Path) -> None:
    """With a host address and no option 121 there is no way to the router, so there is no route at all."""
    nics = [
        Nic("tap0", mac=MAC, setup=Setup(classless=False, ipv6=False)),
        Nic("tap1", mac="0a:58:0a:f4:01:99", setup=Setup()),
    ]
    with (
        bridge(place.netns("c"), "169.254.75.10/32", taps=2) as netns,
        dnsmasq(netns, tmp_path, BRIDGED),
        boot(netns, nics) as guest,
    ):
        seen = guest.report()
        known, stranger = seen["links"]["eth0"], seen["links"]["eth1"]
        assert known["dhcp4"]["options"]["router"] == "169.254.1.1"
        assert seen["routes4"] == []
        assert [failure["outcome"] for failure in stranger["failed"]] == ["leasefail"]
        assert "dhcp4" not in stranger
        assert not stranger["ra"]["answered"]
