"""The union of what all NICs of a document want, the facts to write first, and what is to be given back.

Equal values of one key merge, different ones refuse the pod. So nothing is counted: when the last NIC that wanted a pod-wide sysctl
leaves, its captured value is what remains to be desired, and its fact is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from converge.model import Attributes, Desired, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, Severity
from converge.resources import chain, fact, table
from converge.resources.chain import Chain
from converge.resources.fact import Fact
from converge.resources.table import Table


class Binding(Protocol):
    """One way to join a NIC to its pod link."""

    def sysctl_paths(self, facts: PodFacts, nic: Nic, /) -> Iterator[str]:
        """Sysctls that the NIC may need and netlink does not give, by full name."""

    def compile(self, document: GuestNetwork, nic: Nic, facts: PodFacts, /) -> Desired:
        """The NIC's resources, without facts. Called only when its pod link was found."""


def sysctl_paths(document: GuestNetwork, facts: PodFacts, bindings: Mapping[str, Binding]) -> set[str]:
    """All sysctls that must be read by path before this document can be compiled."""
    captured = {key.name for key in facts.captured if key.kind == "sysctl" and not key.owner}
    return captured.union(*(bindings[nic.binding].sysctl_paths(facts, nic) for nic in document.nics))


def compile_document(document: GuestNetwork, facts: PodFacts, bindings: Mapping[str, Binding]) -> Desired:
    """Desired resources of a pod; `refusals` is not empty where it must not be touched."""
    resources: dict[Key, Attributes] = {}
    origins: dict[Key, Origin] = {}
    refusals: list[Diagnostic] = []
    for nic in document.nics:
        if nic.name not in facts.links:
            refusals.append(_missing(nic))
            continue
        desired = bindings[nic.binding].compile(document, nic, facts)
        refusals += [*desired.refusals, *_conflicts(nic, resources, desired.resources)]
        resources |= desired.resources
        origins = {**desired.origins, **origins}
    written, warnings = _facts(resources, origins, facts)
    given_back = {key: value for key, value in _given_back(facts) if key not in resources}
    _hold(resources, {**given_back, **written})
    for key in written:
        if key.owner and (nic_at := next((n for n in document.nics if n.name == key.owner), None)):
            origins[key] = Origin(nic_at.name, nic_at.at)
    return Desired(resources, origins, tuple(refusals), tuple(warnings))


def _missing(nic: Nic) -> Diagnostic:
    name = nic.pod_link or ("eth0" if nic.network.primary else "its pod link")
    detail = f"NIC {nic.name}: the pod has no link {name}\nthe CNI must have made it first; `podLink` names it where it is called otherwise"
    return Diagnostic("pod link is missing", detail, nic.at, nic=nic.name)


def _conflicts(nic: Nic, held: Mapping[Key, Attributes], added: Mapping[Key, Attributes]) -> Iterator[Diagnostic]:
    for key in added.keys() & held.keys():
        if added[key] != held[key]:
            detail = f"NIC {nic.name} and another one want different values of {key.kind} {key.name or key.owner}\ngive them different names"
            yield Diagnostic("two NICs contradict each other", detail, nic.at, nic=nic.name)


def _captures(key: Key) -> bool:
    """Pod-wide sysctls, and those of the pod link that no pod-wide switch gives back."""
    return key.kind == "sysctl" and (not key.owner or (key.owner.startswith("pod:") and not key.name.endswith(".forwarding")))


def _facts(
    resources: Mapping[Key, Attributes], origins: Mapping[Key, Origin], facts: PodFacts
) -> tuple[dict[Key, Attributes], list[Diagnostic]]:
    """The facts that must be written, and a warning for each that should be there and is lost."""
    written: dict[Key, Attributes] = {}
    warnings: list[Diagnostic] = []
    for key in filter(_captures, resources):
        if key in facts.captured:
            written.update([fact.of_sysctl(key, facts.captured[key])])
        elif origins[key].nic in facts.first and (earlier := _earlier(key, facts)) is not None:
            written.update([fact.of_sysctl(key, replace(resources[key], value=earlier))])
        else:
            warnings.append(_lost(key, origins[key]))
    if written:
        written[fact.VERSION] = Fact()
    return written, warnings


def _earlier(key: Key, facts: PodFacts) -> str | None:
    if not key.owner:
        return facts.sysctls.get(key.name)
    link = facts.links.get(key.owner.removeprefix("pod:"))
    return None if link is None else link.sysctls.get(key.name)


def _lost(key: Key, origin: Origin) -> Diagnostic:
    detail = (
        f"the earlier value of {key.name} is not in the table any more\n"
        "unwiring will leave this sysctl as it is; everything else is converged"
    )
    return Diagnostic("facts lost", detail, origin.at, Severity.WARNING, origin.nic)


def _given_back(facts: PodFacts) -> Iterator[tuple[Key, Attributes]]:
    """Earlier values that nobody overrides any more; and a pod link that no fact is about loses its mark."""
    for key, value in facts.captured.items():
        yield key, value
    for nic, link in facts.links.items():
        if link.resource.mark is not None:
            yield Key("link", f"pod:{nic}"), replace(link.resource, mark=None)


def _hold(resources: dict[Key, Attributes], more: Mapping[Key, Attributes]) -> None:
    """Add resources and, where facts are among them, what holds facts."""
    resources.update(more)
    if any(key.kind == "fact" for key in more):
        resources[table.KEY] = Table()
        resources[Key("chain", "", chain.CAPTURED)] = Chain()
