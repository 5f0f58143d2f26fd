"""A picture of a pod's wiring as a Mermaid flowchart: what is and what will be, drawn over each other.

    network - pod link - bridge - tap - guest NIC, or what a binding has in place of that: a macvtap, a function, a program

The graph of each of the two sets is made by one function from the resources alone; what is in one only has come or goes. Each
mark is a colour and a word. Names are untrusted: all but plain ASCII is written as Mermaid's entities (`#124;`), so no name can
end a label, a line or the fence around the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface

from converge.explain import settled
from converge.model import GuestNetwork, Key, Nic, Resources, Result
from converge.report.style import shown
from converge.resources.chain import CAPTURED
from converge.resources.link import Link
from converge.resources.vf import Vf

CLASSES = {
    "added": "fill:#dafbe1,stroke:#1a7f37,stroke-width:3px,color:#111",
    "changed": "fill:#fff8c5,stroke:#9a6700,stroke-width:3px,color:#111",
    "removed": "fill:#ffebe9,stroke:#cf222e,stroke-width:3px,stroke-dasharray:5 5,color:#111",
}
PLAIN = re.compile(r"(?!style|classDef)[A-Za-z0-9_,:/()=@]|[ ](?! )|[.-](?! )")
"""Characters of a label that stay: no list or other Markdown comes of them, which Mermaid would read in a label. The two words
it looks for in every line, and takes the semicolon of an entity for theirs.
"""
STROKE = re.compile(r"stroke:#\w+")
"""All that is said of an edge: its text stands on the page, which may be dark."""
LONGEST = 60
"""Characters of a name or an address in a label."""
MOST_ADDRESSES, MOST_PORTS, MOST_EDGES = 3, 6, 500
"""Mermaid draws no picture of more than 500 edges (`maxEdges`, which a picture may not change)."""
NFT = ("table", "set", "element", "chain")


@dataclass(slots=True)
class _Graph:
    """`nodes`: lines of a label by identity, and what else of a node can change; `edges`: phrases by pair."""

    nodes: dict[str, tuple[tuple[str, ...], object]] = field(default_factory=dict)
    edges: dict[tuple[str, str], tuple[tuple[str, ...], object]] = field(default_factory=dict)

    def join(self, one: str, other: str, *phrases: str, also: object = None) -> None:
        if one in self.nodes and other in self.nodes:
            self.edges[(one, other)] = (phrases, also)


def wiring(result: Result) -> list[str]:
    """Lines of a flowchart, without a fence. Empty where there is no NIC to be drawn, or so many that nobody can draw them."""
    before, after = result.observed, settled(result.observed, result.plan)
    both = before, after
    names = tuple(dict.fromkeys((*(nic.name for nic in result.document.nics), *_wired(both))))
    functions = frozenset(key for seen in both for key, value in seen.items() if key.kind == "vf" and value.marks)
    old, new = (_graph(seen, result.document, names, functions) for seen in both)
    if not old.nodes and not new.nodes:
        return []
    for nic in result.document.nics:
        if f"guest:{nic.name}" not in {*old.nodes, *new.nodes}:
            _by_others(old, nic)
            _by_others(new, nic)
    edges = list(_edges(old, new))
    return ["flowchart LR", *_nodes(old, new), *edges, *_classes(old, new)] if len(edges) <= MOST_EDGES else []


def label(text: str) -> str:
    """Untrusted text as a part of a quoted label."""
    line = shown(text)
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    parts = (line[at] if PLAIN.match(line, at) else f"#{ord(line[at])};" for at in range(len(line)))
    return "".join(parts)


def _wired(both: Iterable[Resources]) -> list[str]:
    roles = (key.owner.partition(":") for seen in both for key in seen if key.kind in ("link", "process"))
    return sorted({nic for _, colon, nic in roles if colon})


# ---------------------------------------------------------------------------------------------------- one set, drawn


def _graph(seen: Resources, document: GuestNetwork, names: Iterable[str], functions: frozenset[Key]) -> _Graph:
    graph = _Graph()
    links = {key.owner: value for key, value in seen.items() if key.kind == "link"}
    known = {nic.name: nic for nic in document.nics}
    for name in names:
        if name in known:
            graph.nodes[f"network:{name}"] = (_network(known[name]), None)
        roles = [role for role in (f"{part}:{name}" for part in ("pod", "standin", "bridge", "tap", "macvtap")) if role in links]
        graph.nodes |= {role: _link(role, links[role], seen) for role in roles}
        graph.join(f"network:{name}", f"pod:{name}")
        _guest(graph, seen, name, known.get(name), functions)
        _between(graph, seen, links, name)
    return graph


def _network(nic: Nic) -> tuple[str, ...]:
    kind = {"pod": "pod network", "multus": "Multus network", "resourceClaim": "resource claim"}[nic.network.kind]
    return kind, nic.network.multus_name or nic.network.name


def _link(role: str, link: Link, seen: Resources) -> tuple[tuple[str, ...], object]:
    part = role.partition(":")[0]
    kind = "tap" if link.tap else link.kind or "link"
    what = {"pod": f"pod link, {kind}", "standin": f"stand-in, {kind}"}.get(part, kind)
    held = [key.name for key in seen if key.kind == "address" and key.owner == role and not _link_local(key.name)]
    more = [f"and {len(held) - MOST_ADDRESSES} more addresses"] if len(held) > MOST_ADDRESSES else []
    state = f"mtu {link.mtu}" if link.up else f"mtu {link.mtu}, down"
    visible = replace(link, master=None, mark=None, further_marks=(), port=None)
    return (link.name, what, state, *held[:MOST_ADDRESSES], *more), (visible, tuple(held))


def _link_local(name: str) -> bool:
    return ip_interface(name).is_link_local


def _between(graph: _Graph, seen: Resources, links: dict[str, Link], name: str) -> None:
    """Links that lie on or in one another, and those between which the rules carry packets."""
    pod, bridge, macvtap = f"pod:{name}", f"bridge:{name}", f"macvtap:{name}"
    for role in (pod, f"tap:{name}"):
        if role in links and links[role].master is not None:
            graph.join(*((role, bridge) if role == pod else (bridge, role)))
    graph.join(pod, macvtap, f"mode {links[macvtap].mode}" if macvtap in links else "")
    graph.join(pod, f"standin:{name}", "its place in the pod")
    if (pod, bridge) in graph.edges or f"standin:{name}" in links:
        return
    rules = {key: value for key, value in seen.items() if key.kind in NFT and (key.kind, key.name) != ("chain", CAPTURED)}
    if any(key.kind == "chain" for key in rules):
        graph.join(pod, bridge, "NAT", *_ports(rules), also=rules)


def _ports(rules: Iterable[Key]) -> list[str]:
    return [key.name.replace(" . ", " ") for key in rules if key.kind == "element" and key.owner == "ports"]


def _guest(graph: _Graph, seen: Resources, name: str, nic: Nic | None, functions: frozenset[Key]) -> None:
    """What the guest's NIC is plugged into."""
    guest = f"guest:{name}"
    ends: list[tuple[str, str]] = [(role, "") for role in (f"tap:{name}", f"macvtap:{name}") if role in graph.nodes]
    for key in sorted(functions & seen.keys()):
        value = seen[key]
        if name in value.marks or (nic is not None and _asked(value, key, nic)):
            graph.nodes[f"vf:{key.owner}:{key.name}"] = _function(key, value)
            graph.join(f"pod:{name}", f"vf:{key.owner}:{key.name}")
            ends.append((f"vf:{key.owner}:{key.name}", "device"))
    programs = {key.name: value for key, value in seen.items() if key.kind == "process" and key.owner.partition(":")[2] == name}
    if "passt" in programs:
        graph.nodes[f"process:{name}"] = (("passt", "process"), programs["passt"])
        graph.join(f"pod:{name}", f"process:{name}")
        ends.append((f"process:{name}", "socket"))
    if ends:
        graph.nodes[guest] = _guest_node(name)
    dhcp = programs.get("dnsmasq")
    for end, phrase in ends:
        graph.join(end, guest, *filter(None, (phrase, "DHCP" if dhcp else "")), also=dhcp)


