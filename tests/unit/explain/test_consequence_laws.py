"""The laws of consequences, over universes that Hypothesis makes: nothing is said where nothing changes, and a flow is spoken of
exactly where two walks of it differ. Asked by brute force, at every boundary and beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from converge.explain import Flow, Origin, Receiver, Sentence, consequences, follow, pod, settled
from converge.explain.classes import LAST
from converge.explain.consequence import NOTHING
from converge.explain.flow import shows
from converge.explain.pod import Pod as Seen
from converge.explain.words import MOST_RANGES, Ranges, traffic_words
from converge.model import Key, Resources
from converge.resources.chain import Chain, Hook
from converge.resources.element import Element
from converge.resources.rule import Rule, Statement, match
from tests.unit.universe import PORTS, Look, Wish, look, pods, wired, wishes
from tests.unit.universe_tampering import tampered, tamperings

EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

conditions = st.sampled_from(
    (
        match("th dport", "443"),
        Statement("match", "th dport", "1024", "<"),
        Statement("match", "th dport", "30000", ">="),
        match("meta l4proto", "udp"),
        match("meta l4proto", "47"),
        match("meta l4proto", "ipv6-icmp"),
        match("iifname", "eth0"),
        match("meta nfproto", "ipv6"),
        Statement("match", "meta l4proto", "tcp", "!="),
    )
)
endings = st.sampled_from((Statement("drop"), Statement("return"), Statement("accept"), Statement("unknown", "limit")))
rules = st.builds(lambda tests, end: Rule((*tests, end)), st.lists(conditions, max_size=2), endings)
meddlings = st.lists(st.tuples(st.sampled_from(("prerouting", "output", "postrouting", "forward", "input")), rules), max_size=2)
elements = st.lists(st.sampled_from(("tcp . 443", "udp . 7000-7010", "sctp . 80", "tcp . 1", "tcp . 65535")), max_size=2)


def meddled(resources: Resources, chains: list[tuple[str, Rule]], names: list[str]) -> Resources:
    """Rules in front of ours, or in chains that nobody but an intruder makes; elements in our set."""
    found = dict(resources)
    for name, rule in chains:
        key = Key("chain", "", name)
        own = found.get(key, Chain(Hook("filter", name, 0)))
        found[key] = replace(own, rules=(rule, *own.rules))
    if Key("set", "", "ports") in found:
        found |= {Key("element", "ports", name): Element() for name in names}
    return found


@st.composite
def transitions(draw: st.DrawFn) -> tuple[Resources, Resources, Wish]:
    """From a pod as it was found, perhaps wired and meddled with, to what a document wants of it."""
    wish, place = draw(wishes), draw(pods)
    found = place.resources()
    if draw(st.booleans()):
        before = draw(wishes)
        assume(not look(before, found).refusals)
        found = meddled(tampered(wired(before, place), draw(tamperings)), draw(meddlings), draw(elements))
        wish = draw(st.one_of(st.just(replace(before, binding=None)), st.just(before), st.just(wish)))
    seen = _planned(wish, found)
    return seen.observed, settled(seen.observed, seen.plan()), wish


def _planned(wish: Wish, found: Resources) -> Look:
    seen = look(wish, found)
    assume(not seen.refusals)
    return seen


def ports(*sets: Resources) -> list[int]:
    """Every number that elements, rules or wishes name, and its neighbours."""
    texts = [key.name for found in sets for key in found if key.kind == "element"]
    texts += [str(rule) for found in sets for key, value in found.items() if key.kind == "chain" for rule in value.rules]
    texts += [f"{first} {last}" for _, first, last in PORTS]
    numbers = {int(number) for text in texts for number in re.findall(r"\b\d+\b", text)}
    near = {number + step for number in numbers for step in (-1, 0, 1)} | {1, LAST}
    return sorted(port for port in near if 1 <= port <= LAST)


def flows(before: Resources, after: Resources) -> Iterator[Flow]:
    """One NIC or none, the pod itself, and links that are no NIC's."""
    tried = ports(before, after)
    links = {key.owner for key in (*before, *after) if key.kind == "link"}
    named = [link for link in links if ":" in link]
    own = "pod:default" if "pod:default" in links else "#2" if "bridge:default" in links else ""
    for origin in Origin:
        if origin in (Origin.LOOPBACK, Origin.POD):
            yield from _flows(Flow(origin, 4, "", None), tried)
        elif named and (own or origin is Origin.GUEST):
            yield from _flows(Flow(origin, 4, "", None, "default", own), tried)
        for link in ("#2", "#9"):
            if origin in (Origin.OUTSIDE, Origin.OWN) and link in links and link != own and _addressed(before, link):
                yield from _flows(Flow(origin, 4, "", None, "", link), tried)


