"""How a resource is spelled as a fact, and read back: a kind, a name, then words with values, as `ip` would print them.

default link eth0 ifindex 2 mac 0a:58:0a:f4:01:05 mtu 1450
default addr 10.244.1.5/24 brd 10.244.1.255
default route 0.0.0.0/0 via 10.244.1.1 proto boot
pod sysctl net.ipv4.conf.all.arp_ignore 0
fast vf 3 dev enp65s0f0 ifindex 7 mac 02:00:00:00:00:03 vlan 0 spoofchk on trust off state auto
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from converge.model import Attributes, Key
from converge.resources.address import Address
from converge.resources.fact import NO_FACT, VERSION, Fact
from converge.resources.link import Link
from converge.resources.route import METRIC_WORDS, Route
from converge.resources.route import name as route_name
from converge.resources.route import parsed as route_parsed
from converge.resources.sysctl import Sysctl
from converge.resources.vf import Vf, merged, read_words, told
from converge.resources.vf import words as vf_words
from converge.resources.wire import interface

POD = "pod"
"""The owner word of what belongs to the whole pod."""


def facts(resources: Iterable[tuple[Key, Attributes]]) -> Iterator[tuple[Key, Fact]]:
    """The facts that say that these resources, of a pod link or pod-wide, were so; in the order given."""
    items = list(resources)
    numbers = Counter((key.kind, key.owner) for key, _ in items)
    for order, (key, value) in enumerate(items, 1):
        owner = value.nic if key.kind == "vf" else key.owner.removeprefix("pod:") or POD
        words = [*_SPELL[key.kind](key, value)]
        if key.kind == "link":
            words += ["addrs", str(numbers["address", key.owner]), "routes", str(numbers["route", key.owner])]
        yield Key("fact", owner, " ".join(words)), Fact(order=order)


def read(texts: Iterable[Key]) -> tuple[dict[Key, Attributes], list[Key], set[str]]:
    """The resources that facts describe, in order; the facts that cannot be understood; and the NICs of whose addresses or routes
    fewer are there than the fact about their link says.
    """
    known: dict[Key, Attributes] = {}
    strange: list[Key] = []
    promised: dict[tuple[str, str], int] = {}
    for fact in texts:
        if fact in (VERSION, NO_FACT):
            continue
        kind, _, rest = fact.name.partition(" ")
        owner = "" if fact.owner == POD else f"pod:{fact.owner}"
        try:
            key, value = _READ[kind](owner, rest.split(" "))
        except (KeyError, ValueError, IndexError):
            strange.append(fact)
            continue
        if isinstance(value, Vf) and key in known:
            value = merged(known[key], value)
        known[key] = replace(value, order=len(known)) if isinstance(value, Address) else value
        if kind == "link":
            words = _words(rest.split(" ")[1:])
            promised.update({("address", owner): int(words.get("addrs", 0)), ("route", owner): int(words.get("routes", 0))})
    numbers = Counter((key.kind, key.owner) for key in known)
    short = {owner.removeprefix("pod:") for (kind, owner), number in promised.items() if numbers[kind, owner] != number}
    return _placed(known), strange, short


def _placed(known: dict[Key, Attributes]) -> dict[Key, Attributes]:
    """With what the order of the addresses implies: who is secondary to whom, and which address a route names as its source."""
    primaries: dict[tuple[str, str], str] = {}
    sources: dict[tuple[str, str], str] = {}
    for key in (key for key in known if key.kind == "address" and ":" not in key.name):
        own = interface(key.name)
        sources[key.owner, str(own.ip)] = key.name
        primary = primaries.setdefault((key.owner, str(own.network)), key.name)
        if primary != key.name:
            known[key] = replace(known[key], primary=primary)
    for key, value in known.items():
        if key.kind == "route" and (key.owner, value.source) in sources:
            known[key] = replace(value, holder=sources[key.owner, value.source])
    return known


# ------------------------------------------------------------------------------------------------------ spelling


def _spell_sysctl(key: Key, value: Sysctl) -> Iterator[str]:
    yield from ("sysctl", key.name, value.value.replace(" ", ","))
    if value.index:
        yield from ("ifindex", str(value.index))


def _spell_link(_key: Key, value: Link) -> Iterator[str]:
    yield from (
        "link",
        value.name,
        "ifindex",
        str(value.index),
        "kind",
        value.kind or "none",
        "mac",
        str(value.mac),
        "mtu",
        str(value.mtu),
    )
    if not value.up:
        yield "down"


def _spell_address(key: Key, value: Address) -> Iterator[str]:
    yield from ("addr", key.name)
    for word, given in (
        ("brd", value.broadcast),
        ("peer", value.peer),
        ("scope", value.scope),
        ("label", value.label),
        ("metric", value.metric),
    ):
        if given:
            yield from (word, str(given))
    yield from (word for word, given in (("nodad", value.nodad), ("noprefixroute", value.noprefixroute)) if given)
    if value.dynamic:
        yield from ("valid", str(value.valid), "preferred", str(value.preferred))


def _spell_route(key: Key, value: Route) -> Iterator[str]:
    destination, table, metric, tos = route_parsed(key.name)
    yield from ("route", destination)
    named = {"table": table if table != _MAIN else 0, "metric": metric, "tos": tos}
    yield from (word for name, number in named.items() if number for word in (name, str(number)))
    for word, given in (("via", value.gateway), ("src", value.source)):
        if given is not None:
            yield from (word, given)
    yield from ("proto", value.protocol)
    yield from ("scope", value.scope) if value.scope != "global" else ()
    yield from ("type", value.type) if value.type != "unicast" else ()
    yield from ("onlink",) if value.onlink else ()
    yield from (word for name, number in value.metrics for word in (name, str(number)))


def _spell_vf(key: Key, value: Vf) -> Iterator[str]:
    yield from ("vf", key.name, "dev", value.parent, "ifindex", str(value.ifindex))
    yield from (str(word) for pair in vf_words(told(value)) for word in pair)


_MAIN = 254
_SPELL: Mapping[str, Callable[[Key, Any], Iterator[str]]] = {
    "sysctl": _spell_sysctl,
    "link": _spell_link,
    "address": _spell_address,
    "route": _spell_route,
    "vf": _spell_vf,
}

# ------------------------------------------------------------------------------------------------------- reading

_FLAGS = frozenset(("down", "nodad", "noprefixroute", "onlink"))


def _words(words: list[str]) -> dict[str, str]:
    """Words with their values; a flag's value is itself. Raises ValueError where a value is missing."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        value = word if word in _FLAGS else next(rest, None)
        if value is None:
            raise ValueError(word)
        found[word] = value
    return found