def _guest_node(name: str) -> tuple[tuple[str, ...], object]:
    return ("guest", f"NIC {name}"), None


def _by_others(graph: _Graph, nic: Nic) -> None:
    """Between pod and guest is nothing that is seen here: a VMM's own passt, a device that was given away."""
    binding, guest, pod = nic.plugin or nic.binding, f"guest:{nic.name}", f"pod:{nic.name}"
    graph.nodes[guest] = _guest_node(nic.name)
    if pod in graph.nodes:
        graph.join(pod, guest, binding)
    else:
        graph.join(f"network:{nic.name}", guest, binding, "not seen in the pod")


def _asked(value: Vf, key: Key, nic: Nic) -> bool:
    """Not programmed yet, or no more: by what the document names."""
    said = nic.virtual_function
    return said is not None and not value.marks and str(said.index) == key.name


def _function(key: Key, value: Vf) -> tuple[tuple[str, ...], object]:
    lines = [f"virtual function {key.name}", *([f"of {value.parent}"] if value.parent else [])]
    lines += [f"mac {value.mac}"] if value.mac else []
    lines += [f"vlan {value.vlan.id}"] if value.vlan else []
    return tuple(lines), value


# -------------------------------------------------------------------------------------------- one drawn over the other


def _state(old: object, new: object) -> str:
    if old == new:
        return ""
    return "added" if old is None else "removed" if new is None else "changed"


