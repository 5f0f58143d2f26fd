"""SR-IOV virtual functions, as their parent link shows and sets them: owner is the parent's handle, name the function's number.

A function is neither made nor deleted here: the parent's driver has as many as the node asked it for. Only those are read and
compared that a document or a fact names. A function that we program is marked by an altname of its parent,
`converge:vf:<nic>:<number>`: nothing else would tell a fact that was deleted from one that was never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from struct import Struct
from typing import Any

from converge.engine import State
from converge.model import Change, Key, Operation, Resources, Value, Vlan
from converge.resources import link_dump
from converge.resources.link import VF_MARKS, Link
from converge.resources.wire import attributes, mac, messages, native, network, repeated, text

TRANSACTION: str | None = None
PROGRAMMED = ("mac", "vlan", "spoofchk", "trust", "state")
"""What can be programmed, in the order of ip(8)."""


@dataclass(frozen=True, slots=True)
class Vf:
    """`mac` is canonical, `state` "auto", "enable" or "disable". None: the driver does not tell; in a fact: it was not captured.

    `marks` are the NICs for which it is programmed. Of the parent `parent` is the name and `ifindex` the number; `nic`: in a
    fact, the NIC for which the function was programmed.
    """

    mac: str | None = None
    vlan: Vlan | None = None
    spoofchk: bool | None = None
    trust: bool | None = None
    state: str | None = None
    marks: tuple[str, ...] = ()
    parent: str = field(default="", compare=False)
    ifindex: int = field(default=0, compare=False)
    nic: str = field(default="", compare=False)


def told(value: Vf) -> dict[str, Any]:
    """What is known of it, by name."""
    found = {name: getattr(value, name) for name in PROGRAMMED}
    return {name: given for name, given in found.items() if given is not None}


def merged(first: Vf, second: Vf) -> Vf:
    """Two facts about one function, as a kill before the old one's deletion leaves them: the first writer wins."""
    return replace(second, **told(first))


# ------------------------------------------------------------------------------------------------------ decoding

_INFO_MESSAGE = Struct("=BxHiII")
_IFLA_IFNAME, _IFLA_VFINFO_LIST, _IFLA_PROP_LIST = 3, 22, 52
_MAC, _VLAN, _SPOOFCHK, _LINK_STATE, _TRUST, _VLAN_LIST = 1, 2, 4, 5, 9, 12  # IFLA_VF_*
_STATES = ("auto", "enable", "disable")
PROTOCOLS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
_UNKNOWN = b"\xff\xff\xff\xff"
"""What a driver leaves that does not know."""


def decode(dump: bytes) -> Iterator[tuple[Key, Vf]]:
    """From RTM_NEWLINK messages that were asked for with RTEXT_FILTER_VF. Handles are "#ifindex"."""
    for _, start, end in messages(dump):
        _, _, ifindex, _, _ = _INFO_MESSAGE.unpack_from(dump, start)
        found = attributes(dump, start + 16, end)
        parent = text(found.get(_IFLA_IFNAME, b""))
        marks = marked(link_dump.altnames(found.get(_IFLA_PROP_LIST, b"")))
        for _, info in repeated(found.get(_IFLA_VFINFO_LIST, b"")):
            parts = attributes(info)
            number = native(parts[_MAC][:4])
            holders = tuple(sorted(nic for nic, each in marks if each == number))
            yield Key("vf", f"#{ifindex}", str(number)), _function(parts, holders, parent, ifindex)


def marked(altnames: Iterable[str]) -> list[tuple[str, int]]:
    """NIC and number of each function that a parent's altnames say is programmed. What was not made by us is no mark."""
    parts = (name[len(VF_MARKS) :].rpartition(":") for name in altnames if name.startswith(VF_MARKS))
    return [(nic, int(number)) for nic, _, number in parts if nic and number.isascii() and number.isdigit()]


def _function(parts: Mapping[int, bytes], marks: tuple[str, ...], parent: str, ifindex: int) -> Vf:
    state = parts.get(_LINK_STATE)
    return Vf(
        mac=mac(parts[_MAC][4:10]),
        vlan=_vlan(parts),
        spoofchk=_switch(parts.get(_SPOOFCHK)),
        trust=_switch(parts.get(_TRUST)),
        state=_STATES[native(state[4:8])] if state is not None and native(state[4:8]) < len(_STATES) else None,
        marks=marks,
        parent=parent,
        ifindex=ifindex,
    )


def _switch(value: bytes | None) -> bool | None:
    return None if value is None or value[4:8] == _UNKNOWN else bool(native(value[4:8]))