def _addressed(resources: Resources, link: str) -> bool:
    return any(key.kind == "address" and key.owner == link for key in resources)


def _flows(like: Flow, tried: list[int]) -> Iterator[Flow]:
    for family in (4, 6):
        for protocol in ("tcp", "udp"):
            yield from (replace(like, family=family, protocol=protocol, port=port) for port in tried)
        yield from (replace(like, family=family, protocol=protocol) for protocol in ("icmp", "other"))


def differs(before: Seen, after: Seen, flow: Flow) -> bool:
    one, two = follow(before, flow), follow(after, flow)
    if Receiver.UNKNOWN in (one.receiver, two.receiver):
        return True
    if Receiver.LOST in (one.receiver, two.receiver):
        return one.receiver is not two.receiver
    return (one.receiver, one.nic, shows(before, flow, one)) != (two.receiver, two.nic, shows(after, flow, two))


@given(transitions())
@EXAMPLES
def test_a_flow_is_spoken_of_exactly_where_its_walks_differ(transition: tuple[Resources, Resources, Wish]) -> None:
    before, after, wish = transition
    assume(before != after)
    said = consequences(before, after, wish.document().nics)
    old, new = pod(before), pod(after)
    for flow in flows(before, after):
        spoken = sum(each.covers(flow) for each in said)
        assert spoken <= 1, (flow, said)
        assert spoken == differs(old, new, flow), (flow, follow(old, flow), follow(new, flow), said)


@given(transitions())
@EXAMPLES
def test_nothing_changes_where_nothing_does(transition: tuple[Resources, Resources, Wish]) -> None:
    before, after, wish = transition
    for resources in (before, after):
        assert consequences(resources, dict(resources), wish.document().nics) == (NOTHING,)


@given(transitions())
@EXAMPLES
def test_the_last_sentence_is_about_the_rest_and_no_other_is(transition: tuple[Resources, Resources, Wish]) -> None:
    before, after, wish = transition
    said: tuple[Sentence, ...] = consequences(before, after, wish.document().nics)
    assert [each.kind for each in said].count("rest") == 1
    assert said[-1].kind == "rest"
    assert len({each.text for each in said}) == len(said)
    unsure = any(each.kind == "unsure" for each in said)
    assert said[-1].text.endswith("as far as can be told") is unsure


# ----------------------------------------------------------------------------------------------------------- words


def _separate(cuts: list[int]) -> Ranges:
    numbers = sorted(set(cuts))
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    return tuple(pair for number, pair in enumerate(pairs) if number == 0 or pairs[number - 1][1] + 1 < pair[0])


ranges = st.lists(st.integers(1, LAST), min_size=2, max_size=MOST_RANGES).map(_separate)


def _read(text: str) -> set[int]:
    """The ports of a sentence's subject, read as a person would."""
    if text == "every tcp port":
        return set(range(1, LAST + 1))
    numbers: set[int] = set()
    for word in re.findall(r"\d+(?:-\d+)?", text):
        first, _, last = word.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return set(range(1, LAST + 1)) - numbers if "except" in text else numbers


@given(ranges)
@settings(max_examples=40, deadline=None)
def test_ports_are_said_so_that_they_can_be_read_back(held: Ranges) -> None:
    assume(held)
    text, _ = traffic_words((("tcp", held),), ("tcp", "udp", "icmp", "other"))
    assert _read(text) == {port for first, last in held for port in range(first, last + 1)}
