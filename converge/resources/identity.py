"""Which link has which role, and what of the namespace is ours to compare. Table-driven and pure.

1. A link has a role if it carries the role's altname and is of the role's kind.
2. A role that nobody carries goes to the unmarked link of the expected name and kind: half made, or from before our time.
3. Where mark and expected name are on two links of the same kind, the pod is refused and both are named; nothing is deleted.
An address, a route or a per-link sysctl belongs to whom its link belongs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from converge.engine import Scope
from converge.model import Attributes, Diagnostic, Key, Resources
from converge.resources import route
from converge.resources.link import Link, marked

POD_LINK = "pod:"
"""Roles of pod links begin so. They are marked only when facts about them exist."""


def assign(observed: Resources, desired: Resources, pod_links: Mapping[str, str]) -> tuple[dict[str, str], list[Diagnostic]]:
    """Roles by handle ("#3" -> "bridge:default"), and the conflicts that refuse the pod. `pod_links`: the roles found by
    facts.
    """
    links: dict[str, Link] = {key.owner: value for key, value in observed.items() if key.kind == "link"}
    named = {value.name: handle for handle, value in links.items()}
    wanted: dict[str, Link] = {key.owner: value for key, value in desired.items() if key.kind == "link"}
    roles = dict(pod_links)
    for handle, link in links.items():
        if link.mark is None or handle in roles or link.mark.startswith(POD_LINK):
            continue
        if link.mark not in wanted or link.kind == wanted[link.mark].kind:
            roles[handle] = link.mark
    holders = {role: handle for handle, role in roles.items()}
    conflicts: list[Diagnostic] = []
    for role, link in wanted.items():
        found = named.get(link.name)
        if role.startswith(POD_LINK) or found is None or found in roles or not _alike(links[found], link, holders):
            continue
        if role in holders:
            conflicts.append(_conflict(role, links[holders[role]].name, link.name))
        elif links[found].mark is None:
            roles[found] = role
    return roles, conflicts


def _alike(found: Link, wanted: Link, holders: Mapping[str, str]) -> bool:
    """Of one kind. A macvtap is made with its mark at once, so an unmarked one elsewhere, or in another mode, is a CNI's."""
    lower = None if wanted.lower is None else holders.get(wanted.lower)
    return (found.kind, found.lower, found.mode) == (wanted.kind, lower, wanted.mode)


def remembered(observed: Resources, earlier: Resources, roles: Mapping[str, str]) -> dict[str, str]:
    """Further roles by handle: a link that has none, and whose role nobody has, keeps the one it had. An ifindex is not
    reused.
    """
    had = {f"#{value.index}": key.owner for key, value in earlier.items() if key.kind == "link" and not key.owner.startswith("#")}
    taken = set(roles.values())
    present = (key.owner for key in observed if key.kind == "link")
    return {handle: had[handle] for handle in present if handle in had and handle not in roles and had[handle] not in taken}


def _conflict(role: str, marked: str, named: str) -> Diagnostic:
    detail = (
        f"the mark of {role} is on {marked}, but {named} has the name that it should have\n"
        f"delete the one that is not the guest's, or rename {named}; converge deletes neither"
    )
    return Diagnostic("two links claim one role", detail, nic=role.partition(":")[2])


def rekeyed(observed: Resources, roles: Mapping[str, str]) -> Resources:
    """The same set with roles for handles, in keys, in masters and in lower links."""
    found: Resources = {}
    for key, value in observed.items():
        role = roles.get(key.owner)
        if key.kind == "link" and role is not None and role in value.further_marks:
            value = marked(value, value.marks, role)  # noqa: PLW2901
        if key.kind == "link" and (value.master in roles or value.lower in roles):
            master, lower = (roles.get(handle, handle) for handle in (value.master, value.lower))
            value = replace(value, master=master, lower=lower)  # noqa: PLW2901
        found[key if role is None else Key(key.kind, role, key.name)] = value
    return found


_OURS = frozenset(("table", "set", "element", "chain", "fact", "process", "kubevirt"))
"""Kinds of which only what is ours to change is ever read."""


def scope(taken_over: Collection[str] = (), captured: Collection[Key] = ()) -> Scope:
    """The predicate that says what converge may delete when no document wants it.

    `taken_over`: roles of pod links whose addresses and routes a binding takes (or has taken) from the pod; `captured`: what
    facts say about them. A pod link itself is never deleted, and sysctls and virtual functions cannot be: only desired ones are
    ever compared.
    """

    def in_scope(key: Key, value: Attributes) -> bool:
        if key.kind in _OURS:
            return True
        if key.kind in ("sysctl", "vf") or key.owner.startswith("#") or key.owner in ("", route.NO_LINK):
            return False
        if key.owner.startswith(POD_LINK) and (key.kind == "link" or key.owner not in taken_over):
            return False
        return key.kind == "link" or key in captured or not _kernels_own(key, value)

    return in_scope


def _kernels_own(key: Key, value: Attributes) -> bool:
    """Link-local addresses, their prefix routes and what router advertisements taught come and go without us."""
    return (
        key.name.startswith("fe80:")
        or (key.kind == "route" and value.protocol == "ra")
        or (key.kind == "address" and value.dynamic and ":" in key.name)
    )
