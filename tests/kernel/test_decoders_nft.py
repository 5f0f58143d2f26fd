"""Our reader of nftables dumps against libnftables: by the round trip, and by telling apart what nft tells apart.

A rule as text, through libnftables into the kernel, decoded from the kernel's bytes, must be the rule again. And two rules that
nft lists differently must never be decoded alike, else a tampering goes unseen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converge.lab.run import run
from converge.model import Key, Resources
from converge.resources import chain, element, nftset, table
from converge.resources.chain import Chain, Hook
from converge.resources.rule import Rule, Statement
from tests.kernel import driving
from tests.kernel.inside import Pod, shell
from tests.kernel.test_decoders import decoded

MakePod = Callable[..., Pod]

HOOKS = (None, Hook("nat", "prerouting", -100), Hook("nat", "output", -100), Hook("nat", "postrouting", 100))


def loaded(netns: str, script: str) -> Resources:
    """The table that a script makes, from nothing."""
    whole = f"add table {table.SPEC}\ndelete table {table.SPEC}\nadd table {table.SPEC}\n{script}"
    shell(netns, f"nft -f - <<'END'\n{whole}\nEND")
    return {key: value for key, value in decoded(netns).items() if key.kind in ("table", "set", "element", "chain", "fact")}


SETS = f"""add set {table.SPEC} ports {{ type inet_proto . inet_service; flags interval; }}
add set {table.SPEC} exempt {{ type inet_service; }}
"""
BASE = "".join(
    f"add chain {table.SPEC} {hook.hook} {{ type {hook.type} hook {hook.hook} priority {hook.priority}; }}\n"
    for hook in HOOKS
    if hook
)
v4, v6 = Statement("match", "meta nfproto", "ipv4"), Statement("match", "meta nfproto", "ipv6")
relations = st.sampled_from(("", "!="))
addresses4 = st.ip_addresses(v=4).map(str)
addresses6 = st.ip_addresses(v=6).map(str)
link_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=15).filter(
    lambda name: name not in (".", "..")
)


@st.composite
def matches(draw: st.DrawFn, version: int) -> tuple[Statement, ...]:
    """Any of: a link by name, an address, a port."""
    found: list[Statement] = []
    if draw(st.booleans()):
        found.append(Statement("match", draw(st.sampled_from(("iifname", "oifname"))), draw(link_names), draw(relations)))
    if draw(st.booleans()):
        side = draw(st.sampled_from(("saddr", "daddr")))
        address = draw(addresses4 if version == 4 else addresses6)
        found += [
            v4 if version == 4 else v6,
            Statement("match", f"{'ip' if version == 4 else 'ip6'} {side}", address, draw(relations)),
        ]
    kind = draw(st.sampled_from(("none", "port", "ports", "exempt")))
    if kind == "port":
        protocol = draw(st.sampled_from(("tcp", "udp")))
        port = str(draw(st.integers(0, 65535)))
        found += [Statement("match", "meta l4proto", protocol), Statement("match", "th dport", port, draw(relations))]
    elif kind == "ports":
        found.append(Statement("lookup", "meta l4proto . th dport", "ports", draw(relations)))
    elif kind == "exempt":
        found += [Statement("match", "meta l4proto", "tcp"), Statement("lookup", "th dport", "exempt", draw(relations))]
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, Rule]:
    """A chain and a rule that it may hold."""
    version = draw(st.sampled_from((4, 6)))
    hook = draw(st.sampled_from(("prerouting", "output", "postrouting")))
    family, address = ("ip", draw(addresses4)) if version == 4 else ("ip6", draw(addresses6))
    nat = Statement("snat" if hook == "postrouting" else "dnat", family, address)
    last = [nat, Statement("return")] + ([Statement("masquerade")] if hook == "postrouting" else [])
    comment = draw(st.sampled_from(("", "a comment", "x" * 100)))
    return hook, Rule((*draw(matches(version)), draw(st.sampled_from(last))), comment)


@pytest.fixture(scope="module")
def scratch() -> Iterator[str]:
    name = f"t{os.getpid()}-decoders"
    run("ip", "netns", "add", name)
    yield name
    run("ip", "netns", "delete", name)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(rules(), min_size=1, max_size=40))
def test_a_rule_comes_back_as_it_was_written(scratch: str, made: list[tuple[str, Rule]]) -> None:
    lines = [f"add rule {table.SPEC} {hook} {rule}" for hook, rule in made]
    found = loaded(scratch, SETS + BASE + "\n".join(lines))
    for hook in ("prerouting", "output", "postrouting"):
        wanted = tuple(rule for name, rule in made if name == hook)
        assert found[Key("chain", "", hook)].rules == wanted


port_elements = st.tuples(st.sampled_from(("tcp", "udp", "sctp")), st.integers(0, 65535), st.integers(0, 100))


@settings(max_examples=25, deadline=None)
@given(st.lists(port_elements, max_size=30), st.sets(st.integers(0, 65535), max_size=30))
def test_elements_come_back_as_they_were_written(scratch: str, wanted: list[tuple[str, int, int]], single: set[int]) -> None:
    kept: list[tuple[str, int, int]] = []
    for protocol, start, width in wanted:
        end = min(65535, start + width)
        if not any(p == protocol and s <= end and start <= e for p, s, e in kept):
            kept.append((protocol, start, end))
    names = {Key("element", "ports", element.name(*port)) for port in kept} | {
        Key("element", "exempt", str(port)) for port in single
    }
    lines = [f"add element {table.SPEC} {key.owner} {{ {key.name} }}" for key in sorted(names)]
    found = loaded(scratch, SETS + "\n".join(lines))
    assert {key for key in found if key.kind == "element"} == names


ALIKE = (
    'iifname "eth0"',
    'iifname "eth0*"',
    'iifname != "eth0"',
    'oifname "eth0"',
    "ip saddr 10.0.2.2",
    "ip daddr 10.0.2.2",
    "ip saddr 10.0.2.0/24",
    "ip saddr 10.0.0.0/8",
    "ip saddr 10.0.2.2-10.0.2.3",
    "ip6 saddr fd10::2",
    "ip6 saddr fd10::2/127",
    "tcp dport 80",
    "udp dport 80",
    "tcp sport 80",
    "tcp dport 80-81",
    "tcp dport >= 80",
    "tcp dport { 80, 81 }",
    "tcp dport != 80",
    "tcp dport @exempt",
    "tcp dport != @exempt",
    "tcp sport @exempt",
    "meta l4proto . th dport @ports",
    "meta l4proto . th dport != @ports",
    "meta l4proto . th sport @ports",
    "meta l4proto tcp",
    "meta mark 1",
    "meta mark & 1 == 1",
    "ct state new",
    "fib daddr type local",
    "limit rate 1/second",
)
ENDS = (
    "return",
    "accept",
    "drop",
    "continue",
    "jump other",
    "goto other",
    "counter return",
    "log return",
    "dnat ip to 10.0.2.2",
    "dnat ip to 10.0.2.3",
    "dnat ip to 10.0.2.2:80",
    "dnat ip to 10.0.2.2-10.0.2.9",
    "dnat ip to 10.0.2.2 random",
    "dnat ip to 10.0.2.2 persistent",
    "dnat ip6 to fd10::2",
    "redirect",
    "redirect to :80",
)


def fits(match: str, end: str) -> bool:
    """nft wants a transport protocol for a port, and no addresses of the other family."""
    if end.endswith(":80") and not match.startswith(("tcp", "udp", "meta l4proto tcp")):
        return False
    return not (match.startswith("ip6 ") and "dnat ip to" in end) and not (match.startswith("ip ") and "dnat ip6" in end)


def test_no_two_different_rules_are_decoded_alike(scratch: str) -> None:
    texts = [f"{match} {end}" for match in ALIKE for end in ENDS if fits(match, end)]
    lines = [f"add chain {table.SPEC} other", *(f"add rule {table.SPEC} prerouting {text}" for text in texts)]
    found = loaded(scratch, SETS + BASE + "\n".join(lines))
    spelled: dict[Rule, list[str]] = {}
    for text, rule in zip(texts, found[Key("chain", "", "prerouting")].rules, strict=True):
        spelled.setdefault(rule, []).append(text)
    assert not [alike for alike in spelled.values() if len(alike) > 1]


def test_chains_come_back_as_they_were_written(scratch: str) -> None:
    wanted = {
        "plain": Chain(),
        "pre": Chain(Hook("nat", "prerouting", -100)),
        "filter": Chain(Hook("filter", "forward", 5, "drop")),
        "late": Chain(Hook("filter", "postrouting", 2**31 - 1)),
    }
    lines = [f"add chain {table.SPEC} {name}{chain._base(value.hook)}" for name, value in wanted.items()]
    found = loaded(scratch, "\n".join(lines))
    assert {key.name: value for key, value in found.items() if key.kind == "chain"} == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("type inet_service;", nftset.NftSet("inet_service")),
        ("type inet_service; flags interval;", nftset.NftSet("inet_service", interval=True)),
        ("type inet_proto . inet_service; flags interval;", nftset.NftSet("inet_proto . inet_service", interval=True)),
    ],
)
def test_sets_come_back_as_they_were_written(scratch: str, text: str, wanted: nftset.NftSet) -> None:
    assert loaded(scratch, f"add set {table.SPEC} some {{ {text} }}")[Key("set", "", "some")] == wanted


@pytest.mark.parametrize(
    "text",
    ["flags timeout", "flags dynamic", "timeout 1h", "size 1"],
)
def test_a_set_that_forgets_or_refuses_is_not_ours(scratch: str, text: str) -> None:
    assert loaded(scratch, f"add set {table.SPEC} some {{ type inet_service; {text}; }}")[
        Key("set", "", "some")
    ] != nftset.NftSet("inet_service")


def test_what_a_document_wants_is_what_the_kernel_lists(pod: MakePod) -> None:
    """The rules that bindings write, all variants at once, compared without going through a plan."""
    web = pod()
    result = driving.applied(
        driving.masquerade_yaml(
            web.netns, ports=[{"port": 22}], annotations={"sidecar.istio.io/inject": "true"}, spec={"legacyMigrationPorts": True}
        )
    )
    found = decoded(web.netns)
    for key, value in result.desired.resources.items():
        if key.kind in ("table", "set", "element", "chain", "fact"):
            assert found[key] == value
