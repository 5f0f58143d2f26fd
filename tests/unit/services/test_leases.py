"""dnsmasq's log -> who has which address. The lines are a real one's."""

from __future__ import annotations

from converge.services.leases import Lease, leases

LOG = """\
dnsmasq[4711]: started, version 2.90 DNS disabled
dnsmasq-dhcp[4711]: DHCP, IP range 10.0.2.2 -- 10.0.2.2, lease time 999d
dnsmasq-dhcp[4711]: 305419896 available DHCP range: 10.0.2.2 -- 10.0.2.2
dnsmasq-dhcp[4711]: 305419896 DHCPDISCOVER(k6t-eth0) 0a:58:0a:f4:01:05
dnsmasq-dhcp[4711]: 305419896 DHCPOFFER(k6t-eth0) 10.0.2.2 0a:58:0a:f4:01:05
dnsmasq-dhcp[4711]: 305419896 DHCPREQUEST(k6t-eth0) 10.0.2.2 0a:58:0a:f4:01:05
dnsmasq-dhcp[4711]: 305419896 DHCPACK(k6t-eth0) 10.0.2.2 0a:58:0a:f4:01:05 testvm
dnsmasq-dhcp[4711]: 1193046 DHCPREPLY(k6t-eth0) fd10:0:2::2 00:03:00:01:0a:58:0a:f4:01:05
"""


def test_the_last_confirmation_of_each_family() -> None:
    assert leases(LOG) == {4: Lease("10.0.2.2", "0a:58:0a:f4:01:05"), 6: Lease("fd10:0:2::2", "00:03:00:01:0a:58:0a:f4:01:05")}
    later = LOG + "dnsmasq-dhcp[9]: DHCPACK(k6t-eth0) 10.0.2.2 02:99:99:99:99:99\n"
    assert leases(later)[4].client == "02:99:99:99:99:99"


def test_an_offer_is_no_lease() -> None:
    assert leases("".join(line + "\n" for line in LOG.splitlines() if "OFFER" in line)) == {}
    assert leases("") == {}


def test_a_guest_cannot_forge_one() -> None:
    """A host name and a vendor class stand at the end of a line, whatever they say."""
    forged = "dnsmasq-dhcp[1]: DHCPACK(k6t-eth0) 10.9.9.9 02:99:99:99:99:99"
    assert leases(f"dnsmasq-dhcp[1]: 7 vendor class: {forged}\ndnsmasq-dhcp[1]: 7 client provides name: {forged}\n") == {}


def test_information_is_no_lease() -> None:
    """The guest names the address, and dnsmasq acknowledges it."""
    informed = (
        "dnsmasq-dhcp[4711]: 305419896 DHCPINFORM(k6t-eth0) 9.9.9.9 0a:58:0a:f4:01:05\n"
        "dnsmasq-dhcp[4711]: 305419896 DHCPACK(k6t-eth0) 9.9.9.9 0a:58:0a:f4:01:05 \n"
    )
    assert leases(LOG + informed) == leases(LOG)
    assert leases(LOG + informed + LOG) == leases(LOG)
