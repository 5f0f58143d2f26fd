"""The union of what all NICs of a document want, the facts to write first, and what is to be given back.

Equal values of one key merge, different ones refuse the pod. So nothing is counted: when the last NIC that wanted a pod-wide
sysctl leaves, its captured value is what remains to be desired, and its fact is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from converge.bindings import virtual_function
from converge.bindings.names import LONGEST, names, too_long
from converge.model import Attributes, Desired, Device, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, Severity
from converge.resources import chain, fact, fact_text, table
from converge.resources.chain import Chain
from converge.resources.fact import Fact
from converge.resources.sysctl import Sysctl
from converge.resources.table import Table


class Binding(Protocol):
    """One way to join a NIC to its pod link."""

    NETWORKS: frozenset[str]
    """Kinds of network it can join: "pod", "multus"."""

    STATES: frozenset[str]
    """Values of `state` that a NIC of it can have."""

    RESERVED_MACS: frozenset[str]
    """What its guest's MAC must not be, since something of its own has it."""

    TAKES_OVER: bool
    """Does it take the pod link's addresses and routes from the pod?"""

    NEEDS_POD_LINK: bool
    """Is there nothing to wire without the pod link?"""

    MAKES: tuple[str, ...]
    """Which of `Names` it gives to links."""

    def sysctl_paths(self, facts: PodFacts, nic: Nic, /) -> Iterator[str]:
        """Sysctls that the NIC may need and netlink does not give, by full name."""

    def compile(self, document: GuestNetwork, nic: Nic, facts: PodFacts, /) -> Desired:
        """The NIC's resources and its guest's device, without facts. Where NEEDS_POD_LINK, called only when that was found."""


Captured = list[tuple[Key, Attributes]]


def sysctl_paths(document: GuestNetwork, facts: PodFacts, bindings: Mapping[str, Binding]) -> set[str]:
    """All sysctls that must be read by path before this document can be compiled."""
    captured = {key.name for key in facts.captured if key.kind == "sysctl" and not key.owner}
    return captured.union(*(bindings[nic.binding].sysctl_paths(facts, nic) for nic in document.nics)) - facts.sysctls.keys()


def compile_document(document: GuestNetwork, facts: PodFacts, bindings: Mapping[str, Binding]) -> Desired:
    """Desired resources of a pod; `refusals` is not empty where it must not be touched."""
    resources: dict[Key, Attributes] = {}
    origins: dict[Key, Origin] = {}
    refusals: list[Diagnostic] = []
    warnings: list[Diagnostic] = []
    written: Captured = []
    devices: list[Device] = []
    refusals += _same_names(document, facts, bindings)
    for nic in document.nics:
        if (missing := _unwirable(nic, facts, bindings[nic.binding])) is not None:
            refusals.append(missing)
            continue
        desired = bindings[nic.binding].compile(document, nic, facts)
        devices += desired.devices
        refusals += [*desired.refusals, *_conflicts(nic, resources, desired.resources)]
        warnings += [*desired.warnings, *_doubts(nic, facts, bool(desired.takes))]
        written += desired.takes
        resources |= desired.resources
        origins = {**desired.origins, **origins}
    sysctls, lost = _sysctl_facts(resources, origins, facts)
    lost += [_left_alone(key, document) for key, value in facts.captured.items() if value == UNKNOWN and key not in resources]
    held = {key.owner for key, _ in written if key.kind != "vf"}
    resources |= {key: value for key, value in _given_back(facts, held) if key not in resources}
    resources |= virtual_function.given_back(facts, resources)
    warnings += virtual_function.forgotten(document, facts, resources)
    refused = [] if refusals else list(_facts(written + sysctls, document, resources, origins))
    return Desired(resources, origins, tuple(written), (*refusals, *refused), (*warnings, *lost), tuple(devices))


def _unwirable(nic: Nic, facts: PodFacts, binding: Binding) -> Diagnostic | None:
    name = facts.names[nic.name]
    if nic.name in facts.unsure:
        detail = (
            f"NIC {nic.name}: its pod link would be {name}, but this pod's links are not numbered as its networks are now\n"
            "say which link it is by `podLink` (KubeVirt: status.interfaces[].podInterfaceName); new networks belong at the end"
        )
        return Diagnostic("pod link cannot be told", detail, nic.at, nic=nic.name)
    if nic.name not in facts.links and binding.NEEDS_POD_LINK:
        detail = (
            f"NIC {nic.name}: the pod has no link {name}\n"
            "the CNI must have made it first; `podLink` names it where it is called otherwise"
        )
        return Diagnostic("pod link is missing", detail, nic.at, nic=nic.name)
    long = too_long(names(nic, name), binding.MAKES)
    if long is None:
        return None
    detail = (
        f"NIC {nic.name}: {long}, derived from {name}, is longer than the {LONGEST} characters a link's name can have\n"
        "use a shorter pod link name"
    )
    return Diagnostic("name is too long", detail, nic.at, nic=nic.name)


def _same_names(document: GuestNetwork, facts: PodFacts, bindings: Mapping[str, Binding]) -> Iterator[Diagnostic]:
    """Two networks' names can have the same hash, and pod links of given names the same end."""
    holders: dict[str, str] = {}
    for nic in document.nics:
        own = names(nic, facts.names[nic.name])
        for name in {own.pod_link, *(getattr(own, each) for each in bindings[nic.binding].MAKES)}:
            other = holders.setdefault(name, nic.name)
            if other != nic.name:
                detail = (
                    f"NICs {other} and {nic.name} both come to a link named {name}\ngive one of the two networks another name"
                )
                yield Diagnostic("names collide", detail, nic.at, nic=nic.name)


