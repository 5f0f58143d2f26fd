"""Addresses (RTM_*ADDR), and the connected routes that the kernel keeps for them.

Addresses belong to whom their link belongs and carry no mark. They are written create-or-replace, so that a wrongly predicted
effect is harmless. Link-local addresses that the kernel makes come and go with carrier; only what lies in scope compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from struct import Struct

from converge.engine import State
from converge.model import Attributes, Change, Key, Operation, Resources, Value
from converge.resources import route as routes
from converge.resources.wire import address as address_text
from converge.resources.wire import attributes, interface, messages, native, text

TRANSACTION: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """The key's name is "address/prefix length". `label` only where it differs from the link's name; `metric` is that of the
    connected route (0: the kernel's own). Never compared, because nobody asks for it: `primary`, the first address of an IPv4
    address's subnet, which takes it along when it goes; `order`, the place in the kernel's list; `valid` and `preferred`, the
    remaining lifetimes in seconds of one that is `dynamic`.
    """

    broadcast: str | None = None
    peer: str | None = None
    scope: int = 0
    label: str | None = None
    noprefixroute: bool = False
    nodad: bool = False
    metric: int = 0
    dynamic: bool = False
    primary: str | None = field(default=None, compare=False)
    order: int = field(default=0, compare=False)
    valid: int = field(default=0, compare=False)
    preferred: int = field(default=0, compare=False)

    @property
    def secondary(self) -> bool:
        return self.primary is not None


# ------------------------------------------------------------------------------------------------------ decoding

_MESSAGE = Struct("=BBBBI")  # ifaddrmsg: family, prefixlen, flags, scope, index
_CACHEINFO = Struct("=II")  # preferred, valid lifetime in seconds
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_RT_PRIORITY = 1, 2, 3, 4, 6, 8, 9
_SECONDARY, _NODAD, _PERMANENT, _NOPREFIXROUTE = 0x01, 0x02, 0x80, 0x200
_INET6 = 10


def decode(dump: bytes, names: Mapping[str, str]) -> Iterator[tuple[Key, Address]]:
    """`names`: link names by handle, to leave out labels that only repeat them."""
    primaries: dict[tuple[str, int, int], str] = {}
    for order, (_, start, end) in enumerate(messages(dump)):
        family, length, flags, scope, index = _MESSAGE.unpack_from(dump, start)
        found = attributes(dump, start + 8, end)
        owner = f"#{index}"
        peer = found[_IFA_ADDRESS]
        local = found.get(_IFA_LOCAL, peer)
        label = text(found[_IFA_LABEL]) if _IFA_LABEL in found else None
        flags = native(found[_IFA_FLAGS]) if _IFA_FLAGS in found else flags
        name, primary = f"{address_text(local)}/{length}", None
        if family != _INET6:
            subnet = owner, length, int.from_bytes(peer, "big") >> (32 - length)
            primary = primaries.setdefault(subnet, name) if flags & _SECONDARY else None
            primaries.setdefault(subnet, name)
        lifetimes = _CACHEINFO.unpack_from(found[_IFA_CACHEINFO]) if not flags & _PERMANENT else (0, 0)
        yield (
            Key("address", owner, name),
            Address(
                broadcast=address_text(found[_IFA_BROADCAST]) if _IFA_BROADCAST in found else None,
                peer=None if local == peer else address_text(peer),
                scope=scope,
                label=None if label == names.get(owner) else label,
                noprefixroute=bool(flags & _NOPREFIXROUTE),
                nodad=family == _INET6 and bool(flags & _NODAD),
                metric=native(found.get(_IFA_RT_PRIORITY, b"")),
                dynamic=not flags & _PERMANENT,
                primary=primary,
                order=order,
                preferred=lifetimes[0],
                valid=lifetimes[1],
            ),
        )


def lasting_routes(resources: Mapping[Key, Attributes]) -> Iterator[Key]:
    """The routes that the kernel keeps for those IPv6 addresses whose lifetime does not end."""
    for key, value in resources.items():
        if key.kind == "address" and ":" in key.name and not value.dynamic and not value.noprefixroute:
            found = routes.connected(key.owner, key.name, value.metric, value.peer)
            if found is not None:
                yield found[0]


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, value: Address, among: Resources) -> Iterator[Key]:
    """IPv6 must be on. The facts about its pod link come first, and so do the addresses before it in the list, so that one
    given back has its old place. The kernel appends IPv4 addresses and puts IPv6 ones in front.
    """
    yield from routes.facts_about(key.owner, among)
    version6 = ":" in key.name
    if version6:
        yield Key("sysctl", key.owner, "ipv6.disable_ipv6")
    for other, before in ((k, v) for k, v in among.items() if k.kind == "address" and k.owner == key.owner):
        if (":" in other.name) == version6 and (before.order > value.order if version6 else before.order < value.order):
            yield other


def within(key: Key, value: Address) -> Key | None:
    """A secondary address in its primary, all others in their link."""
    return Key("address", key.owner, value.primary) if value.primary is not None else Key("link", key.owner)


def claims(_key: Key, _attributes: Address) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _attributes: Address, names: Mapping[str, str]) -> str:
    return f"{names.get(key.owner, key.owner)}/{key.name}"


def operations(change: Change, state: State) -> Sequence[Operation]:
    link = state.get(Key("link", change.key.owner))
    if link is None:
        return ()
    dev: tuple[str, Value] = ("dev", link.name)
    before: Address | None = change.before
    peer: tuple[tuple[str, Value], ...] = (("peer", before.peer),) if before is not None and before.peer else ()
    delete = Operation("address del", change.key, (("", change.key.name), *peer, dev))
    if change.after is None:
        return (delete,)
    words = tuple(_words(change.after))
    write = Operation("address replace", change.key, (("", change.key.name), *words, dev), value=change.after)
    anew = before is not None and _fixed(change.key, before) != _fixed(change.key, change.after)
    return (*_makes_room(change.key, change.after, state), *((delete,) if anew else ()), write)


def _makes_room(key: Key, value: Address, state: State) -> Sequence[Operation]:
    """Somebody's own route where the connected one belongs: the kernel would put its one beside it, under the same key."""
    found = routes.connected(key.owner, key.name, value.metric, value.peer)
    present = None if found is None else state.get(found[0])
    if found is None or present is None or present.protocol in ("kernel", "ra") or value.noprefixroute:
        return ()
    return routes.operations(Change(found[0], present, None), state)


def _kept(key: Key, before: Address, value: Address) -> Address:
    """What becomes of an existing address that is written again."""
    kept = replace(value, broadcast=before.broadcast, peer=before.peer, scope=before.scope, label=before.label)
    return kept if ":" in key.name else replace(kept, noprefixroute=before.noprefixroute)


def _fixed(key: Key, value: Address) -> tuple[object, ...]:
    """What the kernel keeps of an existing address whatever a later message says."""
    only_ipv4 = value.noprefixroute if ":" not in key.name else None
    return value.broadcast, value.peer, value.scope, value.label, only_ipv4


def _words(value: Address) -> Iterator[tuple[str, Value]]:
    if value.peer:
        yield "peer", value.peer
    if value.broadcast:
        yield "broadcast", value.broadcast
    if value.label:
        yield "label", value.label
    if value.scope:
        yield "scope", value.scope
    if value.metric:
        yield "metric", value.metric
    if value.nodad:
        yield "nodad", ""
    if value.noprefixroute:
        yield "noprefixroute", ""
    if value.dynamic:
        yield "valid_lft", value.valid
        yield "preferred_lft", value.preferred


# ---------------------------------------------------------------------------------------------------------- effects


def effect(operation: Operation, state: State) -> str | None:
    key = operation.key
    link = state.get(Key("link", key.owner))
    if link is None:
        return "Cannot find device"
    if operation.call == "address del":
        return _deleted(key, state)
    if ":" in key.name and _ipv6_off(key.owner, link.mtu, state):
        return "Permission denied: IPv6 is disabled on this device"
    value: Address = operation.value  # type: ignore[assignment]
    before: Address | None = state.get(key)
    if before is not None:
        value = _kept(key, before, value)
    state.put(key, replace(value, primary=_primary(key, state)))
    if before is not None and (before.metric, before.noprefixroute) != (value.metric, value.noprefixroute):
        _disconnect(key, before, state)
    if link.up and not value.noprefixroute:
        _connect(key, state)
    return None


def _ipv6_off(owner: str, mtu: int, state: State) -> bool:
    disabled = state.get(Key("sysctl", owner, "ipv6.disable_ipv6"))
    return mtu < 1280 or (disabled is not None and disabled.value != "0")


def _same_subnet(key: Key, state: State) -> list[tuple[Key, Address]]:
    subnet = interface(key.name).network
    return [
        (other, value)
        for other, value in state.on("address", key.owner)
        if other != key and interface(other.name).network == subnet
    ]


def _primary(key: Key, state: State) -> str | None:
    """The primary that an IPv4 address written now is secondary to."""
    present: Address | None = state.get(key)
    if present is not None:
        return present.primary
    if ":" in key.name:
        return None
    return next((other.name for other, value in _same_subnet(key, state) if not value.secondary), None)


def _connect(key: Key, state: State) -> None:
    value: Address | None = state.get(key)
    if value is None or value.secondary:
        return
    found = routes.connected(key.owner, key.name, value.metric, value.peer)
    if found is None:
        return
    present, own = state.get(found[0]), found[1]
    if value.dynamic and ":" in key.name:
        own = replace(own, protocol="ra")  # it ends with the address, and is seen as such
    if present is None or present.protocol == "ra":
        state.put(found[0], own)


def _disconnect(key: Key, value: Address, state: State) -> None:
    found = routes.connected(key.owner, key.name, value.metric, value.peer)
    if found is not None and not value.noprefixroute and state.get(found[0]) == found[1]:
        state.remove(found[0])


def _reconnect(rest: list[tuple[Key, Address]], state: State) -> None:
    """IPv6: the route stays with the others of its prefix, and from now on ends with them if all of them do."""
    if all(value.dynamic for _, value in rest):
        for key, value in rest:
            found = routes.connected(key.owner, key.name, value.metric, value.peer)
            if found is not None and state.get(found[0]) == found[1]:
                state.put(found[0], replace(found[1], protocol="ra"))


def _deleted(key: Key, state: State) -> str | None:
    value: Address | None = state.get(key)
    if value is None:
        return "Cannot assign requested address"
    version6 = ":" in key.name
    same = _same_subnet(key, state)
    twins = [other for other, _ in state.on("address", key.owner) if other != key and _plain(other) == _plain(key)]
    if version6 and same:
        _reconnect(same, state)
    elif not value.secondary:
        _disconnect(key, value, state)
    if not version6 and not value.secondary and _promotes(key.owner, state):
        _promote(key, [(other, secondary) for other, secondary in same if secondary.primary == key.name], state)
    if twins:
        routes.held_by(key, twins[0].name, state)
    state.remove(key)
    if not twins:
        routes.source_gone(key.owner, _plain(key), state)
    if not version6 and not any(":" not in other.name for other, _ in state.on("address", key.owner)):
        routes.ipv4_left(key.owner, state)
    return None


def _plain(key: Key) -> str:
    """The address without its prefix length."""
    return key.name.split("/")[0]


def _promotes(owner: str, state: State) -> bool:
    setting = state.get(Key("sysctl", owner, "ipv4.promote_secondaries"))
    return setting is not None and setting.value != "0"


def _promote(key: Key, secondaries: list[tuple[Key, Address]], state: State) -> None:
    """promote_secondaries=1: the next address takes the primary's place, and the connected route names it as its source."""
    if not secondaries:
        return
    heir, *others = sorted(secondaries, key=lambda found: found[1].order)
    state.put(heir[0], replace(heir[1], primary=None))
    for other, value in others:
        state.put(other, replace(value, primary=heir[0].name))
    routes.source_gone(key.owner, str(interface(key.name).ip), state)
    _connect(heir[0], state)


def link_down(owner: str, state: State) -> None:
    """IPv4 addresses stay, their routes and everything of IPv6 go (reference kernel-effects.md section 1)."""
    ipv6_left(owner, state)
    routes.ipv4_left(owner, state)


def link_up(owner: str, state: State) -> None:
    """Connected routes come back, nothing else."""
    for key, value in state.on("address", owner):
        if not value.noprefixroute:
            _connect(key, state)


def link_renamed(owner: str, name: str, state: State) -> None:
    """IPv4 labels follow the name: the first address gets it, the next ones keep what followed a colon, or get their number."""
    found = [(key, value) for key, value in state.on("address", owner) if ":" not in key.name]
    for number, (key, value) in enumerate(sorted(found, key=lambda item: item[1].order), 1):
        label = None if number == 1 else _relabelled(value.label, name, number)
        if value.label != label:
            state.put(key, replace(value, label=label))


def _relabelled(label: str | None, name: str, number: int) -> str:
    colon, suffix = (label or "").partition(":")[1:]
    end = colon + suffix if colon else f":{number}"
    return name[: _LONGEST_LABEL - len(end)] + end


_LONGEST_LABEL = 15
"""IFNAMSIZ - 1, in characters."""


def ipv6_left(owner: str, state: State) -> None:
    for kind in ("address", "route"):
        for key, _ in state.on(kind, owner):
            if ":" in key.name:
                state.remove(key)
