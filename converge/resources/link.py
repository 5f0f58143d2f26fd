"""Links (RTM_*LINK), with what bridges, bridge ports, taps and macvtaps have of their own.

Identity is the role (the handle in the key); the name is an attribute, so a renamed link is updated and never made anew. Whatever
of a link is the kernel's or a VMM's own business is not decoded: carrier, operstate, a tap's random MAC and its `pi` and
`one_queue` flags, which change when a VMM opens it. Effects: reference kernel-effects.md section 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from converge.engine import State
from converge.model import Change, Key, Operation, Resources, Value
from converge.resources import address as addresses
from converge.resources import process, sysctl

TRANSACTION: str | None = None
MARK = "converge:"
"""Altnames with this prefix are owner marks. A colon cannot stand in a link's own name."""
VF_MARKS = MARK + "vf:"
"""Those of a link's virtual functions, which say nothing of the link itself (see vf)."""


@dataclass(frozen=True, slots=True)
class Tap:
    """Who may open it (numeric ids, None: anybody with CAP_NET_ADMIN) and whether it takes several queues."""

    owner: int | None
    group: int | None
    multi_queue: bool


@dataclass(frozen=True, slots=True)
class Bridge:
    """Options that change which frames a bridge forwards."""

    stp: bool = False
    vlan_filtering: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """Bridge port options. The kernel puts them back to these defaults whenever the master changes."""

    learning: bool = True
    hairpin: bool = False
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """`kind` is IFLA_INFO_KIND ("bridge", "tun", "veth", "" for lo). `mtu` is in bytes. `master` is a handle. `mark` is a role;
    `further_marks` are those that somebody else has put on it, where it has several.

    `lower` is the handle of the link that a macvtap lies on, None where that is in another namespace; `mode` is the macvtap's.
    `index` and `altnames` (those that are no mark) are what the kernel or others chose: seen by the simulation, never compared.
    """

    name: str
    kind: str
    up: bool
    mtu: int
    mac: str | None = None
    master: str | None = None
    mark: str | None = None
    tap: Tap | None = None
    bridge: Bridge | None = None
    port: Port | None = None
    further_marks: tuple[str, ...] = ()
    lower: str | None = None
    mode: str = ""
    index: int = field(default=0, compare=False)
    altnames: tuple[str, ...] = field(default=(), compare=False)

    @property
    def marks(self) -> tuple[str, ...]:
        return () if self.mark is None else (self.mark, *self.further_marks)


def marked(link: Link, marks: Iterable[str], role: str) -> Link:
    """The link with these marks: that of its role first, all others as further ones."""
    ordered = tuple(sorted(marks, key=lambda mark: mark != role))
    return replace(link, mark=ordered[0] if ordered else None, further_marks=ordered[1:])


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, link: Link, among: Resources) -> Iterator[Key]:
    """Its bridge. And, for a link that we mark, every fact: what a plan destroys is written down before."""
    if link.master is not None:
        yield Key("link", link.master)
    if link.mark is not None:
        yield from (other for other in among if other.kind == "fact")


def within(_key: Key, link: Link) -> Key | None:
    return None if link.lower is None else Key("link", link.lower)


def claims(key: Key, link: Link) -> Iterable[str]:
    """Its name, its marks, and what a link receives: the kernel hands that to a bridge or to macvtaps, never to both."""
    yield link.name
    yield from (MARK + mark for mark in link.marks)
    if link.master is not None or link.lower is not None:
        yield f"frames of {link.lower or key.owner}"
    if link.master is not None and link.tap is None:
        yield process.alone_on(link.master)


def address(_key: Key, link: Link, _names: Mapping[str, str]) -> str:
    return link.name


def park(change: Change, state: State) -> Operation | None:
    link: Link | None = state.get(change.key)
    if link is None:
        return None
    return Operation("link set", change.key, (("dev", link.name), ("name", f"parked{link.index}")))


def operations(change: Change, state: State) -> Sequence[Operation]:
    before: Link | None = change.before
    after_: Link | None = change.after
    if after_ is None:
        assert before is not None
        return [_delete(change.key, before)]
    if before is None:
        return _create(change.key, after_, state)
    if _fixed(before) != _fixed(after_):
        return [_delete(change.key, before), *_create(change.key, after_, state)]
    return _update(change.key, before, after_, state)


