"""Resources as plain lists and mappings; `reading` is the way back. A row is [kind, owner, name, attributes] without defaults.

Driven by the fields of the kinds' own dataclasses, so that a new attribute is spelled without a line here. Links are called by
their names, not by their ifindex; the ifindex stands with the link once, because facts name it. Left out is what changes without
anybody's doing (remaining lifetimes that a router keeps renewing) and what is nobody else's business: a server's pid and its
configuration, but for one line; its digest stands for the rest. The order is the kernel's, since the order of addresses means
something; elements, which a hash table orders, are sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any

from converge.model import Attributes, Key, Resources
from converge.resources import KINDS, address, chain, element, fact, kubevirt, link, nftset, process, route, sysctl, table, vf

CLASSES: Mapping[str, type[Any]] = {
    "table": table.Table,
    "set": nftset.NftSet,
    "element": element.Element,
    "chain": chain.Chain,
    "fact": fact.Fact,
    "link": link.Link,
    "address": address.Address,
    "sysctl": sysctl.Sysctl,
    "route": route.Route,
    "process": process.Process,
    "kubevirt": kubevirt.Rules,
    "vf": vf.Vf,
}
ON_LINKS = frozenset(("link", "address", "route", "sysctl", "vf"))
"""Kinds whose owner is a link's handle."""
ORDER = ("link", "address", "route", "sysctl", "vf", *(kind for kind in KINDS if kind not in ON_LINKS))
HANDLES = {("link", "master"), ("route", "hops")}
LEFT_OUT = {("process", "pid"), ("address", "order")}
"""`order` is where an address stands."""

UNDECODED = {number: 0x100000 + number for number in range(0xDC80, 0xDD00)}
"""Bytes of a name that are no text are surrogates here, which YAML cannot hold; there they are characters for private use."""

Plain = Any  # str, int, bool, None, list or dict of these
Row = tuple[str, str, str, dict[str, Plain]]


# ------------------------------------------------------------------------------------------------------- writing


def rows(resources: Resources) -> Iterator[Row]:
    """Every resource, kinds in the order in which people look for them."""
    words = _words_of_links(resources)
    by_kind = {kind: [key for key in resources if key.kind == kind] for kind in ORDER}
    by_kind["element"].sort()
    for key in (key for kind in ORDER for key in by_kind[kind]):
        value = resources[key]
        owner = words.get(key.owner, key.owner) if key.kind in ON_LINKS else key.owner
        yield key.kind, owner, key.name, _attributes(key, steady(key, value), words)


def steady(key: Key, value: Attributes) -> Attributes:
    """Without what a router's next advertisement changes, since no plan writes such an address down; and of a configuration
    nothing but the line that decides what a server has to wait for.
    """
    if key.kind == "process":
        return replace(value, config="" if value.answers_everybody else process.KNOWN_ONLY, pid=0)
    if key.kind == "address" and value.dynamic and ":" in key.name:
        return replace(value, valid=0, preferred=0)
    return value


def _words_of_links(resources: Resources) -> dict[str, str]:
    """What links are called by, by handle: the name, unless it would be read as a handle."""
    links = ((key.owner, value.name) for key, value in resources.items() if key.kind == "link")
    return {handle: name for handle, name in links if name != route.NO_LINK and not name.startswith("#")}


def _attributes(key: Key, value: Attributes, words: Mapping[str, str]) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for field in fields(value):
        given = getattr(value, field.name)
        if (key.kind, field.name) in LEFT_OUT or given == _default(field):
            continue
        if (key.kind, field.name) in HANDLES:
            given = tuple(words.get(each, each) for each in given) if isinstance(given, tuple) else words.get(given, given)
        if (key.kind, field.name) != ("link", "name") or words.get(key.owner) != given:
            found[field.name] = _plain(given)
    return found


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _plain(value: Any) -> Plain:
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a statement of a rule: its last words may be empty
        words = [str(word) for word in value]
        while words and not words[-1]:
            words.pop()
        return words
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name) != _default(field)
        }
    return value
