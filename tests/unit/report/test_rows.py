"""Lines that people must be able to read."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from converge.model import Attributes, Key
from converge.report.changes import changes
from converge.report.progress import progress
from converge.report.rows import TITLES, row
from converge.resources import KINDS, route
from converge.resources.chain import Chain, Hook
from converge.resources.element import Element
from converge.resources.fact import Fact
from converge.resources.link import Bridge
from converge.resources.route import Route
from converge.resources.rule import Rule, Statement, match
from converge.resources.sysctl import Sysctl
from tests.unit.report.results import BRIDGE, RESOURCES, TAP, result

OUTPUT = Key("chain", "", "output")
HOOK = Hook("nat", "output", -100)


@pytest.mark.parametrize(
    ("key", "value", "title", "phrases"),
    [
        (TAP, RESOURCES[TAP], "link tap0", ("tap", "mtu 1450", "up", "master k6t-eth0", "owner 107", "group 107")),
        (BRIDGE, RESOURCES[BRIDGE], "link k6t-eth0", ("bridge", "mac 02:00:00:00:00:00", "mtu 1450", "up")),
        (Key("element", "ports", "tcp . 8000-8010"), Element(), "nft element @ports", ("tcp . 8000-8010",)),
        (Key("element", "exempt", "49152"), Element(), "nft element @exempt", ("49152",)),
        (Key("fact", "default", "sysctl ipv6.accept_ra 1"), Fact(), "fact default", ("sysctl ipv6.accept_ra 1",)),
        (Key("sysctl", "bridge:default", "ipv4.forwarding"), Sysctl("1"), "sysctl net.ipv4.conf.k6t-eth0.forwarding", ("1",)),
        (
            Key("route", "bridge:default", route.name("::1/128", route.LOCAL, 2048)),
            Route(protocol="201", type="local"),
            "route ::1/128 table local metric 2048",
            ("dev k6t-eth0", "local", "proto 201"),
        ),
    ],
)
def test_what_comes(key: Key, value: Attributes, title: str, phrases: tuple[str, ...]) -> None:
    (told,) = [row(change) for change in changes(result(without(key), {**without(key), key: value}))]
    assert (told.symbol, told.title, told.phrases) == ("+", title, phrases)


def without(key: Key) -> dict[Key, Attributes]:
    """What the resource lies on is there already."""
    from converge.resources.nftset import NftSet
    from converge.resources.table import KEY, Table

    held = {**RESOURCES, KEY: Table(), Key("chain", "", "captured"): Chain(), Key("fact", "", "converge facts 1"): Fact()}
    held |= {Key("set", "", name): NftSet("inet_service") for name in ("ports", "exempt")}
    return {other: value for other, value in held.items() if other != key}


@pytest.mark.parametrize(
    ("key", "after", "phrases"),
    [
        (TAP, replace(RESOURCES[TAP], mtu=1500), ("mtu 1450 → 1500",)),
        (TAP, replace(RESOURCES[TAP], up=False), ("up → down",)),
        (TAP, replace(RESOURCES[TAP], master=None, port=None), ("master k6t-eth0 → none",)),
        (TAP, replace(RESOURCES[TAP], mtu=1500, up=False), ("up → down", "mtu 1450 → 1500")),
        (BRIDGE, replace(RESOURCES[BRIDGE], bridge=Bridge(stp=True)), ("bridge.stp off → on",)),
        (BRIDGE, replace(RESOURCES[BRIDGE], mark=None), ("mark bridge:default → none",)),
    ],
)
def test_what_differs(key: Key, after: Attributes, phrases: tuple[str, ...]) -> None:
    (told,) = [row(change) for change in changes(result(RESOURCES, {**RESOURCES, key: after}))]
    assert told.symbol == "~"
    assert told.phrases[: len(phrases)] == phrases


def test_rules_are_told_one_by_one_and_those_that_stay_are_not() -> None:
    stay, old, new = (
        Rule((match("ip daddr", "127.0.0.1"), Statement("dnat", "ip", address)))
        for address in ("10.0.2.2", "10.0.2.3", "10.0.2.4")
    )
    before, after = {OUTPUT: Chain(HOOK, (stay, old))}, {OUTPUT: Chain(HOOK, (stay, new))}
    told = next(row(change) for change in changes(result({**without(TAP), **before}, {**without(TAP), **after})))
    assert (told.title, told.phrases) == ("nft chain output", ())
    assert told.below == (("-", "ip daddr 127.0.0.1 dnat ip to 10.0.2.3"), ("+", "ip daddr 127.0.0.1 dnat ip to 10.0.2.4"))


def test_every_kind_has_a_title() -> None:
    assert TITLES.keys() == KINDS.keys()


def test_progress_leaves_nothing_behind() -> None:
    stream = io.StringIO()
    with progress(stream, 3, "apply") as one_more:
        one_more()
    assert "1 of 3 pods done" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_one_quick_pod_is_no_progress() -> None:
    stream = io.StringIO()
    with progress(stream, 1, "apply") as one_more:
        one_more()
    assert stream.getvalue() == ""