def _fixed(link: Link) -> tuple[object, ...]:
    """What a link has from its creation to its end."""
    return link.kind, link.tap is not None and link.tap.multi_queue, link.lower, link.mode


def _delete(key: Key, link: Link) -> Operation:
    return Operation("link del", key, (("dev", link.name),))


def _create(key: Key, link: Link, state: State) -> list[Operation]:
    """The link together with its mark, so that no kill can leave one that nobody owns; the rest follows as updates."""
    if link.kind == "tun" and link.tap is not None:
        made = Link(name=link.name, kind="tun", up=False, mtu=1500, tap=link.tap)
        first = Operation("tuntap add", key, (("dev", link.name), ("mode", "tap"), *_tap_words(link.tap)))
    else:
        made = replace(link, master=None, mark=None, further_marks=(), bridge=link.bridge and Bridge(), port=None)
        words: list[tuple[str, Value]] = [] if link.lower is None else [("link", _name_of(link.lower, state))]
        words += [("name", link.name)]
        words += [("address", link.mac)] if link.mac else []
        words += [("mtu", link.mtu), ("up", "") if link.up else ("down", ""), ("type", link.kind)]
        words += [("mode", link.mode)] if link.mode else []
        first = Operation("link add", key, tuple(words))
    if link.mark is None:
        return [first, *_update(key, made, link, state)]
    mark = Operation("link property add", key, (("dev", link.name), ("altname", MARK + link.mark)))
    return [Operation("create", key, parts=(first, mark)), *_update(key, replace(made, mark=link.mark), link, state)]


def _tap_words(tap: Tap) -> list[tuple[str, Value]]:
    words: list[tuple[str, Value]] = []
    words += [("user", tap.owner)] if tap.owner is not None else []
    words += [("group", tap.group)] if tap.group is not None else []
    return words + ([("multi_queue", "")] if tap.multi_queue else [])


def _update(key: Key, before: Link, after_: Link, state: State) -> list[Operation]:
    """At most one message each for: the link itself, a tap's owner, bridge options, port options, the mark."""
    found: list[Operation] = []
    if before.tap and after_.tap and before.tap != after_.tap:
        found.append(Operation("tuntap set", key, (("dev", before.name), ("mode", "tap"), *_tap_words(after_.tap))))
    words = _settings(before, after_, state)
    if before.up and before.name != after_.name and not _renames_while_up(state):
        found.append(Operation("link set", key, (("dev", before.name), ("down", ""))))
        words = [word for word in words if word[0] not in ("up", "down")] + ([("up", "")] if after_.up else [])
    if words:
        found.append(Operation("link set", key, (("dev", before.name), *words)))
    dev: tuple[str, Value] = ("dev", after_.name)
    if after_.bridge and before.bridge != after_.bridge:
        options = _changed(before.bridge or Bridge(), after_.bridge)
        found.append(Operation("link set", key, (dev, ("type", "bridge"), *((_BRIDGE_WORDS[n], int(v)) for n, v in options))))
    port = before.port if before.master == after_.master else Port()
    if after_.port and after_.port != port:
        settings = _changed(port or Port(), after_.port)
        words = [(name, "on" if value else "off") for name, value in settings]
        found.append(Operation("link set", key, (dev, ("type", "bridge_slave"), *words)))
    for verb, marks, others in (("del", before.marks, after_.marks), ("add", after_.marks, before.marks)):
        words = [("altname", MARK + mark) for mark in marks if mark not in others]
        found += [Operation(f"link property {verb}", key, (dev, word)) for word in words]
    return found


def _renames_while_up(state: State) -> bool:
    """Linux 6.2 and later. An older one wants the link down first, and with that its routes and IPv6 addresses go."""
    release = state.get(Key("sysctl", "", sysctl.RELEASE))
    numbers = [] if release is None else release.value.split(".")[:2]
    return not (len(numbers) == 2 and all(map(str.isdigit, numbers))) or tuple(map(int, numbers)) >= (6, 2)


def _settings(before: Link, after_: Link, state: State) -> list[tuple[str, Value]]:
    words: list[tuple[str, Value]] = []
    if before.name != after_.name:
        words.append(("name", after_.name))
    if after_.mac is not None and before.mac != after_.mac:
        words.append(("address", after_.mac))
    if before.mtu != after_.mtu:
        words.append(("mtu", after_.mtu))
    if before.master != after_.master:
        words.append(("nomaster", "") if after_.master is None else ("master", _name_of(after_.master, state)))
    if before.up != after_.up:
        words.append(("up" if after_.up else "down", ""))
    return words


