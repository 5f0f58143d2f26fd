"""observed -> PodFacts: which links the CNI gave the pod, and what an earlier plan wrote down about it. Pure.

Works on handles ("#2"), before roles are known: which link is a NIC's pod link is what decides the roles. A pod link is found
by its mark, by the ifindex in its facts, and by its name, in this order; once a stand-in has its name, under its new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from converge.bindings import REGISTRY
from converge.bindings.names import Names, is_ordinal, names, pod_link_names, unsure
from converge.model import Attributes, Diagnostic, GuestNetwork, Key, Nic, PodFacts, PodLink, Resources
from converge.resources import address, fact_text, route
from converge.resources.identity import POD_LINK
from converge.resources.link import VF_MARKS, Link

STANDIN_KINDS = ("dummy", "ifb")
"""A dummy link; where the kernel has no driver for it an ifb, which like it stays down, carries addresses and sends nothing."""


@dataclass(frozen=True, slots=True)
class _Pod:
    """The links of a pod, by what they can be found by."""

    links: Mapping[str, Link]
    by_mark: Mapping[str, str]
    by_name: Mapping[str, str]
    by_index: Mapping[int, str]
    carrying: Mapping[str, str]
    """The NIC whose macvtap lies on a link, by that link's handle."""


def discover(document: GuestNetwork, observed: Resources) -> tuple[PodFacts, list[Diagnostic]]:
    """The facts of a pod, and a diagnostic for each fact that this version cannot read."""
    pod = _pod({key.owner: value for key, value in observed.items() if key.kind == "link"})
    written, strange, short = fact_text.read([key for key in observed if key.kind == "fact"])
    captured = dict(_own(written, short))
    present = _known_names(pod, captured)
    wanted = pod_link_names(document, present)
    certain = dict(_certain(document, wanted, pod, captured))
    wanted |= certain
    found: dict[str, PodLink] = {}
    standins: dict[str, str] = {}
    for nic, own, handle in _pod_links(document, wanted, pod, captured):
        standin = _standin(nic, own, pod)
        if standin is not None:
            standins[nic] = pod.links[standin].kind
        found[nic] = _pod_link(nic, handle, standin, own, observed, captured)
    roles = {f"#{link.resource.index}": f"{POD_LINK}{nic}" for nic, link in found.items()}
    captured = {_in_role(key, roles): value for key, value in captured.items()}
    facts = PodFacts(
        links=found,
        names=wanted,
        captured=captured,
        first=frozenset(
            nic.name for nic in document.nics if _first(nic, names(nic, wanted[nic.name]), found.get(nic.name), pod, captured)
        ),
        sysctls={key.name: value.value for key, value in observed.items() if key.kind == "sysctl" and not key.owner},
        short=frozenset(short),
        standins=standins,
        servers={key.owner.removeprefix("bridge:"): value for key, value in observed.items() if key.kind == "process"},
        bridge_addresses=dict(_bridge_addresses(document, wanted, pod, observed)),
        present=frozenset(pod.by_name),
        unsure=unsure(document, present, certain),
        parents={name: roles.get(handle, handle) for name, handle in _parents(document, found, pod)},
        functions={_in_role(key, roles): value for key, value in observed.items() if key.kind == "vf"},
    )
    return facts, [_unreadable(key) for key in strange]


def _own(written: Mapping[Key, Attributes], short: Collection[str]) -> Iterator[tuple[Key, Attributes]]:
    """Without advertised prefixes, which were once taken for the pod's own: routes of the kernel's that no address keeps. Not
    where addresses are missing.
    """
    kept = frozenset(address.lasting_routes(written))
    for key, value in written.items():
        kernels = key.kind == "route" and ":" in key.name and value.protocol == "kernel"
        if not kernels or key in kept or key.owner.removeprefix(POD_LINK) in short:
            yield key, value


def _pod(links: Mapping[str, Link]) -> _Pod:
    return _Pod(
        links,
        {link.mark: handle for handle, link in links.items() if link.mark},
        {link.name: handle for handle, link in links.items()},
        {link.index: handle for handle, link in links.items()},
        {link.lower: link.mark.partition(":")[2] for link in links.values() if link.lower is not None and link.mark},
    )


def _known_names(pod: _Pod, captured: Mapping[Key, Attributes]) -> set[str]:
    """Names that links have, or had before they were taken over."""
    return {*pod.by_name, *(value.name for key, value in captured.items() if key.kind == "link")}


def _certain(
    document: GuestNetwork, wanted: Mapping[str, str], pod: _Pod, captured: Mapping[Key, Attributes]
) -> Iterator[tuple[str, str]]:
    """Names of secondary NICs' pod links that marks or facts tell, whatever the NIC's number is by now."""
    for nic in document.nics:
        if nic.network.primary or nic.pod_link:
            continue
        own, handle = names(nic, wanted[nic.name]), _by_facts(nic.name, pod, captured)
        if handle is None:
            yield from _carrying(nic.name, own, pod)
            continue
        live, standin = pod.links[handle], pod.by_mark.get(f"standin:{nic.name}")
        fact: Link | None = captured.get(Key("link", f"{POD_LINK}{nic.name}"))
        if live.name in (own.pod_link, own.renamed):
            yield nic.name, own.pod_link
        elif fact is not None or standin is not None:
            yield nic.name, fact.name if fact is not None else pod.links[str(standin)].name
        elif live.master is None:
            yield nic.name, live.name


