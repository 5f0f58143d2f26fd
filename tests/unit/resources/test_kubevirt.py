"""Which rules of a shared NAT table are KubeVirt's: exactly those, whatever stands around them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from converge.engine import plan
from converge.model import Key
from converge.resources import KINDS
from converge.resources.kubevirt import Rules, decode

THEIRS = {
    "prerouting": ['iifname "eth0" counter packets 7 bytes 420 jump KUBEVIRT_PREINBOUND'],
    "output": [
        "tcp dport { 49152, 49153 } ip saddr 127.0.0.1 counter packets 0 bytes 0 return",
        "ip daddr { 10.244.1.5, 127.0.0.1 } tcp dport 80 counter packets 1 bytes 60 dnat to 10.0.2.2",
    ],
    "postrouting": [
        "ip saddr 10.0.2.2 counter packets 3 bytes 180 masquerade",
        'oifname "k6t-eth0" counter packets 0 bytes 0 jump KUBEVIRT_POSTINBOUND',
    ],
    "KUBEVIRT_PREINBOUND": ["tcp dport 22 counter packets 0 bytes 0 dnat to 10.0.2.2"],
    "KUBEVIRT_POSTINBOUND": ["tcp dport 80 ip saddr 127.0.0.1 counter packets 0 bytes 0 snat to 10.0.2.1"],
}
FOREIGN = (
    "ip daddr 127.0.0.1 counter packets 0 bytes 0 dnat to 10.0.2.3",
    "ip saddr 10.0.2.3 counter packets 0 bytes 0 masquerade",
    "tcp dport { 49152, 49153 } counter packets 0 bytes 0 return",
    "tcp dport 80 dnat to 10.0.2.2",
    "counter packets 0 bytes 0 masquerade",
    'iifname "eth0" counter packets 0 bytes 0 jump OTHER',
    'ip saddr 10.0.2.2 counter packets 0 bytes 0 comment "jump KUBEVIRT_PREINBOUND" accept',
)


def listing(chains: dict[str, list[str]]) -> str:
    lines, handle = ["table ip nat { # handle 1"], 1
    for name, rules in chains.items():
        lines += [f"\tchain {name} {{ # handle {handle + 1}", "\t\ttype nat hook x priority 0; policy accept;"]
        handle += 1
        for rule in rules:
            handle += 1
            lines.append(f"\t\t{rule} # handle {handle}")
        lines.append("\t}\n")
    return "\n".join([*lines, "}"])


def counted(rule: str) -> str:
    return " ".join(
        word for word in rule.replace("packets", "").replace("bytes", "").split() if not word.isdigit() or word in KEPT
    )


KEPT = {"80", "22", "49152", "49153"}


@given(st.data())
def test_exactly_kubevirts_rules_are_found(data: st.DataObject) -> None:
    mixed: dict[str, list[str]] = {}
    for chain, rules in THEIRS.items():
        own = chain.startswith("KUBEVIRT")
        foreign = [] if own else data.draw(st.lists(st.sampled_from(FOREIGN), max_size=3))
        places = sorted(data.draw(st.lists(st.integers(0, len(rules)), min_size=len(foreign), max_size=len(foreign))))
        together = list(rules)
        for offset, (place, rule) in enumerate(zip(places, foreign, strict=True)):
            together.insert(place + offset, rule)
        mixed[chain] = together
    found = dict(decode({"ip": listing(mixed)}))
    assert {key.name: [*value.rules] for key, value in found.items()} == {
        chain: [counted(rule) for rule in rules] for chain, rules in THEIRS.items()
    }


def test_taken_over_in_one_transaction_and_chains_after_the_jumps_to_them() -> None:
    found = dict(decode({"ip": listing(THEIRS), "ip6": listing(THEIRS).replace("table ip ", "table ip6 ")}))
    planned = plan(found, {}, lambda key, value: True, KINDS)
    (step,) = planned.steps
    lines = [str(value) for part in step.operation.parts for _, value in part.arguments]
    assert lines.index("delete chain ip nat KUBEVIRT_PREINBOUND") > lines.index("delete rule ip nat prerouting handle 3")


def test_written_back_each_before_the_foreign_rule_it_stood_before() -> None:
    rules = THEIRS["postrouting"]
    listed = {**THEIRS, "postrouting": [rules[0], FOREIGN[4], rules[1]]}
    found = dict(decode({"ip": listing(listed)}))
    chain: Rules = found[Key("kubevirt", "ip nat", "postrouting")]
    planned = plan({}, found, lambda key, value: True, KINDS)
    lines = [str(value) for step in planned.steps for part in step.operation.parts for _, value in part.arguments]
    assert f"insert rule ip nat postrouting handle {chain.before[0]} {counted(rules[0])}" in lines
    assert f"add rule ip nat postrouting {counted(rules[1])}" in lines
    assert chain.before[0] == chain.handles[0] + 1


def test_a_table_that_is_gone_holds_nothing() -> None:
    assert dict(decode({"ip": ""})) == {}