def _conflicts(nic: Nic, held: Mapping[Key, Attributes], added: Mapping[Key, Attributes]) -> Iterator[Diagnostic]:
    for key in added.keys() & held.keys():
        if added[key] != held[key]:
            detail = (
                f"NIC {nic.name} and another one want different values of {key.kind} {key.name or key.owner}\n"
                "give them different names"
            )
            yield Diagnostic("two NICs contradict each other", detail, nic.at, nic=nic.name)


def _doubts(nic: Nic, facts: PodFacts, takes: bool) -> Iterator[Diagnostic]:
    """What is known to be missing from the facts about a pod link that was taken over."""
    link = facts.links.get(nic.name)
    if takes and link is not None and link.derived:
        detail = (
            f"the facts about {facts.names[nic.name]} are gone; name, MAC, MTU and addresses were read off its stand-in\n"
            "its routes are not known any more: unwiring will not give them back"
        )
        yield Diagnostic(LOST, detail, nic.at, Severity.WARNING, nic.name)
    elif nic.name in facts.short:
        detail = f"some of the facts about {facts.names[nic.name]} are gone\nunwiring will give back what is left"
        yield Diagnostic(LOST, detail, nic.at, Severity.WARNING, nic.name)


LOST = "facts lost"


def _captures(key: Key) -> bool:
    """Pod-wide sysctls, and those of the pod link that no pod-wide switch gives back."""
    return key.kind == "sysctl" and (not key.owner or (key.owner.startswith("pod:") and not key.name.endswith(".forwarding")))


def _sysctl_facts(
    resources: Mapping[Key, Attributes], origins: Mapping[Key, Origin], facts: PodFacts
) -> tuple[Captured, list[Diagnostic]]:
    """Earlier values to write down, and a warning for each that should be there and is lost."""
    written: Captured = []
    warnings: list[Diagnostic] = []
    for key in filter(_captures, resources):
        if key in facts.captured:
            written.append((key, facts.captured[key]))
        elif (earlier := _capturable(key, resources[key], origins[key].nic, facts)) is not None:
            written.append((key, earlier))
        elif facts.adopting:
            written.append((key, UNKNOWN))
            warnings.append(_never_known(key, origins[key]))
        else:
            warnings.append(_lost(key, origins[key]))
    return written, warnings


def _capturable(key: Key, wanted: Sysctl, nic: str, facts: PodFacts) -> Sysctl | None:
    """The present value where it is nobody's work yet: of a NIC that was never wired, or in a pod that somebody else has wired,
    what he has left alone.
    """
    present = _earlier(key, facts)
    if present is None or nic in facts.first:
        return present
    return present if facts.adopting and present != wanted else None


UNKNOWN = Sysctl("unknown")
"""As a fact: this sysctl was written before anybody looked at it. It says so once, and unwiring leaves the sysctl alone."""


def _never_known(key: Key, origin: Origin) -> Diagnostic:
    detail = f"KubeVirt has not written down what {key.name} was before\nunwiring will leave this sysctl as it is"
    return Diagnostic("earlier value unknown", detail, origin.at, Severity.WARNING, origin.nic)


def _left_alone(key: Key, document: GuestNetwork) -> Diagnostic:
    detail = f"{key.name} stays as it is: KubeVirt has not written down what it was before\nset it yourself if that matters"
    return Diagnostic("earlier value unknown", detail, document.at, Severity.WARNING)


def _earlier(key: Key, facts: PodFacts) -> Sysctl | None:
    if not key.owner:
        return Sysctl(facts.sysctls[key.name]) if key.name in facts.sysctls else None
    link = facts.links.get(key.owner.removeprefix("pod:"))
    if link is None or key.name not in link.sysctls:
        return None
    return Sysctl(link.sysctls[key.name], link.resource.index)


def _lost(key: Key, origin: Origin) -> Diagnostic:
    detail = (
        f"the earlier value of {key.name} is not in the table any more\n"
        "unwiring will leave this sysctl as it is; everything else is converged"
    )
    return Diagnostic(LOST, detail, origin.at, Severity.WARNING, origin.nic)


def _given_back(facts: PodFacts, held: set[str]) -> Iterator[tuple[Key, Attributes]]:
    """Earlier values that nobody overrides any more. `held`: pod links that are still taken over. A pod link that is not
    loses its mark, and one that the CNI has removed meanwhile gets nothing back.
    """
    present = {f"pod:{nic}" for nic in facts.links}
    for key, value in facts.captured.items():
        taken = key.owner in held and key.kind != "sysctl"
        if key.kind not in ("link", "vf") and value != UNKNOWN and not taken and (not key.owner or key.owner in present):
            yield key, value
    for nic, link in facts.links.items():
        if link.original is not None and link.original != link.resource:
            yield Key("link", f"pod:{nic}"), link.original
        if link.derived and f"pod:{nic}" not in held:
            yield from link.addresses


def _facts(
    written: Captured, document: GuestNetwork, resources: dict[Key, Attributes], origins: dict[Key, Origin]
) -> Iterator[Diagnostic]:
    """Add the facts, and what holds them. Yields a refusal for a fact that its comment cannot hold."""
    if not written:
        return
    by_name = {nic.name: nic for nic in document.nics}
    facts = dict(fact_text.facts(written))
    for key in facts:
        if key.owner in by_name:
            origins[key] = Origin(key.owner, by_name[key.owner].at)
        if any(len(line.encode()) > fact.LONGEST or '"' in line for line in fact.lines(key)):
            yield Diagnostic(
                "fact cannot be written", f"`{key.owner} {key.name}` does not fit into comments of our table", document.at
            )
    resources |= {**facts, fact.VERSION: Fact(), table.KEY: Table(), Key("chain", "", chain.CAPTURED): Chain()}
