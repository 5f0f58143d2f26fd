"""One look at a pod: what is there, what should be, and which link plays which role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from converge.bindings import REGISTRY, compile_document, sysctl_paths
from converge.engine import Scope, plan
from converge.facts import discover
from converge.kernel.capabilities import standin_kind
from converge.kernel.session import Session
from converge.model import Desired, Diagnostic, GuestNetwork, Key, Plan, PodFacts, Resources
from converge.resources import KINDS, identity, kubevirt, observe
from converge.resources.kubevirt import Rules
from converge.resources.sysctl import Sysctl

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


def look(visit: Session, document: GuestNetwork, earlier: Resources | None = None, *, adopt: bool = False) -> Look:
    """Observe the namespace, find its facts, compile the document, and give every link its role.

    `earlier`: a set that was observed before and may have to be reached again. What it names is read too, and a link that nothing
    else identifies any more has the role that it had there. `adopt`: what KubeVirt has wired is ours to replace; otherwise it
    refuses the pod.
    """
    takes_over = {nic.name for nic in document.nics if REGISTRY[nic.binding].TAKES_OVER}
    dumps = visit.read(observe.set_names, every_table=bool(takes_over) or not document.nics)
    observed = observe.decode(dumps)
    theirs = dict(kubevirt.decode(dumps.foreign_nat))
    facts, unreadable = discover(document, observed)
    facts = replace(facts, adopting=adopt and bool(theirs))
    if takes_over - facts.standins.keys():
        facts = replace(facts, standin=standin_kind())
    named = {key.name for key in earlier or () if key.kind == "sysctl" and not key.owner} - facts.sysctls.keys()
    by_path = visit.sysctls(sysctl_paths(document, facts, REGISTRY) | named)
    if by_path:
        observed |= {Key("sysctl", "", name): Sysctl(value) for name, value in by_path.items()}
        facts = replace(facts, sysctls={**facts.sysctls, **by_path})
    target = document.target.how, document.target.value
    facts = replace(facts, resolv=visit.resolv_conf(target, {nic.guest.resolv_conf or "" for nic in document.nics}))
    desired = compile_document(document, facts, REGISTRY)
    pod_links = {f"#{link.resource.index}": f"{identity.POD_LINK}{nic}" for nic, link in facts.links.items()}
    roles, conflicts = identity.assign(observed, desired.resources, pod_links)
    roles |= identity.remembered(observed, earlier or {}, roles)
    foreign = [] if adopt or not theirs else [_foreign(theirs, document)]
    if foreign:  # what else is odd about such a pod is odd because of that
        desired = replace(desired, warnings=())
    refusals = (*unreadable, *conflicts, *foreign, *desired.refusals)
    return Look(
        identity.rekeyed(observed, roles) | (theirs if adopt else {}),
        desired,
        identity.scope(_taken_over(facts, desired), {*facts.captured, *dict(desired.takes)}),
        refusals,
    )


def _taken_over(facts: PodFacts, desired: Desired) -> frozenset[str]:
    """Roles of pod links whose addresses and routes are taken from the pod, or about to be given back."""
    held = {key.owner for key in facts.captured if key.kind == "link"}
    wanted = {key.owner for key, value in desired.resources.items() if key.kind == "link" and value.master is not None}
    return frozenset(role for role in held | wanted if role.startswith(identity.POD_LINK))


def _foreign(theirs: Mapping[Key, Rules], document: GuestNetwork) -> Diagnostic:
    rules = sum(len(value.rules) for value in theirs.values())
    tables = " and ".join(sorted({f"table {key.owner}" for key in theirs}))
    detail = (
        f"KubeVirt's chain {kubevirt.INBOUND} is in {tables}: this pod was wired by KubeVirt\n"
        f"its {rules} rules and ours together would send packets elsewhere than either alone; --adopt replaces them by ours"
    )
    return Diagnostic("pod is wired by KubeVirt", detail, document.at)