def _carrying(nic: str, own: Names, pod: _Pod) -> Iterator[tuple[str, str]]:
    """Where names are numbers, the link that its macvtap lies on; elsewhere a name says more, since a macvtap can be moved."""
    for handle, other in pod.carrying.items():
        if other == nic and handle in pod.links and is_ordinal(own.pod_link) and is_ordinal(pod.links[handle].name):
            yield nic, pod.links[handle].name


def _pod_links(
    document: GuestNetwork, wanted: Mapping[str, str], pod: _Pod, captured: Mapping[Key, Attributes]
) -> Iterator[tuple[str, Names | None, str]]:
    """NIC, its names, and the handle of its pod link. NICs that left the document are found by mark or facts, without names."""
    for nic in document.nics:
        own = names(nic, wanted[nic.name])
        handle = _by_facts(nic.name, pod, captured) or _by_name(nic.name, own, pod)
        if handle is not None:
            yield nic.name, own, handle
    marked = {mark.removeprefix(POD_LINK) for mark in pod.by_mark if mark.startswith(POD_LINK)}
    written = {key.owner.removeprefix(POD_LINK) for key in captured if key.owner.startswith(POD_LINK)}
    for left in sorted((marked | written) - wanted.keys()):
        handle = _by_facts(left, pod, captured)
        if handle is not None:
            yield left, None, handle


def _by_facts(nic: str, pod: _Pod, captured: Mapping[Key, Attributes]) -> str | None:
    """By mark, or by the ifindex that each fact about the link or one of its sysctls carries."""
    role = f"{POD_LINK}{nic}"
    if role in pod.by_mark:
        return pod.by_mark[role]
    indexes = {value.index for key, value in captured.items() if key.owner == role and key.kind in ("link", "sysctl")}
    return next((pod.by_index[index] for index in indexes if index in pod.by_index), None)


def _by_name(nic: str, own: Names, pod: _Pod) -> str | None:
    """Under its own name, unless a stand-in already has that; marked links, and those with a macvtap, are some other NIC's."""
    for name in (own.pod_link, own.renamed):
        handle = pod.by_name.get(name)
        if handle is not None and pod.links[handle].mark is None and pod.carrying.get(handle, nic) == nic:
            if name == own.pod_link and pod.links[handle].kind in STANDIN_KINDS and own.renamed in pod.by_name:
                continue
            return handle
    return None


def _standin(nic: str, own: Names | None, pod: _Pod) -> str | None:
    marked = pod.by_mark.get(f"standin:{nic}")
    if marked is not None or own is None:
        return marked
    handle = pod.by_name.get(own.pod_link)
    is_one = handle is not None and pod.links[handle].kind in STANDIN_KINDS and own.renamed in pod.by_name
    return handle if is_one else None


def _pod_link(
    nic: str, handle: str, standin: str | None, own: Names | None, observed: Resources, captured: Mapping[Key, Attributes]
) -> PodLink:
    """`original` from facts if there are any, else from the stand-in, else as it is, unless it has already lost its name."""
    role = f"{POD_LINK}{nic}"
    live: Link = observed[Key("link", handle)]
    sysctls = {key.name: value.value for key, value in observed.items() if key.kind == "sysctl" and key.owner == handle}
    if Key("link", role) in captured:
        fact: Link = captured[Key("link", role)]
        original = _freed(live, fact.name, fact.mac, fact.mtu, fact.up)
        return PodLink(live, original, _of("address", role, captured), _of("route", role, captured), sysctls)
    if standin is not None:
        stood: Link = observed[Key("link", standin)]
        # The stand-in's name is the pod link's, unless somebody has given it one that is another link's of ours.
        swapped = own is not None and stood.name in (own.tap, own.bridge, own.renamed)
        name = own.pod_link if own is not None and (swapped or live.name == own.renamed) else stood.name
        original = _freed(live, name, stood.mac, stood.mtu, live.up)
        addresses = _moved("address", standin, role, observed)
        return PodLink(live, original, addresses, tuple(dict(_connected(role, addresses)).items()), sysctls, derived=True)
    untouched = own is None or live.name != own.renamed
    addresses, ways = _moved("address", handle, role, observed), _moved("route", handle, role, observed)
    tied = tuple(_tied(role, handle, addresses, observed))
    return PodLink(live, replace(live, mark=None, further_marks=()) if untouched else None, addresses, ways, sysctls, tied=tied)