def _read_sysctl(owner: str, words: list[str]) -> tuple[Key, Sysctl]:
    name, value, found = words[0], words[1], _words(words[2:])
    return Key("sysctl", owner, name), Sysctl(value.replace(",", " "), int(found.get("ifindex", 0)))


def _read_link(owner: str, words: list[str]) -> tuple[Key, Link]:
    name, found = words[0], _words(words[1:])
    kind = "" if found["kind"] == "none" else found["kind"]
    link = Link(name, kind, "down" not in found, int(found["mtu"]), found["mac"], index=int(found["ifindex"]))
    return Key("link", owner), link


def _read_address(owner: str, words: list[str]) -> tuple[Key, Address]:
    name, found = words[0], _words(words[1:])
    value = Address(
        broadcast=found.get("brd"),
        peer=found.get("peer"),
        scope=int(found.get("scope", 0)),
        label=found.get("label"),
        noprefixroute="noprefixroute" in found,
        nodad="nodad" in found,
        metric=int(found.get("metric", 0)),
        dynamic="valid" in found,
        valid=int(found.get("valid", 0)),
        preferred=int(found.get("preferred", 0)),
    )
    return Key("address", owner, str(interface(name))), value


def _read_route(owner: str, words: list[str]) -> tuple[Key, Route]:
    destination, found = words[0], _words(words[1:])
    name = route_name(destination, int(found.get("table", _MAIN)), int(found.get("metric", 0)), int(found.get("tos", 0)))
    route_parsed(name)
    value = Route(
        gateway=found.get("via"),
        protocol=found["proto"],
        scope=found.get("scope", "global"),
        type=found.get("type", "unicast"),
        source=found.get("src"),
        onlink="onlink" in found,
        metrics=tuple((word, int(number)) for word, number in found.items() if word in METRIC_WORDS),
    )
    return Key("route", owner, name), value


def _read_vf(owner: str, words: list[str]) -> tuple[Key, Vf]:
    number, found = words[0], _words(words[1:])
    ifindex = int(found["ifindex"])
    value = replace(read_words(found), parent=found["dev"], ifindex=ifindex, nic=owner.removeprefix("pod:"))
    return Key("vf", f"#{ifindex}", str(int(number))), value


_READ = {"sysctl": _read_sysctl, "link": _read_link, "addr": _read_address, "route": _read_route, "vf": _read_vf}