def _numbers(old: _Graph, new: _Graph) -> dict[str, str]:
    return {role: f"n{number}" for number, role in enumerate(dict.fromkeys((*new.nodes, *old.nodes)))}


def _pairs(old: _Graph, new: _Graph) -> list[tuple[str, str]]:
    """The edges in the order in which Mermaid counts them."""
    return list(dict.fromkeys((*new.edges, *old.edges)))


def _nodes(old: _Graph, new: _Graph) -> Iterator[str]:
    for role, number in _numbers(old, new).items():
        state = _state(old.nodes.get(role), new.nodes.get(role))
        lines, _ = new.nodes.get(role) or old.nodes[role]
        text = "<br/>".join([*map(label, lines), *([state.upper()] if state else [])])
        first, last = (
            ("([", "])")
            if role.startswith(("network:", "guest:"))
            else ("{{", "}}")
            if role.startswith("process:")
            else ("[", "]")
        )
        yield f'  {number}{first}"{text}"{last}'


def _edges(old: _Graph, new: _Graph) -> Iterator[str]:
    numbers = _numbers(old, new)
    for pair in _pairs(old, new):
        before, after = old.edges.get(pair), new.edges.get(pair)
        state = _state(before, after)
        words = list(_phrases((before or after or ((),))[0], (after or before or ((),))[0]))
        words += [state.upper()] if state else []
        line = "-.-" if state == "removed" else "===" if state else "---"
        text = f'|"{"<br/>".join(words)}"|' if words else ""
        yield f"  {numbers[pair[0]]} {line}{text} {numbers[pair[1]]}"


def _phrases(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    """Those that differ first, each with its word: there may be many ports."""
    told = [f"{label(each)} added" for each in after if each not in before]
    told += [f"{label(each)} removed" for each in before if each not in after]
    same = [label(each) for each in after if each in before and each]
    told = [*same[:1], *told, *same[1:]]
    yield from filter(None, told[: MOST_PORTS + 1])
    if len(told) > MOST_PORTS + 1:
        yield f"and {len(told) - MOST_PORTS - 1} more"


def _classes(old: _Graph, new: _Graph) -> Iterator[str]:
    numbers = _numbers(old, new)
    for name, style in CLASSES.items():
        members = [numbers[role] for role in numbers if _state(old.nodes.get(role), new.nodes.get(role)) == name]
        if members:
            yield f"  classDef {name} {style}"
            yield f"  class {','.join(members)} {name}"
    states = [_state(old.edges.get(pair), new.edges.get(pair)) for pair in _pairs(old, new)]
    for name, style in CLASSES.items():
        if name in states:
            numbered = ",".join(str(number) for number, state in enumerate(states) if state == name)
            yield f"  linkStyle {numbered} {STROKE.findall(style)[0]}"
