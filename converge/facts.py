"""observed -> PodFacts: which links the CNI gave the pod, and what an earlier plan wrote down about it. Pure.

Works on handles ("#2"), before roles are known: which link is a NIC's pod link is what decides the roles.
"""

from __future__ import annotations

from collections.abc import Iterator

from converge.bindings.names import names
from converge.model import Diagnostic, GuestNetwork, Key, Nic, PodFacts, PodLink, Resources
from converge.resources import fact
from converge.resources.identity import POD_LINK
from converge.resources.link import Link


def discover(document: GuestNetwork, observed: Resources) -> tuple[PodFacts, list[Diagnostic]]:
    """The facts of a pod, and a diagnostic for each fact that this version cannot read."""
    links: dict[str, Link] = {key.owner: value for key, value in observed.items() if key.kind == "link"}
    captured, strange = fact.read(key for key in observed if key.kind == "fact")
    found: dict[str, PodLink] = {}
    for nic, handle in _pod_links(document, links):
        found[nic] = _pod_link(f"{POD_LINK}{nic}", handle, links[handle], observed)
    first = frozenset(nic.name for nic in document.nics if not _wired(nic, links))
    sysctls = {key.name: value.value for key, value in observed.items() if key.kind == "sysctl" and not key.owner}
    return PodFacts(found, captured, first, sysctls), [_unreadable(key) for key in strange]


def _pod_links(document: GuestNetwork, links: dict[str, Link]) -> Iterator[tuple[str, str]]:
    """NIC and handle. The mark decides, then the name; marked pod links of NICs that left the document are found too."""
    by_mark = {link.mark: handle for handle, link in links.items() if link.mark}
    by_name = {link.name: handle for handle, link in links.items() if link.mark is None}
    for nic in document.nics:
        handle = by_mark.get(f"{POD_LINK}{nic.name}") or by_name.get(names(nic).pod_link)
        if handle is not None:
            yield nic.name, handle
    wanted = {nic.name for nic in document.nics}
    for mark, handle in by_mark.items():
        if mark.startswith(POD_LINK) and mark.removeprefix(POD_LINK) not in wanted:
            yield mark.removeprefix(POD_LINK), handle


def _pod_link(role: str, handle: str, link: Link, observed: Resources) -> PodLink:
    mine = [(key, value) for key, value in observed.items() if key.owner == handle]
    return PodLink(
        ifindex=link.index,
        resource=link,
        addresses=tuple((Key("address", role, key.name), value) for key, value in mine if key.kind == "address"),
        routes=tuple((Key("route", role, key.name), value) for key, value in mine if key.kind == "route"),
        sysctls={key.name: value.value for key, value in mine if key.kind == "sysctl"},
    )


def _wired(nic: Nic, links: dict[str, Link]) -> bool:
    """Some link carries a mark of this NIC, or a name that only wiring gives."""
    own = names(nic)
    return any((link.mark or "").partition(":")[2] == nic.name or link.name in (own.bridge, own.tap) for link in links.values())


def _unreadable(key: Key) -> Diagnostic:
    detail = f"the captured fact `{key.owner} {key.name}` is not in a form that this version knows\nuse the version that wrote it to unwire this pod"
    return Diagnostic("captured fact cannot be read", detail, nic=key.owner or None)
