"""The file that dnsmasq reads: the two set-ups as text, each option of the table, and that no user's text becomes a directive."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converge.model import DhcpOptions
from converge.services.dnsmasq import COMMON, Service, problems, text
from converge.services.options import Route
from converge.services.quoting import Unwritable, quoted, unwritable
from converge.services.resolv import Resolver
from tests.unit.services.examples import (
    BRIDGE,
    BRIDGE4,
    BRIDGE6,
    CALICO,
    EVERYTHING,
    MASQUERADE,
    MASQUERADE4,
    MASQUERADE6,
    ROUTER,
)
from tests.unit.services.reading import directives

FORCE = "dhcp-option-force="


def own(service: Service) -> list[str]:
    """The lines that are not the same for all."""
    return [line for line in text(service).splitlines() if line not in COMMON and not line.startswith("interface=")]


def option(service: Service, number: str) -> list[str]:
    return [line.split(",", 1)[1] for line in own(service) if line.startswith(f"{FORCE}{number},")]


def test_masquerade() -> None:
    assert own(MASQUERADE) == [
        "dhcp-host=0a:58:0a:f4:01:05,*:*:*:*:*:*,10.0.2.2",
        "dhcp-mac=set:listed,0a:58:0a:f4:01:05",
        "dhcp-range=tag:listed,10.0.2.2,10.0.2.2,255.255.255.0,86313600",
        "dhcp-range=tag:!listed,10.0.2.2,10.0.2.2,255.255.255.0,120",
        f"{FORCE}option:netmask,255.255.255.0",
        f"{FORCE}option:router,10.0.2.1",
        f"{FORCE}option:mtu,1500",
        f"{FORCE}option:dns-server,10.96.0.10",
        f'{FORCE}option:domain-name,"default.svc.cluster.local"',
        f"{FORCE}option:domain-search,default.svc.cluster.local,svc.cluster.local,cluster.local",
        f'{FORCE}12,"testvm"',
        "dhcp-range=fd10:0:2::2,fd10:0:2::2,120,120",
        "enable-ra",
        "ra-param=k6t-eth0,mtu:1500,high,600,65535",
        "dhcp-option=option6:dns-server,[fd00:10:96::a]",
        "dhcp-option=option6:domain-search,default.svc.cluster.local,svc.cluster.local,cluster.local",
    ]


def test_bridge() -> None:
    assert own(replace(BRIDGE, resolver=Resolver(), hostname="")) == [
        "shared-network=169.254.75.10,10.244.1.5",
        "dhcp-ignore=tag:!known",
        "dhcp-host=0a:58:0a:f4:01:05,10.244.1.5",
        "dhcp-range=10.244.1.5,10.244.1.5,255.255.255.0,10.244.1.255,86313600",
        f"{FORCE}option:netmask,255.255.255.0",
        f"{FORCE}option:router,10.244.1.1",
        f"{FORCE}121,0.0.0.0/0,10.244.1.1",
        f"{FORCE}option:mtu,1500",
    ]


def test_bridge_with_the_pods_ipv6_address() -> None:
    assert own(replace(BRIDGE, lease4=None, lease6=BRIDGE6, resolver=Resolver())) == [
        "shared-network=fd75:a::1,fd10:244:1::5",
        "dhcp-ignore=tag:!known",
        "dhcp-host=0a:58:0a:f4:01:05,[fd10:244:1::5]",
        "dhcp-range=fd75:a::,static,off-link,64,120",
        "dhcp-range=fd10:244:1::5,fd10:244:1::5,64,120",
        "enable-ra",
        "ra-param=k6t-eth0,mtu:1500,high,600,0",
    ]
    assert text(replace(BRIDGE, lease6=BRIDGE6)).count("dhcp-ignore=tag:!known") == 1


def test_calico_has_a_host_route_and_no_broadcast() -> None:
    assert "dhcp-range=10.244.196.146,10.244.196.146,255.255.255.255,86313600" in own(CALICO)
    assert option(CALICO, "121") == ["169.254.1.1/32,0.0.0.0,0.0.0.0/0,169.254.1.1"]


def test_same_text_for_the_same_service() -> None:
    assert text(MASQUERADE) == text(replace(MASQUERADE))
    assert text(replace(MASQUERADE, lease4=replace(MASQUERADE4, seconds=120))) != text(MASQUERADE)


def test_without_known_macs_anybody_has_the_long_lease() -> None:
    lines = own(replace(MASQUERADE, lease4=replace(MASQUERADE4, macs=()), lease6=None))
    assert lines[:2] == ["dhcp-host=*:*:*:*:*:*,10.0.2.2", "dhcp-range=10.0.2.2,10.0.2.2,255.255.255.0,86313600"]


def test_no_router() -> None:
    service = replace(CALICO, router=False)
    assert "dhcp-option=option:router" in own(service)
    assert option(service, "121") == ["169.254.1.1/32,0.0.0.0"]
    assert "ra-param=k6t-eth0,mtu:1500,high,600,0" in own(replace(MASQUERADE, router=False))


def test_no_dns() -> None:
    assert not re.search("dns-server|domain", text(replace(MASQUERADE, dns=False)))


def test_only_ipv6_nameservers_leave_option_6_out() -> None:
    assert option(replace(MASQUERADE, resolver=Resolver((), (IPv6Address("fd00::1"),))), "option:dns-server") == []


def test_no_advertisements() -> None:
    assert not [line for line in own(replace(MASQUERADE, advertise=False)) if line.startswith(("enable-ra", "ra-param"))]


def test_an_mtu_that_ipv6_cannot_have_is_not_advertised() -> None:
    assert "ra-param=k6t-eth0,mtu:off,high,600,65535" in own(replace(MASQUERADE, mtu=1279))


def test_a_prefix_that_dnsmasq_does_not_take() -> None:
    wide = replace(MASQUERADE6, address=type(MASQUERADE6.address)("fd00::2/48"))
    assert "dhcp-range=fd00::2,fd00::2,64,120" in own(replace(MASQUERADE, lease6=wide))


def test_options_of_the_document() -> None:
    found = replace(
        MASQUERADE,
        options=DhcpOptions(
            "config", "tftp.kubevirt.io", ("192.168.2.2", "192.168.2.3"), ((240, "private.options.kubevirt.io"),)
        ),
    )
    assert option(found, "67") == ['"config"']
    assert option(found, "66") == ['"tftp.kubevirt.io"']
    assert option(found, "option:ntp-server") == ["192.168.2.2,192.168.2.3"]
    assert option(found, "240") == ['"private.options.kubevirt.io"']


def many(count: int, gateway: IPv4Address) -> tuple[Route, ...]:
    return tuple(Route(IPv4Network(f"10.{number}.7.0/24"), gateway) for number in range(count))


def test_routes_that_the_default_route_covers_make_room() -> None:
    """KubeVirt's option 121 wraps after 255 bytes, and the guest reads nonsense."""
    elsewhere = Route(IPv4Network("192.168.7.0/24"), IPv4Address("10.244.1.9"))
    lease = replace(BRIDGE4, routes=(Route(EVERYTHING, ROUTER), *many(40, ROUTER), elsewhere))
    assert option(replace(BRIDGE, lease4=lease), "121") == ["192.168.7.0/24,10.244.1.9,0.0.0.0/0,10.244.1.1"]