def _name_of(handle: str, state: State) -> str:
    link: Link | None = state.get(Key("link", handle))
    return handle if link is None else link.name


_BRIDGE_WORDS = {"stp": "stp_state", "vlan_filtering": "vlan_filtering"}
_BRIDGE_FIELDS = {word: name for name, word in _BRIDGE_WORDS.items()}


def _changed(before: Bridge | Port, after_: Bridge | Port) -> list[tuple[str, bool]]:
    """The options that differ, and nothing else: a kernel may lack what nobody asked it to change."""
    names = before.__dataclass_fields__
    return [(name, getattr(after_, name)) for name in names if getattr(before, name) != getattr(after_, name)]


# ---------------------------------------------------------------------------------------------------------- effects


def effect(operation: Operation, state: State) -> str | None:
    words = dict(operation.arguments)
    if operation.call in ("link add", "tuntap add"):
        return _added(operation, words, state)
    link: Link | None = state.get(operation.key)
    if link is None or link.name != words["dev"]:
        return f'Cannot find device "{words["dev"]}"'
    return _EFFECTS[operation.call](operation.key, link, words, state)


def _taken(name: str, key: Key, state: State) -> bool:
    """Names and altnames share one space in a namespace, strangers' included."""
    return any(name == link.name or name in link.altnames for other, link in state.of("link") if other != key)


def _added(operation: Operation, words: dict[str, Value], state: State) -> str | None:
    key, name = operation.key, str(words.get("name", words.get("dev")))
    if state.get(key) is not None or _taken(name, key, state):
        return "File exists"
    if operation.call == "tuntap add":
        link = Link(name, "tun", up=False, mtu=1500, tap=_tap_of(words))
    else:
        kind = str(words["type"])
        link = Link(
            name, kind, "up" in words, int(words.get("mtu", 1500)), mac=str(words["address"]) if "address" in words else None
        )
        link = replace(link, bridge=Bridge()) if kind == "bridge" else link
        if "link" in words:
            link = replace(link, lower=_named(str(words["link"]), state), mode=str(words["mode"]))
            if (refusal := _not_carried(link, state)) is not None:
                return refusal
    state.put(key, link)
    sysctl.born(key.owner, link.mtu, state)
    return None


def _not_carried(link: Link, state: State) -> str | None:
    """Why a macvtap cannot be made on its lower link. Seen on 6.18."""
    lower: Link | None = None if link.lower is None else state.get(Key("link", link.lower))
    if lower is None:
        return "Cannot find device"
    if lower.master is not None:
        return "Device or resource busy"
    return "Invalid argument" if link.mtu > lower.mtu else None


def _carried(key: Key, state: State) -> list[tuple[Key, Link]]:
    return [(other, link) for other, link in state.of("link") if link.lower == key.owner]


def _tap_of(words: dict[str, Value]) -> Tap:
    owner, group = words.get("user"), words.get("group")
    return Tap(None if owner is None else int(owner), None if group is None else int(group), "multi_queue" in words)


def _deleted(key: Key, link: Link, _words: dict[str, Value], state: State) -> str | None:
    for other, port in state.of("link"):
        if port.master == key.owner:
            state.put(other, replace(port, master=None, port=None))
    state.remove(key)
    process.left_behind(key.owner, state)
    del link
    return None


def _set(key: Key, link: Link, words: dict[str, Value], state: State) -> str | None:
    if words.get("type") == "bridge":
        options = {_BRIDGE_FIELDS[word]: bool(value) for word, value in words.items() if word in _BRIDGE_FIELDS}
        state.put(key, replace(link, bridge=replace(link.bridge or Bridge(), **options)))
        return None
    if words.get("type") == "bridge_slave":
        if link.port is None:
            return "Operation not supported"
        settings = {word: value == "on" for word, value in words.items() if word in Port.__dataclass_fields__}
        state.put(key, replace(link, port=replace(link.port, **settings)))
        return None
    return _reconfigured(key, link, words, state)


