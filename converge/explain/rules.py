"""What our table does to one packet at one hook: base chains in the order of their priorities, rules in theirs, statements in
theirs.

It interprets whatever rules are there. A statement outside of the tables below ends in `unknown`, since anything might follow
from it; a rule that an earlier statement has ruled out is never asked for its later ones. As in the kernel, a translation is
decided once a flow and hook, by the first rule that says one, and one of the other family is no statement at all.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace

from converge.explain.pod import Pod
from converge.resources.rule import Rule, Statement

OTHER = "other"
"""Stands for all protocols that no rule and no element names."""


@dataclass(frozen=True, slots=True)
class Header:
    """A packet on its way. `protocol` is in a rule's words ("tcp", "ipv6-icmp"), `port` None where it has none. `iif` and `oif`
    are names of links, "" where there is none.
    """

    family: int
    protocol: str
    port: int | None
    source: str
    destination: str
    iif: str = ""
    oif: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that decided: the `position` counts from 1."""

    hook: str
    chain: str
    position: int
    rule: Rule

    def __str__(self) -> str:
        return f"{self.chain} rule {self.position}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Passage:
    """`verdict` is "accept", "drop" or "unknown"; `masqueraded`: the source becomes the leaving link's. `reason`: for people."""

    header: Header
    verdict: str
    matched: tuple[Match, ...] = ()
    masqueraded: bool = False
    reason: str = ""


def passed(pod: Pod, hook: str, header: Header, *, translated: bool = False) -> Passage:
    """`translated`: this flow's translation was decided before, so chains of the type nat see it no more."""
    now = Passage(header, "accept")
    for name in pod.bases.get(hook, ()):
        base = pod.chains[name].hook
        assert base is not None
        if base.type == "nat" and translated:
            continue
        verdict = _Visit(pod, hook, now.header).chain(name, 0)
        matched = (*now.matched, *verdict.matched)
        if verdict.word in ("drop", "unknown"):
            return Passage(now.header, verdict.word, matched, reason=verdict.reason)
        if verdict.word == "" and base.policy == "drop":
            return Passage(now.header, "drop", matched, reason=f"the policy of chain {name}")
        now = replace(_changed(now, verdict), matched=matched)
        translated = translated or verdict.word in _TRANSLATIONS
    return now


_TRANSLATIONS = ("dnat", "snat", "masquerade")


def _changed(now: Passage, verdict: _Verdict) -> Passage:
    if verdict.word == "dnat":
        return replace(now, header=replace(now.header, destination=verdict.value))
    if verdict.word == "snat":
        return replace(now, header=replace(now.header, source=verdict.value))
    return replace(now, masqueraded=now.masqueraded or verdict.word == "masquerade")


# ------------------------------------------------------------------------------------------------- one chain, one rule


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`word` is a statement's verb; "" where the end was reached without one."""

    word: str = ""
    value: str = ""
    matched: tuple[Match, ...] = ()
    reason: str = ""


_DEEPEST = 16  # NFT_JUMP_STACK_SIZE
_END = ("return", "accept", "drop", "continue", "jump", "goto")


@dataclass(frozen=True, slots=True)
class _Visit:
    pod: Pod
    hook: str
    header: Header

    def chain(self, name: str, depth: int) -> _Verdict:
        chain = self.pod.chains.get(name)
        if chain is None or depth > _DEEPEST:
            return _Verdict("unknown", reason=f"a rule jumps to chain {name}, which is not seen")
        matched: tuple[Match, ...] = ()
        for position, rule in enumerate(chain.rules, 1):
            verdict = self.rule(rule, name, position)
            if verdict.word:
                matched = (*matched, Match(self.hook, name, position, rule))
            if verdict.word in ("jump", "goto"):
                inner = self.chain(verdict.value, depth + 1)
                matched = (*matched, *inner.matched)
                if inner.word or verdict.word == "goto":
                    return replace(inner, matched=matched)
            elif verdict.word == "return":
                break
            elif verdict.word not in ("", "continue"):
                return replace(verdict, matched=matched)
        return _Verdict(matched=matched)

    def rule(self, rule: Rule, chain: str, position: int) -> _Verdict:
        for statement in rule.statements:
            if statement.verb in ("match", "lookup"):
                true = self._true(statement)
                if true is False:
                    return _Verdict()
                if true is None:
                    return _unknown(statement, chain, position)
            elif statement.verb in _END:
                return _Verdict(statement.verb, statement.value)
            elif statement.verb in _TRANSLATIONS:
                if statement.subject in ("", _PREFIX[self.header.family]):
                    return self._translation(statement, chain, position)
            elif (statement.verb, statement.subject) != ("unknown", "counter"):
                return _unknown(statement, chain, position)
        return _Verdict()

    def _translation(self, statement: Statement, chain: str, position: int) -> _Verdict:
        at_start = self.hook in ("prerouting", "output")
        if at_start is not (statement.verb == "dnat"):
            return _unknown(statement, chain, position)
        return _Verdict(statement.verb, statement.value)

    def _true(self, statement: Statement) -> bool | None:
        if statement.verb == "lookup":
            found = self.pod.sets.get(statement.value)
            if found is None or found.fields != statement.subject:
                return None
            holds = found.holds(self.header.protocol, self.header.port)
        elif statement.subject == "th dport":
            return holds_port(statement, self.header.port)
        else:
            if statement.relation not in ("", "!="):
                return None
            holds = self._equals(statement.subject, statement.value)
        return holds if holds is None or not statement.relation else not holds

    def _equals(self, subject: str, value: str) -> bool | None:
        header = self.header
        if subject in ("iifname", "oifname"):
            name = header.iif if subject == "iifname" else header.oif
            return name.startswith(value[:-1]) if value.endswith("*") else name == value
        if subject == "meta nfproto":
            return value == f"ipv{header.family}"
        if subject == "meta l4proto":
            return value == header.protocol
        if subject in (f"{_PREFIX[header.family]} saddr", f"{_PREFIX[header.family]} daddr"):
            return value == (header.source if subject.endswith("saddr") else header.destination)
        return None


def holds_port(statement: Statement, port: int | None) -> bool | None:
    """A comparison with the destination port; None where it cannot be told, as of a protocol without ports."""
    compare = _COMPARE.get(statement.relation)
    if port is None or compare is None or not statement.value.isdigit():
        return None
    return bool(compare(port, int(statement.value)))


_PREFIX = {4: "ip", 6: "ip6"}
_COMPARE = {"": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _unknown(statement: Statement, chain: str, position: int) -> _Verdict:
    said = statement.subject if statement.verb == "unknown" else f"{statement.verb} {statement.subject}".strip()
    reason = f"rule {position} of chain {chain} has a statement that converge does not know ({said})"
    return _Verdict("unknown", reason=reason)


def named(pod: Pod) -> Iterator[Statement]:
    """Every statement of every chain that a packet may meet."""
    for chain in pod.chains.values():
        for rule in chain.rules:
            yield from rule.statements
