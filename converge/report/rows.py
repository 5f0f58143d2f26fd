"""One change, as the words of one line (and the lines below it that a chain's rules take). Made from its JSON value only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from converge.report import Json
from converge.report.attributes import differences

SYMBOLS = {"create": "+", "update": "~", "delete": "-"}
REPLACE = "-/+"
SCOPES = {200: "site", 253: "link", 254: "host"}
"""What the kernel calls the scopes of addresses (rtnetlink.h); 0 is global."""


@dataclass(frozen=True, slots=True)
class Row:
    """`phrases` are what may be broken onto further lines; `below`: a symbol and a text each."""

    symbol: str
    action: str
    title: str
    phrases: tuple[str, ...]
    nic: str
    source: str
    below: tuple[tuple[str, str], ...] = ()


def row(change: Json) -> Row:
    title, place = TITLES[change["kind"]](_rest(change["address"]))
    before, after = change["before"], change["after"]
    if change["action"] == "update":
        phrases = tuple(_differing(change["kind"], before, after))
    else:
        phrases = tuple(_whole(change["kind"], before if after is None else after))
    return Row(
        symbol=REPLACE if change.get("replace") else SYMBOLS[change["action"]],
        action=change["action"],
        title=title,
        phrases=tuple(filter(None, (place, *phrases))),
        nic=change["nic"] or "",
        source=(change["source"] or "").rpartition(":")[0],
        below=tuple(_rules(before, after)) if change["kind"] in ("chain", "kubevirt") else (),
    )


# ------------------------------------------------------------------------------------------------- title and place


def _rest(address: str) -> str:
    return address.partition("/")[2]


def _address(rest: str) -> tuple[str, str]:
    link, _, name = rest.partition("/")
    return f"address {name}", f"dev {link}"


def _route(rest: str) -> tuple[str, str]:
    """`eth0/::1/128/table/255/metric/2048`: link, prefix, length, then words and numbers."""
    link, prefix, length, *words = rest.split("/")
    told = " ".join(words).replace("table 255", "table local")
    return f"route {prefix}/{length} {told}".rstrip(), f"dev {link}"


def _element(rest: str) -> tuple[str, str]:
    set_name, _, name = rest.partition("/")
    return f"nft element @{set_name}", name.replace(".", " . ", 1)


def _theirs(rest: str) -> tuple[str, str]:
    family, table, chain = rest.split("/")
    return f"nft chain {chain}", f"KubeVirt's rules in table {family} {table}"


def _function(rest: str) -> tuple[str, str]:
    parent, _, number = rest.rpartition("/")
    return f"vf {number}", f"dev {parent}"


def _process(rest: str) -> tuple[str, str]:
    program, _, link = rest.partition("/")
    return f"process {program}", f"dev {link}"


def _fact(rest: str) -> tuple[str, str]:
    owner, slash, text = rest.partition("/")
    return (f"fact {owner}", text) if slash else ("fact", owner)


def _named(kind: str) -> Callable[[str], tuple[str, str]]:
    return lambda rest: (f"{kind} {rest}", "")


TITLES: dict[str, Callable[[str], tuple[str, str]]] = {
    "kubevirt": _theirs,
    "table": _named("nft table"),
    "set": _named("nft set"),
    "chain": _named("nft chain"),
    "element": _element,
    "fact": _fact,
    "link": _named("link"),
    "vf": _function,
    "address": _address,
    "route": _route,
    "sysctl": _named("sysctl"),
    "process": _process,
}


# ------------------------------------------------------------------------------------- a resource that comes or goes


def _whole(kind: str, value: Json) -> Iterator[str]:
    if kind == "link":
        yield from _link(value)
    elif kind == "sysctl":
        yield value["value"]
    elif kind == "route":
        yield from _way(value)
    elif kind == "chain" and value["hook"]:
        hook = value["hook"]
        yield f"{hook['type']} hook {hook['hook']} priority {hook['priority']}"
    elif kind == "kubevirt":
        return
    else:
        yield from _flags(value)


def _link(value: Json) -> Iterator[str]:
    yield "tap" if value["tap"] else value["kind"]
    if value["mac"]:
        yield f"mac {value['mac']}"
    yield f"mtu {value['mtu']}"
    yield "up" if value["up"] else "down"
    yield from _flags({name: value[name] for name in ("master", "lower", "mode")})
    if value["tap"]:
        yield from _flags({name: value["tap"][name] for name in ("owner", "group", "multi_queue")})


def _way(value: Json) -> Iterator[str]:
    words = {"via": value["gateway"], "src": value["source"], "proto": value["protocol"]}
    if value["type"] != "unicast":
        yield value["type"]
    if value["scope"] != "global":
        words["scope"] = value["scope"]
    yield from _flags({**words, "onlink": value["onlink"], **dict(value["metrics"])})
    if value["other"]:
        yield f"attributes {' '.join(map(str, value['other']))}"


def _flags(value: Json) -> Iterator[str]:
    """Attributes that say something: a flag that is set as its name, the rest as name and value."""
    for name, given in value.items():
        if given is True:
            yield name
        elif given or (given == 0 and given is not False and name in ("owner", "group")):
            yield f"{name} {_word(name, given)}"


# ------------------------------------------------------------------------------------------- a resource that differs


def _differing(kind: str, before: Json, after: Json) -> Iterator[str]:
    if kind == "chain":
        before, after = ({name: value[name] for name in value if name != "rules"} for value in (before, after))
    if kind == "vf":
        before, after = ({**value, "marks": ",".join(value["marks"]) or None} for value in (before, after))
    if before == after:
        return
    for path, old, new in differences(before, after):
        name = "" if path in ("up", "value") else f"{path} "
        yield f"{name}{_word(path, old)} → {_word(path, new)}"


def _word(path: str, value: Any) -> str:
    if path == "up":
        return "up" if value else "down"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return " ".join(f"{name} {_word(name, each)}" for name, each in value.items())
    if path == "scope":
        return SCOPES.get(value, str(value))
    return "none" if value is None else str(value)


def _rules(before: Json | None, after: Json | None) -> Iterator[tuple[str, str]]:
    """Rules that come and go; those that stay are not repeated."""
    old = before["rules"] if before else []
    new = after["rules"] if after else []
    if not old or not new:
        yield from (("-", rule) for rule in old)
        yield from (("+", rule) for rule in new)
        return
    from difflib import SequenceMatcher

    for what, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            yield from (("-", rule) for rule in old[start:end])
            yield from (("+", rule) for rule in new[new_start:new_end])
