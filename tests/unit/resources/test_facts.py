"""Captured facts: whatever a plan destroys is spelled as words, fits the comments of nft, and is read back as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge.model import Attributes, Key, Vlan
from converge.resources import fact, fact_text
from converge.resources.address import Address
from converge.resources.link import Link
from converge.resources.route import Route, name
from converge.resources.rule import Rule
from converge.resources.sysctl import Sysctl
from converge.resources.vf import Vf

POD = "pod:default"
link_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=15)
macs = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
link_values = st.builds(
    Link,
    name=link_names,
    kind=st.sampled_from(("veth", "", "macvlan")),
    up=st.booleans(),
    mtu=st.integers(68, 65535),
    mac=macs,
    index=st.integers(1, 9999),
)
prefixes4 = st.tuples(st.ip_addresses(v=4).map(str), st.integers(0, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")
prefixes6 = st.tuples(st.ip_addresses(v=6).map(str), st.integers(0, 128)).map(lambda pair: f"{pair[0]}/{pair[1]}")
maybe4 = st.one_of(st.none(), st.ip_addresses(v=4).map(str))
addresses = st.builds(
    Address,
    broadcast=maybe4,
    peer=maybe4,
    scope=st.sampled_from((0, 253)),
    label=st.one_of(st.none(), link_names),
    noprefixroute=st.booleans(),
    nodad=st.booleans(),
    metric=st.integers(0, 2**32 - 1),
)
routes = st.builds(
    Route,
    gateway=maybe4,
    protocol=st.sampled_from(("boot", "kernel", "static", "80", "196")),
    scope=st.sampled_from(("global", "link", "host")),
    type=st.sampled_from(("unicast", "blackhole", "local")),
    source=maybe4,
    onlink=st.booleans(),
    metrics=st.sampled_from(((), (("mtu", 1300),), (("mtu", 1300), ("advmss", 1200)))),
)
route_names = st.builds(
    name,
    st.ip_addresses(v=4).map(lambda ip: f"{ip}/32"),
    st.sampled_from((254, 100)),
    st.integers(0, 9999),
    st.sampled_from((0, 8)),
)


def again(resources: list[tuple[Key, Attributes]]) -> dict[Key, Attributes]:
    known, strange, short = fact_text.read([key for key, _ in fact_text.facts(resources)])
    assert not strange
    assert not short
    return known


@given(link_values)
def test_a_link_is_read_back(value: Link) -> None:
    key = Key("link", POD)
    found = again([(key, value)])
    assert found == {key: value}
    assert found[key].index == value.index


@given(st.one_of(prefixes4, prefixes6), addresses)
def test_an_address_is_read_back(text: str, value: Address) -> None:
    key = Key("address", POD, text)
    assert again([(key, value)]) == {key: value}


@given(st.integers(1, 2**31), st.integers(0, 2**31))
def test_what_is_left_of_a_lease_is_read_back(valid: int, preferred: int) -> None:
    key = Key("address", POD, "10.0.0.1/24")
    found = again([(key, Address(dynamic=True, valid=valid, preferred=preferred))])[key]
    assert (found.dynamic, found.valid, found.preferred) == (True, valid, preferred)


@given(route_names, routes)
def test_a_route_is_read_back(text: str, value: Route) -> None:
    key = Key("route", POD, text)
    assert again([(key, value)]) == {key: value}


switches = st.sampled_from((None, False, True))
functions = st.builds(
    Vf,
    mac=st.none() | macs,
    vlan=st.none() | st.builds(Vlan, st.integers(0, 4095), st.integers(0, 7), st.sampled_from(("802.1Q", "802.1ad", "0x9100"))),
    spoofchk=switches,
    trust=switches,
    state=st.sampled_from((None, "auto", "enable", "disable")),
    parent=link_names,
    ifindex=st.integers(1, 9999),
    nic=st.just("fast"),
)


@given(st.integers(0, 255), functions)
def test_a_function_is_read_back(number: int, value: Vf) -> None:
    key = Key("vf", f"#{value.ifindex}", str(number))
    found = again([(key, value)])
    assert found == {key: value}
    assert (found[key].parent, found[key].ifindex, found[key].nic) == (value.parent, value.ifindex, "fast")


def test_of_two_facts_about_a_function_the_first_one_holds() -> None:
    """As a kill leaves them: the newer one knows of one thing more, and is wrong in nothing of its own."""
    older = Key("fact", "fast", "vf 1 dev pf0 ifindex 7 vlan 7")
    newer = Key("fact", "other", "vf 1 dev pf0 ifindex 7 mac 02:00:00:00:00:01 vlan 100")
    known, strange, _ = fact_text.read([older, newer])
    assert known == {Key("vf", "#7", "1"): Vf("02:00:00:00:00:01", Vlan(7))}
    assert not strange


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (Key("sysctl", "", "net.ipv4.ip_forward"), "0"),
        (Key("sysctl", "", "net.ipv4.ping_group_range"), "1 0"),
        (Key("sysctl", POD, "ipv6.accept_ra"), "1"),
    ],
)
def test_a_sysctl_is_read_back(key: Key, value: str) -> None:
    assert again([(key, Sysctl(value))]) == {key: Sysctl(value)}


def test_a_pod_wide_fact_says_so_and_reads_like_a_sentence() -> None:
    ((key, _),) = fact_text.facts([(Key("sysctl", "", "net.ipv4.ip_forward"), Sysctl("0"))])
    assert f"{key.owner} {key.name}" == "pod sysctl net.ipv4.ip_forward 0"


def test_order_is_kept_and_says_which_address_is_primary() -> None:
    one, two = Key("address", POD, "10.0.0.2/24"), Key("address", POD, "10.0.0.1/24")
    found = again([(one, Address()), (two, Address())])
    assert list(found) == [one, two]
    assert (found[one].primary, found[two].primary) == (None, "10.0.0.2/24")


def test_missing_facts_are_noticed() -> None:
    link = Link("eth0", "veth", True, 1500, "0a:58:0a:f4:01:05", index=2)
    whole = [key for key, _ in fact_text.facts([(Key("link", POD), link), (Key("address", POD, "10.0.0.1/24"), Address())])]
    assert fact_text.read(whole)[2] == set()
    assert fact_text.read(whole[:1])[2] == {"default"}


def test_a_rule_without_comment_is_no_fact_and_interrupts_none() -> None:
    """Between a fact and its continuation; several are one thing to delete."""
    first, rest = "default route 10.0.0.0/24", "default + via 10.0.0.1 proto boot"
    comments = ("", fact.VERSION.name, first, "", rest, "")
    found = dict(fact.decode([(Rule((), comment), handle) for handle, comment in enumerate(comments, 1)]))
    key = Key("fact", "default", "route 10.0.0.0/24 via 10.0.0.1 proto boot")
    assert {each: value.handles for each, value in found.items()} == {fact.NO_FACT: (1, 4, 6), fact.VERSION: (2,), key: (3, 5)}
    known, strange, short = fact_text.read(found)
    assert (list(known), strange, short) == ([Key("route", POD, "10.0.0.0/24")], [], set())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spoon x",
        "vf 1",
        "vf x dev a ifindex 1",
        "vf 1 dev a ifindex 1 trust maybe",
        "link",
        "link eth0",
        "addr nonsense",
        "addr 10.0.0.1/24 brd",
        "sysctl x",
        "route 0.0.0.0/0",
    ],
)
def test_what_no_version_has_written_is_strange_and_never_an_exception(text: str) -> None:
    key = Key("fact", "default", text)
    assert fact_text.read([key]) == ({}, [key], set())


@given(st.text(max_size=200))
def test_any_text_at_all_is_read_or_strange(text: str) -> None:
    known, strange, _ = fact_text.read([Key("fact", "default", text)])
    assert len(known) + len(strange) == 1


@given(route_names, routes)
def test_every_line_fits_a_comment(text: str, value: Route) -> None:
    for key, _ in fact_text.facts(
        [(Key("route", POD, text), replace(value, gateway="255.255.255.255", source="255.255.255.255"))]
    ):
        assert all(len(line.encode()) <= fact.LONGEST and '"' not in line for line in fact.lines(key))
