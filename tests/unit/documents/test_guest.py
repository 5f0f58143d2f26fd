"""What a document says about DHCP, DNS and the guest: how it is read, and the rules, forbidden and allowed ones side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.model import DhcpOptions, DnsConfig, GuestOptions, Severity
from tests.unit.documents.examples import GUEST_NETWORK, VMI, changed, document, loaded, pointed_at, rendered

BINDING = "      masquerade: {}\n"
VMI_BINDING = "          masquerade: {}\n"
NAME = "metadata: {name: web, namespace: shop}"


def nic(new: str) -> str:
    return changed(GUEST_NETWORK, BINDING, f"{BINDING}      {new}\n")


def spec(new: str) -> str:
    return changed(GUEST_NETWORK, "  networks:\n", f"  {new}\n  networks:\n")


def vmi_spec(new: str) -> str:
    return changed(VMI, "spec:\n", f"spec:\n  {new}\n")


def annotated(text: str) -> str:
    return changed(VMI, "{net.converge/netns: web}", json.dumps({"net.converge/netns": "web", "net.converge/guest": text}))


# ------------------------------------------------------------------------------------------------------------- reading


def test_nothing_said_is_what_kubevirt_does() -> None:
    (found,) = document(GUEST_NETWORK).nics
    assert (found.dhcp, found.guest, found.known_macs) == (DhcpOptions(), GuestOptions(), ())
    assert document(GUEST_NETWORK).dns is None


def test_dhcp_options() -> None:
    private = "[{option: 240, value: private.options.kubevirt.io}, {option: 224, value: ' #,\"'}]"
    names = "bootFileName: config, tftpServerName: tftp.kubevirt.io, ntpServers: [192.168.2.2, 192.168.002.003]"
    (found,) = document(nic(f"dhcpOptions: {{{names}, privateOptions: {private}}}")).nics
    assert found.dhcp == DhcpOptions(
        "config", "tftp.kubevirt.io", ("192.168.2.2", "192.168.2.3"), ((240, "private.options.kubevirt.io"), (224, ' #,"'))
    )


GUEST = "{mtu: 1400, ipv6: true, dhcp: {router: false, dns: false}, routerAdvertisements: false, resolvConf: /etc/resolv.conf}"
READ = GuestOptions(1400, True, False, False, False, "/etc/resolv.conf")


def test_guest() -> None:
    assert document(nic(f"guest: {GUEST}")).nics[0].guest == READ
    assert document(nic("guest: {dhcp: {dns: false}}")).nics[0].guest == GuestOptions(dhcp_dns=False)
    assert document(nic("guest:")).nics[0].guest == GuestOptions()


def test_guest_by_annotation() -> None:
    as_json = (
        '{"default": {"mtu": 1400, "ipv6": true, "dhcp": {"router": false, "dns": false}, '
        '"routerAdvertisements": false, "resolvConf": "/etc/resolv.conf"}}'
    )
    assert document(annotated(as_json)).nics[0].guest == READ
    assert document(annotated("{}")).nics[0].guest == GuestOptions()


def test_macs_of_the_status() -> None:
    entries = "[{name: default, mac: 02-AA-00-00-00-07}, {name: default, mac: not one}, {name: other, mac: '02:00:00:00:00:09'}]"
    assert document(changed(VMI, "status: {}", f"status: {{interfaces: {entries}}}")).nics[0].known_macs == ("02:aa:00:00:00:07",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GUEST_NETWORK, "web"),
        (changed(GUEST_NETWORK, NAME, "metadata: {name: web.example.com}"), "web"),
        (changed(GUEST_NETWORK, NAME, f"metadata: {{name: {'a' * 62}-bc}}"), "a" * 62),
        (spec("hostname: testvm"), "testvm"),
        (vmi_spec("hostname: testvm"), "testvm"),
        (spec("hostname: ''"), "web"),
    ],
)
def test_host_name(text: str, expected: str) -> None:
    assert document(text).hostname == expected


@pytest.mark.parametrize("around", [spec, vmi_spec])
def test_dns(around: object) -> None:
    assert callable(around)
    config = "{nameservers: [010.096.000.010, 'fd00::a'], searches: [Example.com], options: [{name: ndots, value: '5'}]}"
    found = document(around(f"dnsPolicy: None\n  dnsConfig: {config}\n  subdomain: sub"))
    assert found.dns == DnsConfig("None", ("10.96.0.10", "fd00::a"), ("example.com",))
    assert found.subdomain == "sub"
    assert document(around("dnsPolicy: Default")).dns == DnsConfig("Default")
    assert document(around("dnsPolicy: ''")).dns is None


# --------------------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True)
class Row:
    name: str
    text: str
    summary: str | None = None
    points_at: str = ""
    severity: Severity = Severity.ERROR


def dhcp(name: str, new: str, summary: str | None = None, at: str = "", severity: Severity = Severity.ERROR) -> Row:
    return Row(name, nic(f"dhcpOptions: {new}"), summary, at, severity)


def private(*pairs: tuple[int, str]) -> str:
    return f"{{privateOptions: [{', '.join(f'{{option: {number}, value: {json.dumps(value)}}}' for number, value in pairs)}]}}"


WARNING = Severity.WARNING
ROWS = [
    dhcp("255 bytes", private((224, "a" * 255))),
    dhcp("256 bytes", private((224, "a" * 256)), "DHCP option too long", f'"{"a" * 256}"'),
    dhcp("256 bytes in UTF-8", "{bootFileName: " + "é" * 128 + "}", "DHCP option too long", "é" * 128),
    dhcp("option 66 too long", "{tftpServerName: " + "b" * 300 + "}", "DHCP option too long", "b" * 300),
    dhcp("two of 100", private((224, "a" * 100), (225, "a" * 100))),
    dhcp("two of 200", private((224, "a" * 200), (225, "a" * 200)), "DHCP options too large",
         private((224, "a" * 200), (225, "a" * 200)), WARNING),
    dhcp("option 223", private((223, "a")), "Value out of bounds", "223"),
    dhcp("option 255", private((255, "a")), "Value out of bounds", "255"),
    dhcp("option twice", private((254, "a"), (254, "b")), "Duplicate DHCP option", "254"),
    dhcp("newline", private((224, "a\nb")), "Control character", '"a\\nb"'),
    dhcp("NTP by name", "{ntpServers: [pool.ntp.org]}", "Not an IPv4 address", "pool.ntp.org"),
    dhcp("NTP by IPv6", "{ntpServers: ['fd00::1']}", "Not an IPv4 address", "'fd00::1'"),
    dhcp("63 NTP servers", f"{{ntpServers: [{', '.join(['192.0.2.1'] * 63)}]}}"),
    dhcp("64 NTP servers", f"{{ntpServers: [{', '.join(['192.0.2.1'] * 63)}, 192.0.2.64]}}",
         "DHCP option too long", "192.0.2.64"),
    Row("MTU 68", nic("guest: {mtu: 68}")),
    Row("MTU 67", nic("guest: {mtu: 67}"), "Value out of bounds", "67"),
    Row("MTU 65535", nic("guest: {mtu: 65535}")),
    Row("MTU 65536", nic("guest: {mtu: 65536}"), "Value out of bounds", "65536"),
    Row("MTU too small for IPv6", nic("guest: {mtu: 1279, ipv6: true}"), "MTU too small", "1279", WARNING),
    Row("unknown word", nic("guest: {mut: 1400}"), "Unknown key", "mut"),
    Row("unknown word of dhcp", nic("guest: {dhcp: {routes: false}}"), "Unknown key", "routes"),
    Row("wrong type", nic("guest: {ipv6: 'yes'}"), "Wrong type", "'yes'"),
    Row("relative path", nic("guest: {resolvConf: etc/resolv.conf}"), "Not a path", "etc/resolv.conf"),
    Row("path with dots", nic("guest: {resolvConf: /run/../etc/x}"), "Not a path", "/run/../etc/x"),
    Row("guest in a VMI", changed(VMI, VMI_BINDING, f"{VMI_BINDING}          guest: {{}}\n"), "Unknown key", "guest", WARNING),
    Row("policy", spec("dnsPolicy: none"), "Value not known", "none"),
    Row("policy None alone", spec("dnsPolicy: None"), "No name server", "dnsPolicy"),
    Row("name server by name", spec("dnsConfig: {nameservers: [a.com]}"), "Not an IP address", "a.com"),
    Row("name server with zone", spec("dnsConfig: {nameservers: ['fe80::1%eth0']}"), "Not an IP address", "'fe80::1%eth0'"),
    Row("four name servers", spec("dnsConfig: {nameservers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]}"), "Too many entries",
        "[1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]"),
    Row("search domain", spec("dnsConfig: {searches: ['foo,com']}"), "Unusable search domain", "'foo,com'"),
    Row("search domain of a VMI", vmi_spec("dnsConfig: {searches: [114.114.114.114]}"), "Unusable search domain",
        "114.114.114.114", WARNING),
    Row("subdomain", spec("subdomain: A"), "Not a DNS name", "A"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=attrgetter("name"))
def test_rule(row: Row) -> None:
    result = loaded(row.text)
    if row.summary is None:
        assert not result.diagnostics, rendered(result)
        return
    found = [(each.summary, pointed_at(row.text, each), each.severity) for each in result.diagnostics]
    assert (row.summary, row.points_at, row.severity) in found, rendered(result)
    assert result.valid is (row.severity is not Severity.ERROR)
    assert all("\n" in each.detail for each in result.diagnostics), "each says what would be right"


ANNOTATIONS = [
    ("", "Unreadable annotation", "it is not a mapping"),
    ("mtu", "Unreadable annotation", "it is not a mapping"),
    ("[1]", "Unreadable annotation", "it is not a mapping"),
    ('{"default": {"mtu": 1400}', "Unreadable annotation", ""),
    ('{"default": 1}', "Wrong type", ""),
    ('{"default": {"mtu": 67}}', "Value out of bounds", "mtu 67"),
    ('{"default": {"mut": 1400}}', "Unknown key", "mut"),
    ('{"default": {"resolvConf": "x"}}', "Not a path", ""),
    ('{"default": {"mtu": 1400}, "default": {}}', "Unreadable annotation", ""),
]


@pytest.mark.parametrize(("text", "summary", "words"), ANNOTATIONS)
def test_annotation_is_reported_where_it_stands(text: str, summary: str, words: str) -> None:
    whole = annotated(text)
    result = loaded(whole)
    assert not result.valid
    assert not result.documents
    (found,) = [each for each in result.diagnostics if each.summary == summary]
    assert words in found.detail
    assert pointed_at(whole, found) == json.dumps(text)


def test_annotation_about_nobody_warns() -> None:
    result = loaded(annotated('{"default": {}, "storage": {"mtu": 1400}}'))
    assert [(each.summary, each.severity) for each in result.diagnostics] == [("Unknown interface", WARNING)]


@given(st.text(st.sampled_from('{}[]":,defaultmu 0123456789\\\n&*!'), max_size=60) | st.text(max_size=40))
def test_any_annotation_is_read_or_reported(text: str) -> None:
    result = loaded(annotated(text))
    assert result.documents or not result.valid