def _tied(
    role: str, handle: str, addresses: tuple[tuple[Key, Attributes], ...], observed: Resources
) -> Iterator[tuple[Key, Attributes]]:
    """Routes elsewhere that would be lost with this link's addresses: those over several links, and those that name one as
    source.
    """
    own = {key.name.split("/")[0] for key, _ in addresses}
    for key, value in observed.items():
        if key.kind == "route" and key.owner != handle and (handle in value.hops or value.source in own):
            yield Key("route", role, key.name), value


def _connected(role: str, addresses: tuple[tuple[Key, Attributes], ...]) -> Iterator[tuple[Key, Attributes]]:
    """The routes that come with addresses, and last; of all others nothing is known."""
    for key, value in addresses:
        found = route.connected(role, key.name, value.metric, value.peer)
        passing = value.dynamic and ":" in key.name
        if found is not None and not value.secondary and not passing and not key.name.startswith("fe80:"):
            yield found


def _freed(live: Link, name: str, mac: str | None, mtu: int, up: bool) -> Link:
    return replace(live, name=name, mac=mac, mtu=mtu, up=up, master=None, port=None, mark=None, further_marks=())


def _of(kind: str, owner: str, resources: Mapping[Key, Attributes]) -> tuple[tuple[Key, Attributes], ...]:
    return tuple((key, value) for key, value in resources.items() if key.kind == kind and key.owner == owner)


def _moved(kind: str, handle: str, role: str, observed: Resources) -> tuple[tuple[Key, Attributes], ...]:
    return tuple((Key(kind, role, key.name), value) for key, value in _of(kind, handle, observed))


def _first(nic: Nic, own: Names, link: PodLink | None, pod: _Pod, captured: Mapping[Key, Attributes]) -> bool:
    """May facts about this NIC be captured now? Yes, unless it was wired already by the same binding: where another one has left
    its links, or has taken the pod link over and this one does not, or the other way round, it begins anew.
    """
    binding = REGISTRY[nic.binding]
    roles = {role for role, _, name in (mark.partition(":") for mark in pod.by_mark) if name == nic.name}
    made = any(getattr(own, each) in pod.by_name for each in binding.MAKES)
    if not roles and not made:
        return True
    if link is None:
        return False
    taken = link.derived or link.original is None or Key("link", f"{POD_LINK}{nic.name}") in captured
    others = roles - {"pod", "standin", *binding.MAKES}
    only_marked = bool(binding.MAKES) and not made and roles == {"pod"}
    return taken is not binding.TAKES_OVER or bool(others) or only_marked


def _bridge_addresses(
    document: GuestNetwork, wanted: Mapping[str, str], pod: _Pod, observed: Resources
) -> Iterator[tuple[str, str]]:
    """The link-local IPv4 address that a NIC's bridge already has, by NIC."""
    for nic in document.nics:
        bridge = pod.by_mark.get(f"bridge:{nic.name}") or pod.by_name.get(names(nic, wanted[nic.name]).bridge)
        if bridge is None:
            continue
        for key in observed:
            if key.kind == "address" and key.owner == bridge and key.name.startswith("169.254.75."):
                yield nic.name, key.name


def parents(document: GuestNetwork, observed: Resources, earlier: Resources | None = None) -> set[int]:
    """The ifindexes of the links whose virtual functions must be read before the facts can be discovered: those that the document
    names as parents, and those of which facts, marks or a set observed `earlier` say that a function was programmed.
    """
    named = {nic.virtual_function.parent for nic in document.nics if nic.virtual_function is not None}
    found: set[int] = set()
    for key, value in observed.items():
        if key.kind == "link" and (value.name in named or any(name.startswith(VF_MARKS) for name in value.altnames)):
            found.add(value.index)
    texts = [key for key in observed if key.kind == "fact" and key.name.startswith("vf ")]
    facts = fact_text.read(texts)[0] if texts else {}
    found.update(value.ifindex for key, value in (*facts.items(), *(earlier or {}).items()) if key.kind == "vf")
    return found


def _parents(document: GuestNetwork, found: Mapping[str, PodLink], pod: _Pod) -> Iterator[tuple[str, str]]:
    """The links that NICs name as parents, by name. One that a binding has renamed is meant by the name that the CNI gave it."""
    renamed = {link.original.name: f"#{link.resource.index}" for link in found.values() if link.original is not None}
    for nic in document.nics:
        name = nic.virtual_function.parent if nic.virtual_function is not None else ""
        handle = renamed.get(name) or pod.by_name.get(name)
        if handle is not None:
            yield name, handle


def _in_role(key: Key, roles: Mapping[str, str]) -> Key:
    """A function's key with its parent's role, where that is a pod link as well."""
    return key._replace(owner=roles.get(key.owner, key.owner)) if key.kind == "vf" else key


def _unreadable(key: Key) -> Diagnostic:
    detail = (
        f"the captured fact `{key.owner} {key.name}` is not in a form that this version knows\n"
        "use the version that wrote it to unwire this pod"
    )
    return Diagnostic("captured fact cannot be read", detail, nic=key.owner or None)