def test_long_lines_are_written_as_bytes() -> None:
    lease = replace(BRIDGE4, routes=many(31, IPv4Address("10.244.1.9")))
    (line,) = option(replace(BRIDGE, lease4=lease), "121")
    assert line.startswith("18:0a:00:07:0a:f4:01:09:")
    assert len(line) == 31 * 8 * 3 - 1


@pytest.mark.parametrize(
    ("service", "word"),
    [
        (replace(MASQUERADE, bridge="k6t-*"), "bridge"),
        (replace(MASQUERADE, bridge="a\nb"), "bridge"),
        (replace(MASQUERADE, hostname="a\0b"), "option 12"),
        (replace(MASQUERADE, options=DhcpOptions(private_options=((224, "é" * 128),))), "option 224"),
        (replace(MASQUERADE, options=DhcpOptions(boot_file_name="a\x01b")), "option 67"),
        (replace(MASQUERADE, options=DhcpOptions(private_options=((10, "x"),))), "option 10"),
        (replace(MASQUERADE, options=DhcpOptions(ntp_servers=("192.0.2.1",) * 64)), "option 42"),
        (replace(MASQUERADE, resolver=Resolver(search=("foo,com",))), "search domain"),
        (replace(MASQUERADE, lease4=replace(MASQUERADE4, macs=("any",))), "MAC"),
        (replace(BRIDGE, lease4=replace(BRIDGE4, macs=())), "needs the MAC"),
        (replace(BRIDGE, lease4=replace(BRIDGE4, routes=many(40, IPv4Address("10.244.1.9")))), "option 121"),
        (replace(BRIDGE, lease6=replace(BRIDGE6, macs=())), "IPv6"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(service: Service, word: str) -> None:
    assert any(word in problem for problem in problems(service))
    with pytest.raises(ValueError, match=re.escape(next(problems(service)))):
        text(service)


def test_255_bytes_are_fine() -> None:
    assert not list(problems(replace(MASQUERADE, options=DhcpOptions(private_options=((224, '"' * 255),)))))


# ----------------------------------------------------------------------------------- text of a user stays text of a user

ANY = st.text(st.characters(codec=None), max_size=270)
NASTY = st.text(st.sampled_from('\n\r\t"\\#,:=. \0\x01\x1bnatag1afé'), max_size=120)
PLAIN = st.text(st.sampled_from('\n\r\t"\\#,:=. nt1a€'), min_size=1, max_size=80)


@given(ANY | NASTY)
def test_quoted_text_is_one_value_and_the_same(value: str) -> None:
    if unwritable(value) is not None:
        with pytest.raises(Unwritable):
            quoted(value)
        return
    line = f"name={quoted(value)}\n"
    if len(line.encode()) <= 1000:
        assert directives(line) == [("name", [value.encode()] if value else [])]


@given(ANY | NASTY, ANY | NASTY, st.lists(ANY | NASTY, max_size=2))
def test_no_text_becomes_a_directive(host: str, file: str, values: list[str]) -> None:
    private = tuple((224 + number, value) for number, value in enumerate(values))
    service = replace(MASQUERADE, hostname=host, options=DhcpOptions(file, host, (), private))
    given_texts = {b"12": host, b"66": host, b"67": file} | {str(number).encode(): value for number, value in private}
    expected = sorted((number, value.encode("utf-8", "surrogatepass")) for number, value in given_texts.items() if value)
    try:
        found = directives(text(service))
    except ValueError:
        assert list(problems(service))
        return
    plain = directives(text(replace(MASQUERADE, hostname="")))
    assert [each for each in found if each[1][:1] and each[1][0] not in given_texts] == [each for each in plain if each[1]]
    assert sorted((values[0], values[1]) for name, values in found if values and values[0] in given_texts) == expected
    assert len(found) == len(plain) + len(expected)


needs_dnsmasq = pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="dnsmasq is not installed")


def accepts(file: str, folder: Path) -> bool:
    path = folder / "dnsmasq.conf"
    path.write_bytes(file.encode())
    return subprocess.run(["dnsmasq", "--test", f"--conf-file={path}"], capture_output=True).returncode == 0


@needs_dnsmasq
@pytest.mark.parametrize(
    "service",
    [
        MASQUERADE,
        BRIDGE,
        CALICO,
        replace(BRIDGE, lease6=BRIDGE6),
        replace(MASQUERADE, mtu=68, router=False, dns=False),
        replace(BRIDGE, lease4=replace(BRIDGE4, routes=many(31, IPv4Address("10.244.1.9")))),
        replace(
            MASQUERADE,
            options=DhcpOptions("a" * 255, '"' * 255, ("192.0.2.1",) * 63, ((224, "\\" * 255), (254, "tag:x,1.2.3.4"))),
        ),
    ],
)
def test_dnsmasq_takes_it(service: Service, tmp_path: Path) -> None:
    assert accepts(text(service), tmp_path)


@needs_dnsmasq
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(host=PLAIN, value=PLAIN)
def test_dnsmasq_takes_any_text(host: str, value: str, tmp_path: Path) -> None:
    assert accepts(text(replace(MASQUERADE, hostname=host, options=DhcpOptions(value, host, (), ((224, value),)))), tmp_path)
