"""The walk interprets what is there: rules that no document makes, things that are missing, and what it must not guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from converge.explain import Packet, Receiver, walk
from converge.explain.members import members
from converge.model import Key, Resources
from converge.resources import table
from converge.resources.chain import Chain, Hook
from converge.resources.element import Element
from converge.resources.link import Port
from converge.resources.nftset import NftSet
from converge.resources.rule import Rule, Statement, lookup, match
from converge.resources.sysctl import Sysctl
from converge.resources.table import Table
from tests.unit.universe import Pod, Wish, wired

OUTSIDE = "198.51.100.1"
IN = Packet("pod:default", "tcp", "10.244.1.5", 80, OUTSIDE)
OUT = Packet("tap:default", "tcp", OUTSIDE, 443, "10.0.2.2")
LOCAL = Packet("", "tcp", "127.0.0.1", 80)
LOCAL6 = Packet("", "tcp", "::1", 80)
DNAT = Statement("dnat", "ip", "10.0.2.2")
DROP, RETURN = Statement("drop"), Statement("return")
PREROUTING = Key("chain", "", "prerouting")
BRIDGE, TAP, POD_LINK = (Key("link", f"{role}:default") for role in ("bridge", "tap", "pod"))


def masquerade() -> Resources:
    return wired(Wish(), Pod())


def with_rules(*rules: tuple[Statement, ...], policy: str = "accept", kind: str = "nat") -> Resources:
    hook = Hook(kind, "prerouting", -100, policy)
    return masquerade() | {PREROUTING: Chain(hook, tuple(Rule(statements) for statements in rules))}


def without(key: Key) -> Resources:
    found = masquerade()
    del found[key]
    return found


# ----------------------------------------------------------------------------------------------------------- rules

RULES: dict[str, tuple[tuple[tuple[Statement, ...], ...], Receiver]] = {
    "no rule": ((), Receiver.POD),
    "the first of two decides": (((DNAT,), (DROP,)), Receiver.GUEST),
    "a rule of the other family is none": (((Statement("dnat", "ip6", "fd10:0:2::2"),), (DNAT,)), Receiver.GUEST),
    "return ends a base chain": (((RETURN,), (DNAT,)), Receiver.POD),
    "accept ends it too": (((Statement("accept"),), (DNAT,)), Receiver.POD),
    "continue goes on": (((Statement("continue"),), (DNAT,)), Receiver.GUEST),
    "drop": (((DROP,), (DNAT,)), Receiver.LOST),
    "a counter counts": (((Statement("unknown", "counter"), DNAT),), Receiver.GUEST),
    "another port": (((match("th dport", "81"), DNAT),), Receiver.POD),
    "any port but one": (((Statement("match", "th dport", "81", "!="), DNAT),), Receiver.GUEST),
    "ports up to": (((Statement("match", "th dport", "80", "<="), DNAT),), Receiver.GUEST),
    "ports above": (((Statement("match", "th dport", "80", ">"), DNAT),), Receiver.POD),
    "another link": (((match("iifname", "eth1"), DNAT),), Receiver.POD),
    "links by their beginning": (((match("iifname", "eth*"), DNAT),), Receiver.GUEST),
    "nothing leaves yet": (((Statement("match", "oifname", "eth0", "!="), DNAT),), Receiver.GUEST),
    "another protocol": (((match("meta l4proto", "udp"), DNAT),), Receiver.POD),
    "the sender": (((match("meta nfproto", "ipv4"), match("ip saddr", OUTSIDE), DNAT),), Receiver.GUEST),
    "another sender": (((match("ip saddr", "192.0.2.99"), DNAT),), Receiver.POD),
    "an address of the other family": (((match("ip6 saddr", "::1"), DNAT),), Receiver.UNKNOWN),
    "a statement that nobody knows": (((Statement("unknown", "limit", "[]"), DNAT),), Receiver.UNKNOWN),
    "a mark that nobody sees": (((match("meta mark", "1"), DNAT),), Receiver.UNKNOWN),
    "a source port": (((match("th sport", "1"), DNAT),), Receiver.UNKNOWN),
    "what comes after an answer": (((DNAT,), (Statement("unknown", "limit"),)), Receiver.GUEST),
    "what is ruled out before": (((match("th dport", "81"), Statement("unknown", "limit")), (DNAT,)), Receiver.GUEST),
    "a set that is not there": (((lookup("th dport", "nowhere"), DNAT),), Receiver.UNKNOWN),
    "a map": (((Statement("map", "th dport", "nowhere"),),), Receiver.UNKNOWN),
    "a chain that is not there": (((Statement("jump", "", "nowhere"),),), Receiver.UNKNOWN),
    "a chain that leads to itself": (((Statement("jump", "", "prerouting"),),), Receiver.UNKNOWN),
    "a translation at the wrong place": (((Statement("snat", "ip", "10.0.2.1"),),), Receiver.UNKNOWN),
    "to where nobody is": (((Statement("dnat", "ip", "10.0.2.9"),),), Receiver.UNKNOWN),
    "to the outside": (((Statement("dnat", "ip", "203.0.113.1"),),), Receiver.OUTSIDE),
}


@pytest.mark.parametrize(("rules", "receiver"), RULES.values(), ids=RULES.keys())
def test_rules_of_every_kind(rules: tuple[tuple[Statement, ...], ...], receiver: Receiver) -> None:
    trace = walk(with_rules(*rules), IN)
    assert trace.receiver is receiver, trace
    assert bool(trace.reason) is (receiver in (Receiver.UNKNOWN, Receiver.LOST)), trace


def test_what_is_unknown_says_where() -> None:
    trace = walk(with_rules((match("th dport", "80"), Statement("unknown", "limit", "[]"), DNAT)), IN)
    assert trace.reason == "rule 1 of chain prerouting has a statement that converge does not know (limit)"


@pytest.mark.parametrize(
    ("verb", "inner", "receiver"),
    [
        ("jump", (DNAT,), Receiver.GUEST),
        ("jump", (RETURN,), Receiver.LOST),
        ("goto", (RETURN,), Receiver.POD),
        ("goto", (DNAT,), Receiver.GUEST),
    ],
)
def test_jump_comes_back_and_goto_does_not(verb: str, inner: tuple[Statement, ...], receiver: Receiver) -> None:
    resources = with_rules((Statement(verb, "", "inner"),), (DROP,))
    resources[Key("chain", "", "inner")] = Chain(None, (Rule(inner),))
    assert walk(resources, IN).receiver is receiver


def test_the_trace_names_the_rules_that_decided() -> None:
    resources = with_rules((match("th dport", "81"), DROP), (Statement("jump", "", "inner"),))
    resources[Key("chain", "", "inner")] = Chain(None, (Rule((match("th dport", "80"), DNAT)),))
    matched = walk(resources, IN).matched
    assert [(each.hook, each.chain, each.position) for each in matched] == [
        ("prerouting", "prerouting", 2),
        ("prerouting", "inner", 1),
    ]
    assert str(matched[1]) == "inner rule 1: th dport 80 dnat ip to 10.0.2.2"


def test_a_policy_of_drop() -> None:
    trace = walk(with_rules((match("th dport", "81"), Statement("accept")), policy="drop", kind="filter"), IN)
    assert (trace.receiver, trace.reason) == (Receiver.LOST, "the policy of chain prerouting")


@pytest.mark.parametrize(
    ("hook", "packet"), [("forward", IN), ("input", replace(OUT, destination="10.0.2.1")), ("output", LOCAL)]
)
def test_filter_chains_of_every_hook(hook: str, packet: Packet) -> None:
    assert walk(masquerade(), packet).receiver is not Receiver.LOST
    chain = Chain(Hook("filter", hook, 0), (Rule((DROP,)),))
    assert walk(masquerade() | {Key("chain", "", "filter"): chain}, packet).receiver is Receiver.LOST


def test_chains_are_asked_in_the_order_of_their_priorities() -> None:
    drop = Rule((match("ip daddr", "10.244.1.5"), DROP))
    early = masquerade() | {Key("chain", "", "early"): Chain(Hook("filter", "prerouting", -200), (drop,))}
    late = masquerade() | {Key("chain", "", "late"): Chain(Hook("filter", "prerouting", 0), (drop,))}
    assert walk(early, IN).receiver is Receiver.LOST
    assert walk(late, IN).receiver is Receiver.GUEST


def test_one_translation_a_flow_and_hook() -> None:
    second = Chain(Hook("nat", "prerouting", -50), (Rule((Statement("dnat", "ip", "203.0.113.1"),)),))
    assert walk(masquerade() | {Key("chain", "", "second"): second}, IN).receiver is Receiver.GUEST


def test_over_lo_a_flow_is_translated_no_more() -> None:
    """What the pod sends itself has had its turn at output and postrouting; filters still see it come in by lo."""
    own = Packet("", "tcp", "10.244.1.5", 80)
    assert walk(with_rules((DNAT,)), own).receiver is Receiver.POD
    snat = Chain(Hook("nat", "input", 100), (Rule((Statement("snat", "ip", "192.0.2.9"),)),))
    resources = masquerade() | {Key("chain", "", "input"): snat}
    assert walk(resources, own).source == "10.244.1.5"
    assert walk(resources, replace(OUT, destination="10.0.2.1")).source == "192.0.2.9"
    drop = Chain(Hook("filter", "prerouting", 0), (Rule((match("iifname", "lo"), DROP)),))
    assert walk(masquerade() | {Key("chain", "", "filter"): drop}, own).receiver is Receiver.LOST


def test_a_dormant_table_sees_no_packet() -> None:
    assert walk(masquerade() | {table.KEY: Table(dormant=True)}, IN).receiver is Receiver.POD


def test_a_hook_that_no_walk_passes() -> None:
    chain = Chain(Hook("filter", "5", 0), (Rule((DROP,)),))
    assert walk(masquerade() | {Key("chain", "", "ingress"): chain}, IN).receiver is Receiver.UNKNOWN


# ------------------------------------------------------------------------------------------------------------ sets


@pytest.mark.parametrize(
    ("value", "names", "protocol", "port", "holds"),
    [
        (NftSet("inet_proto . inet_service", interval=True), ("tcp . 80", "tcp . 8000-8010"), "tcp", 8005, True),
        (NftSet("inet_proto . inet_service", interval=True), ("tcp . 80", "tcp . 8000-8010"), "tcp", 8011, False),
        (NftSet("inet_proto . inet_service", interval=True), ("tcp . 80",), "udp", 80, False),
        (NftSet("inet_proto . inet_service"), ("tcp . 80",), "icmp", None, False),
        (NftSet("inet_service"), ("22", "80"), "sctp", 80, True),
        (NftSet("inet_service"), ("22", "80"), "icmp", None, None),
        (NftSet("inet_proto"), ("6",), "tcp", 1, True),
        (NftSet("inet_proto"), ("6",), "udp", 1, False),
        (NftSet("inet_service", interval=True), ("22",), "tcp", 22, None),
        (NftSet("inet_service", map=True), ("22",), "tcp", 22, None),
        (NftSet("7"), ("167772161",), "tcp", 22, None),
        (NftSet("inet_service"), ("what", "22"), "tcp", 23, None),
        (NftSet("inet_service"), ("what", "22"), "tcp", 22, True),
    ],
)
def test_what_a_set_holds(value: NftSet, names: tuple[str, ...], protocol: str, port: int | None, holds: bool | None) -> None:
    assert members(value, names).holds(protocol, port) is holds


def test_a_rule_must_ask_a_set_for_what_it_is_made_of() -> None:
    resources = with_rules((lookup("meta l4proto . th dport", "own"), DNAT))
    resources |= {Key("set", "", "own"): NftSet("inet_service"), Key("element", "own", "80"): Element()}
    assert walk(resources, IN).receiver is Receiver.UNKNOWN


# -------------------------------------------------------------------------------------- links, routes and switches


def changed(key: Key, **attributes: object) -> Callable[[], Resources]:
    def made() -> Resources:
        found = masquerade()
        return found | {key: replace(found[key], **attributes)}

    return made


def sysctl(owner: str, name: str, value: str) -> Callable[[], Resources]:
    return lambda: masquerade() | {Key("sysctl", owner, name): Sysctl(value)}


LOSSES: dict[str, tuple[Callable[[], Resources], Packet, str]] = {
    "pod link down": (changed(POD_LINK, up=False), IN, "eth0 is down"),
    "tap down": (changed(TAP, up=False), IN, "no tap is up on k6t-eth0"),
    "tap gone": (lambda: without(TAP), IN, "no tap is up on k6t-eth0"),
    "tap out of the bridge": (changed(TAP, master=None, port=None), IN, "no tap is up on k6t-eth0"),
    "bridge down, guest asks": (changed(BRIDGE, up=False), OUT, "k6t-eth0 is down"),
    "no forwarding": (
        sysctl("pod:default", "ipv4.forwarding", "0"),
        IN,
        "the pod does not forward IPv4 packets that come in by eth0",
    ),
    "no way to loopback": (sysctl("bridge:default", "ipv4.route_localnet", "0"), LOCAL, "route_localnet is off on k6t-eth0"),
    "br_netfilter": (sysctl("", "net.bridge.bridge-nf-call-ip6tables", "1"), LOCAL6, "answers to ::1 do not come in"),
    "no route to ::1": (
        lambda: without(Key("route", "bridge:default", "::1/128 table 255 metric 2048")),
        LOCAL6,
        "answers to ::1 do not come in by k6t-eth0",
    ),
    "no default route": (lambda: without(Key("route", "pod:default", "0.0.0.0/0")), OUT, "the pod has no route there"),
    "a loopback source on the wire": (
        lambda: masquerade() | {Key("chain", "", "postrouting"): Chain(Hook("nat", "postrouting", 100))},
        LOCAL,
        "it would leave with the source 127.0.0.1",
    ),
    "the pod's own address from outside": (
        masquerade,
        replace(IN, source="10.0.2.1"),
        "10.0.2.1 is an address of the pod itself",
    ),
}


@pytest.mark.parametrize(("made", "packet", "reason"), LOSSES.values(), ids=LOSSES.keys())
def test_what_loses_a_packet(made: Callable[[], Resources], packet: Packet, reason: str) -> None:
    assert (
        walk(masquerade(), replace(packet, source=OUTSIDE) if packet.enters == "pod:default" else packet).receiver
        is not Receiver.LOST
    )
    trace = walk(made(), packet)
    assert trace.receiver is Receiver.LOST, trace
    assert trace.reason.startswith(reason)


def test_what_was_not_read_is_unknown() -> None:
    trace = walk(without(Key("sysctl", "pod:default", "ipv4.forwarding")), IN)
    assert (trace.receiver, trace.reason) == (Receiver.UNKNOWN, "whether the pod forwards IPv4 was not read")
    assert walk(masquerade(), replace(IN, enters="pod:other")).receiver is Receiver.UNKNOWN


def test_the_kernel_chooses_a_source() -> None:
    assert walk(masquerade(), Packet("", "tcp", "10.0.2.2", 80)).source == "10.0.2.1"
    assert walk(masquerade(), Packet("", "tcp", OUTSIDE, 80)).source == "10.244.1.5"
    several = Pod(("fd10:244:1::5/64", "fd10:244:1::6/64"))
    assert walk(wired(Wish(), several), Packet("", "tcp", "2001:db8::1", 80)).source == ""


# --------------------------------------------------------------------------------------------------------- bridges

TO_GUEST = replace(IN, destination="10.244.1.5")
FROM_GUEST = replace(OUT, source="10.244.1.5")


def bridged(**changes: object) -> Resources:
    resources = wired(Wish("bridge"), Pod())
    return resources | {TAP: replace(resources[TAP], **changes)}


def test_frames_pass_the_pod_by() -> None:
    arrived, left = walk(bridged(), TO_GUEST), walk(bridged(), FROM_GUEST)
    assert (arrived.receiver, arrived.nic, arrived.source) == (Receiver.GUEST, "default", OUTSIDE)
    assert (left.receiver, left.source) == (Receiver.OUTSIDE, "10.244.1.5")


def test_a_bridge_without_a_tap_ends_there() -> None:
    assert walk(bridged(up=False), TO_GUEST).receiver is not Receiver.GUEST


def test_the_bridges_own_address_is_the_pods() -> None:
    assert walk(bridged(), Packet("tap:default", "udp", "169.254.75.10", 67, "10.244.1.5")).receiver is Receiver.POD


def test_isolated_ports_do_not_meet() -> None:
    resources = bridged(port=Port(isolated=True))
    assert walk(resources, TO_GUEST).receiver is Receiver.GUEST
    resources[POD_LINK] = replace(resources[POD_LINK], port=Port(learning=False, isolated=True))
    assert walk(resources, TO_GUEST).receiver is Receiver.LOST


def test_an_address_that_two_answer_for() -> None:
    resources = bridged() | {Key("sysctl", "", "net.ipv4.conf.all.arp_ignore"): Sysctl("0")}
    assert walk(resources, TO_GUEST).receiver is Receiver.UNKNOWN


def test_a_stranger_in_the_bridge_may_be_the_receiver() -> None:
    resources = bridged()
    resources[Key("link", "#9")] = replace(resources[Key("link", "#9")], master="bridge:default", port=Port())
    assert walk(resources, TO_GUEST).receiver is Receiver.UNKNOWN


def test_rules_about_bridged_frames_are_not_guessed_at() -> None:
    drop = Chain(Hook("filter", "forward", 0), (Rule((match("iifname", "k6t-eth0"), DROP)),))
    other = Chain(Hook("filter", "forward", 0), (Rule((match("iifname", "eth7"), DROP)),))
    key = Key("chain", "", "filter")
    assert walk(bridged() | {table.KEY: Table(), key: drop}, TO_GUEST).receiver is Receiver.UNKNOWN
    assert walk(bridged() | {table.KEY: Table(), key: other}, TO_GUEST).receiver is Receiver.GUEST
