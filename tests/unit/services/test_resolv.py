"""resolv.conf -> what the guest is told: KubeVirt's table, and laws over any text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.model import DnsConfig
from converge.services.resolv import Resolver, encoded_length, sendable, translate

FOUR, SIX = IPv4Address("10.96.0.10"), IPv6Address("fd00:10:96::a")
GOOGLE = (IPv4Address("8.8.8.8"),)
CLUSTER = "search default.svc.cluster.local svc.cluster.local cluster.local\n"


def search(text: str, subdomain: str = "") -> tuple[str, ...]:
    return translate(text, subdomain=subdomain).resolver.search


@pytest.mark.parametrize(
    ("text", "four", "six"),
    [
        ("", GOOGLE, ()),
        ("nameserver 10.96.0.10\n", (FOUR,), ()),
        ("nameserver fd00:10:96::a\n", (), (SIX,)),
        ("nameserver fd00:10:96::a\nnameserver 10.96.0.10", (FOUR,), (SIX,)),
        ("nameserver ::ffff:10.96.0.10\n", (FOUR,), ()),
        ("nameserver mynameserver\n", GOOGLE, ()),
        ("nameserver 10.96.0.10 # ours\n", GOOGLE, ()),
        ("nameserver 10.96.0.10#ours\n", GOOGLE, ()),
        (" nameserver 10.96.0.10\n", GOOGLE, ()),
        ("nameserver\t10.96.0.10  \r\n", (FOUR,), ()),
        ("nameserver fe80::1%eth0\n", GOOGLE, ()),
        ("# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver 10.96.0.10\n", (FOUR,), ()),
    ],
)
def test_nameservers(text: str, four: tuple[IPv4Address, ...], six: tuple[IPv6Address, ...]) -> None:
    resolver = translate(text).resolver
    assert (resolver.nameservers4, resolver.nameservers6) == (four, six)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("cluster.local",)),
        ("domain example.com\noptions ndots:5\n", ("cluster.local",)),
        ("search a.com b.com\nsearch c.com\n", ("a.com", "b.com", "c.com")),
        ("search   a.com \t b.com  \n", ("a.com", "b.com")),
        ("search A.Com\n", ("a.com",)),
        ("search a.com.\n", ("a.com",)),
        ("search a_b.com _tcp.example.c0m local\n", ("a_b.com", "_tcp.example.c0m", "local")),
    ],
)
def test_search(text: str, expected: tuple[str, ...]) -> None:
    assert search(text) == expected


@pytest.mark.parametrize("name", ["local", "a_b.com", "foo.c0m", "a" * 63 + ".com", "foo.com.", "x.y-z.com"])
def test_sendable(name: str) -> None:
    assert sendable(name)


@pytest.mark.parametrize(
    "name",
    [".", "", "-foo.com", "foo-.com", "com_", "foo.1com", "114.114.114.114", "foo,com", "foo.com\n", "a" * 64 + ".com", "é.com",
     "A.com",
     "a..com", "114.114.114.114.", "a." * 126 + "com"],
)  # fmt: skip
def test_not_sendable(name: str) -> None:
    assert not sendable(name)


def test_what_cannot_be_sent_is_left_out_and_said() -> None:
    """KubeVirt's launcher dies of each of these."""
    found = translate("search a.com 114.114.114.114 DHCP, b.com\n")
    assert found.resolver.search == ("a.com", "b.com")
    assert ["114.114.114.114" in found.warnings[0], "dhcp," in found.warnings[1]] == [True, True]


def test_at_most_one_option_of_search_domains() -> None:
    names = [f"{letter * 40}.com" for letter in "abcdef"]  # 6 names of 46 bytes
    found = translate(f"search {' '.join(names)}\n")
    assert found.resolver.search == tuple(names[:5])
    assert "option 119" in found.warnings[0]


def test_at_most_one_option_of_nameservers() -> None:
    found = translate("".join(f"nameserver 10.0.0.{n}\n" for n in range(1, 71)))
    assert len(found.resolver.nameservers4) == 63
    assert "option 6" in found.warnings[0]


def test_the_longest_domain_is_option_15_and_the_first_of_equals() -> None:
    assert translate("search a.com longest.example.com bb.com\n").resolver.domain == "longest.example.com"
    assert translate("search aa.com bb.com\n").resolver.domain == "aa.com"


@pytest.mark.parametrize(
    ("text", "subdomain", "first"),
    [
        (CLUSTER, "sub", "sub.default.svc.cluster.local"),
        (CLUSTER, "default", "default.svc.cluster.local"),
        (CLUSTER, "", "default.svc.cluster.local"),
        ("search svc.cluster.local example.com\n", "sub", "svc.cluster.local"),
        ("search example.com ns.svc.cluster.local\n", "sub", "sub.ns.svc.cluster.local"),
        ("", "sub", "cluster.local"),
    ],
)
def test_subdomain(text: str, subdomain: str, first: str) -> None:
    assert search(text, subdomain)[0] == first


def test_dns_config_adds_what_is_not_there() -> None:
    dns = DnsConfig("ClusterFirst", ("10.96.0.10", "192.0.2.53"), ("cluster.local", "example.com"))
    found = translate(CLUSTER + "nameserver 10.96.0.10\n", dns).resolver
    assert found.nameservers4 == (FOUR, IPv4Address("192.0.2.53"))
    assert found.search == ("default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.com")


def test_policy_none_takes_nothing_from_the_pod() -> None:
    found = translate(CLUSTER + "nameserver 10.96.0.10\n", DnsConfig("None", ("fd00:10:96::a",), ("Example.com",))).resolver
    assert found == Resolver((), (SIX,), ("example.com",), "example.com")


LINES = st.one_of(
    st.text(max_size=60),
    st.builds("{} {}".format, st.sampled_from(["search", "nameserver", "domain", "searchx"]), st.text(max_size=80)),
    st.builds("search {}".format, st.lists(st.from_regex(r"\A[a-z0-9_.-]{1,80}\Z"), max_size=9).map(" ".join)),
)


@given(st.lists(LINES, max_size=12).map("\n".join), st.from_regex(r"\A(?:[a-z0-9]{1,63}\.?){0,5}\Z"))
def test_any_text_gives_what_can_be_sent(text: str, subdomain: str) -> None:
    resolver = translate(text, subdomain=subdomain).resolver
    assert all(map(sendable, resolver.search))
    assert sum(map(encoded_length, resolver.search)) <= 255
    assert resolver.domain in (*resolver.search, "")
    assert resolver.nameservers4 or resolver.nameservers6
    assert len(resolver.nameservers4) <= 63
