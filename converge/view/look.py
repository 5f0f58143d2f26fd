"""One look at a pod, whoever has seen it: what is there, what should be, and which link plays which role. Pure.

A look has two halves, because what a document needs to know depends on what is there: `started` finds the facts, `needed` says
what else must be asked for, `compiled` does the rest. Between them the kernel is asked (converge.reconcile) or a snapshot
(offline). So a plan made from a snapshot is the plan that the kernel would have led to, by the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from converge.bindings import REGISTRY, compile_document, sysctl_paths
from converge.bindings.masquerade import BRIDGE_NETFILTER6
from converge.bindings.passt import LEAST_PORT, PING_GROUPS
from converge.bindings.takeover import ARP_IGNORE
from converge.engine import Scope, plan
from converge.facts import discover
from converge.model import Desired, Diagnostic, GuestNetwork, Key, Outcome, Plan, PodFacts, Resources, Result
from converge.resources import KINDS, identity, kubevirt
from converge.resources.sysctl import DISABLE6_DEFAULT, Sysctl

NOTHING = Plan((), (), 0)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a pod: what is, what should be, and what refuses it."""

    observed: Resources
    desired: Desired
    in_scope: Scope
    refusals: tuple[Diagnostic, ...]

    def plan(self) -> Plan:
        return NOTHING if self.refusals else plan(self.observed, self.desired.resources, self.in_scope, KINDS)


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before anything but the dumps was read. `theirs` are KubeVirt's rules; with `adopt` they are ours to replace,
    otherwise they refuse the pod.
    """

    observed: Resources
    facts: PodFacts
    unreadable: tuple[Diagnostic, ...]
    theirs: Resources
    adopt: bool


@dataclass(frozen=True, slots=True)
class Needed:
    """What a document needs to know besides: sysctls by full name, resolv.conf files by path ("": the pod's own), and whether the
    kind of a new stand-in.
    """

    sysctls: frozenset[str]
    resolv: frozenset[str]
    standin: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers; a sysctl that does not exist has none."""

    sysctls: Mapping[str, str] = field(default_factory=dict)
    resolv: Mapping[str, str] = field(default_factory=dict)
    standin: str = ""


ASKED_BY_SOME = frozenset((ARP_IGNORE, BRIDGE_NETFILTER6, DISABLE6_DEFAULT, LEAST_PORT, PING_GROUPS))
"""Every sysctl that some document may need and netlink does not give: what a snapshot asks for, whatever its document needs."""


def every_table(document: GuestNetwork) -> bool:
    """Are the routes of all tables of interest? Where a pod's routes are taken over or given back."""
    return not document.nics or bool(_takes_over(document))


def started(document: GuestNetwork, observed: Resources, theirs: Resources, *, adopt: bool = False) -> Start:
    facts, unreadable = discover(document, observed)
    return Start(observed, replace(facts, adopting=adopt and bool(theirs)), tuple(unreadable), theirs, adopt)


def needed(document: GuestNetwork, start: Start, earlier: Resources | None = None) -> Needed:
    named = {key.name for key in earlier or () if key.kind == "sysctl" and not key.owner} - start.facts.sysctls.keys()
    return Needed(
        frozenset(sysctl_paths(document, start.facts, REGISTRY) | named),
        frozenset(nic.guest.resolv_conf or "" for nic in document.nics),
        bool(_takes_over(document) - start.facts.standins.keys()),
    )


def compiled(document: GuestNetwork, start: Start, answers: Answers, earlier: Resources | None = None) -> Look:
    """Compile the document, and give every link its role.

    `earlier`: a set that was observed before and may have to be reached again. A link that nothing else identifies any more has
    the role that it had there.
    """
    observed, facts = start.observed, start.facts
    if answers.sysctls:
        observed = observed | {Key("sysctl", "", name): Sysctl(value) for name, value in answers.sysctls.items()}
        facts = replace(facts, sysctls={**facts.sysctls, **answers.sysctls})
    facts = replace(facts, resolv=answers.resolv, standin=answers.standin)
    desired = compile_document(document, facts, REGISTRY)
    pod_links = {f"#{link.resource.index}": f"{identity.POD_LINK}{nic}" for nic, link in facts.links.items()}
    roles, conflicts = identity.assign(observed, desired.resources, pod_links)
    roles |= identity.remembered(observed, earlier or {}, roles)
    foreign = [] if start.adopt or not start.theirs else [_foreign(start.theirs, document)]
    if foreign:  # what else is odd about such a pod is odd because of that
        desired = replace(desired, warnings=())
    return Look(
        identity.rekeyed(observed, roles) | (start.theirs if start.adopt else {}),
        desired,
        identity.scope(_taken_over(facts, desired), {*facts.captured, *dict(desired.takes)}),
        (*start.unreadable, *conflicts, *foreign, *desired.refusals),
    )


def planned(seen: Look, document: GuestNetwork) -> Result:
    """The plan of a look, and what stands in its way."""
    found = seen.plan()
    problems = (*seen.refusals, *_stuck(found, document))
    outcome = Outcome.REFUSED if problems else Outcome.UNCHANGED if found.empty else Outcome.PLANNED
    return Result(document, outcome, found, seen.desired, seen.observed, (*problems, *seen.desired.warnings))


def _stuck(found: Plan, document: GuestNetwork) -> Iterator[Diagnostic]:
    for change, reason in found.stuck:
        what = f"{change.action} {' '.join(filter(None, change.key))}"
        detail = f"no operation leads to {what}: {reason or 'no way known'}"
        yield Diagnostic("plan does not reach its target", detail, document.at)


def _takes_over(document: GuestNetwork) -> set[str]:
    return {nic.name for nic in document.nics if REGISTRY[nic.binding].TAKES_OVER}


def _taken_over(facts: PodFacts, desired: Desired) -> frozenset[str]:
    """Roles of pod links whose addresses and routes are taken from the pod, or about to be given back."""
    held = {key.owner for key in facts.captured if key.kind == "link"}
    wanted = {key.owner for key, value in desired.resources.items() if key.kind == "link" and value.master is not None}
    return frozenset(role for role in held | wanted if role.startswith(identity.POD_LINK))


def _foreign(theirs: Resources, document: GuestNetwork) -> Diagnostic:
    rules = sum(len(value.rules) for value in theirs.values())
    tables = " and ".join(sorted({f"table {key.owner}" for key in theirs}))
    detail = (
        f"KubeVirt's chain {kubevirt.INBOUND} is in {tables}: this pod was wired by KubeVirt\n"
        f"its {rules} rules and ours together would send packets elsewhere than either alone; --adopt replaces them by ours"
    )
    return Diagnostic("pod is wired by KubeVirt", detail, document.at)