def _reconfigured(key: Key, link: Link, words: dict[str, Value], state: State) -> str | None:
    """One RTM_NEWLINK with several attributes; refusals first, since here nothing is half done."""
    bridge = _named(str(words["master"]), state, "bridge") if "master" in words else None
    refusal = _refused(key, link, words, state) or _unbridged(key, link, bridge, words, state)
    if refusal is not None:
        return refusal
    changed: dict[str, Any] = {}
    if "name" in words:
        changed["name"] = str(words["name"])
    if "mtu" in words:
        changed["mtu"] = int(words["mtu"])
    if "address" in words:
        changed["mac"] = str(words["address"])
    if "master" in words or "nomaster" in words:
        changed.update(master=bridge, port=None if bridge is None else Port())
    if "up" in words or "down" in words:
        changed["up"] = "up" in words
    after_ = replace(link, **changed)
    state.put(key, after_)
    _follow(key, link, after_, state)
    return None


def _refused(key: Key, link: Link, words: dict[str, Value], state: State) -> str | None:
    if "name" in words and _taken(str(words["name"]), key, state):
        return "File exists"
    if "name" in words and link.up and not _renames_while_up(state):
        return "Device or resource busy"
    mtu = int(words.get("mtu", link.mtu))
    if mtu < LEAST_MTU:
        return "Invalid argument: mtu less than device minimum"
    return "Invalid argument" if "mtu" in words and mtu > _most_mtu(link, state) else None


def _unbridged(key: Key, link: Link, bridge: str | None, words: dict[str, Value], state: State) -> str | None:
    if "master" in words and bridge is None:
        return f'Device "{words["master"]}" does not exist'
    busy = bridge is not None and (link.lower is not None or bool(_carried(key, state)))
    return "Device or resource busy" if busy else None


def _most_mtu(link: Link, state: State) -> float:
    """A macvtap's is at most its lower link's; nobody else's is limited here."""
    lower: Link | None = None if link.lower is None else state.get(Key("link", link.lower))
    return float("inf") if lower is None else lower.mtu


def _named(name: str, state: State, kind: str | None = None) -> str | None:
    return next((key.owner for key, link in state.of("link") if link.name == name and kind in (None, link.kind)), None)


def _follow(key: Key, before: Link, after_: Link, state: State) -> None:
    """What addresses, routes, per-link sysctls and macvtaps do when their link has changed. A macvtap follows its lower link
    to a smaller MTU, and to nothing else.
    """
    if after_.mtu < LEAST_MTU6 <= before.mtu:
        addresses.ipv6_left(key.owner, state)
        sysctl.ipv6_left(key.owner, state)
    elif before.mtu < LEAST_MTU6 <= after_.mtu:
        sysctl.born(key.owner, after_.mtu, state, family="ipv6")
    if before.up and not after_.up:
        addresses.link_down(key.owner, state)
    if after_.up and not before.up:
        addresses.link_up(key.owner, state)
    if before.name != after_.name:
        addresses.link_renamed(key.owner, after_.name, state)
    for upper, carried in _carried(key, state) if after_.mtu < before.mtu else ():
        if carried.mtu > after_.mtu:
            shrunk = replace(carried, mtu=after_.mtu)
            state.put(upper, shrunk)
            _follow(upper, carried, shrunk, state)


def _owned(key: Key, link: Link, words: dict[str, Value], state: State) -> str | None:
    if link.tap is None:
        return "Invalid argument"
    state.put(key, replace(link, tap=replace(_tap_of(words), multi_queue=link.tap.multi_queue)))
    return None


def _marked(key: Key, link: Link, words: dict[str, Value], state: State) -> str | None:
    mark = str(words["altname"])[len(MARK) :]
    if any(mark in other.marks for _, other in state.of("link")):
        return "File exists"
    state.put(key, marked(link, (*link.marks, mark), key.owner))
    return None


def _unmarked(key: Key, link: Link, words: dict[str, Value], state: State) -> str | None:
    mark = str(words["altname"])[len(MARK) :]
    state.put(key, marked(link, [other for other in link.marks if other != mark], key.owner))
    return None


LEAST_MTU = 68
"""The least MTU of veth, tap, bridge and macvtap, in bytes."""

LEAST_MTU6 = 1280
"""Below it IPv6 leaves the link (RFC 8200 section 5)."""

_EFFECTS = {
    "link del": _deleted,
    "link set": _set,
    "tuntap set": _owned,
    "link property add": _marked,
    "link property del": _unmarked,
}