def _vlan(parts: Mapping[int, bytes]) -> Vlan | None:
    """The list has the protocol as well; kernels before 4.9 have only the other attribute."""
    listed = [value for _, value in repeated(parts.get(_VLAN_LIST, b""))]
    if listed:
        number = network(listed[0][12:14])
        protocol = _PROTOCOL_NAMES.get(number) or (f"{number:#06x}" if number else "802.1Q")
        return canonical(Vlan(native(listed[0][4:8]), native(listed[0][8:12]), protocol))
    plain = parts.get(_VLAN)
    return None if plain is None else canonical(Vlan(native(plain[4:8]), native(plain[8:12])))


def canonical(vlan: Vlan) -> Vlan:
    """No tag at all has no protocol either: drivers keep the last one, and start with none."""
    return Vlan(0) if vlan.id == 0 and vlan.qos == 0 else vlan


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(_key: Key, value: Vf, among: Resources) -> Iterator[Key]:
    """Every fact, as long as it is programmed: what a plan overwrites is written down before."""
    if value.marks:
        yield from (other for other in among if other.kind == "fact")


def within(key: Key, _value: Vf) -> Key | None:
    return Key("link", key.owner)


def claims(key: Key, value: Vf) -> Iterable[str]:
    return (_altname(nic, key) for nic in value.marks)


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _value: Vf, names: Mapping[str, str]) -> str:
    return f"{names.get(key.owner, key.owner)}/{key.name}"


def operations(change: Change, state: State) -> Sequence[Operation]:
    """Its mark, then one message with all that differs; a mark that goes is taken off last."""
    before: Vf | None = change.before
    after_: Vf | None = change.after
    link: Link | None = state.get(Key("link", change.key.owner))
    if before is None or after_ is None or link is None:
        return ()
    come = [_mark("add", nic, change.key, link) for nic in after_.marks if nic not in before.marks]
    gone = [_mark("del", nic, change.key, link) for nic in before.marks if nic not in after_.marks]
    differing = {name: value for name, value in told(after_).items() if getattr(before, name) != value}
    setting = Operation("link set", change.key, (("dev", link.name), ("vf", int(change.key.name)), *words(differing)))
    return (*come, setting, *gone) if differing else (*come, *gone)


def words(wanted: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """As ip(8) takes them, by the names of Vf."""
    for name in PROGRAMMED:
        if name not in wanted:
            continue
        value = wanted[name]
        if isinstance(value, Vlan):
            yield "vlan", value.id
            yield from (("qos", value.qos),) if value.qos else ()
            yield from (("proto", value.protocol),) if value.protocol != "802.1Q" else ()
        else:
            yield name, value if isinstance(value, str) else "on" if value else "off"


def read_words(found: Mapping[str, Value]) -> Vf:
    """The function that such words tell of. Raises KeyError or ValueError for what no version has written."""
    vlan = Vlan(int(found["vlan"]), int(found.get("qos", 0)), str(found.get("proto", "802.1Q"))) if "vlan" in found else None
    return Vf(
        mac=str(found["mac"]) if "mac" in found else None,
        vlan=vlan,
        spoofchk=_ON[str(found["spoofchk"])] if "spoofchk" in found else None,
        trust=_ON[str(found["trust"])] if "trust" in found else None,
        state=_STATES[_STATES.index(str(found["state"]))] if "state" in found else None,
    )


_ON = {"on": True, "off": False}


def _altname(nic: str, key: Key) -> str:
    return f"{VF_MARKS}{nic}:{key.name}"


def _mark(verb: str, nic: str, key: Key, link: Link) -> Operation:
    return Operation(f"link property {verb}", key, (("dev", link.name), ("altname", _altname(nic, key))))


# ---------------------------------------------------------------------------------------------------------- effects


def effect(operation: Operation, state: State) -> str | None:
    key, given = operation.key, dict(operation.arguments)
    link: Link | None = state.get(Key("link", key.owner))
    value: Vf | None = state.get(key)
    if link is None or link.name != given["dev"]:
        return f'Cannot find device "{given["dev"]}"'
    if value is None:
        return "Invalid argument"
    if operation.call == "link set":
        state.put(key, replace(value, **told(read_words(given))))
        return None
    return _renamed(operation, value, link, state)


def _renamed(operation: Operation, value: Vf, link: Link, state: State) -> str | None:
    """Altnames and names share one space in a namespace."""
    key = operation.key
    name = str(dict(operation.arguments)["altname"])
    nic = name[len(VF_MARKS) :].rpartition(":")[0]
    if operation.call == "link property add":
        if any(name == other.name or name in other.altnames for _, other in state.of("link")):
            return "File exists"
        marks, altnames = (*value.marks, nic), (*link.altnames, name)
    else:
        if nic not in value.marks:
            return "Invalid argument"
        marks = tuple(each for each in value.marks if each != nic)
        altnames = tuple(each for each in link.altnames if each != name)
    state.put(key, replace(value, marks=tuple(sorted(marks))))
    state.put(Key("link", key.owner), replace(link, altnames=altnames))
    return None
