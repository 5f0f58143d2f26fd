"""Addresses (RTM_*ADDR), and the connected routes that the kernel keeps for them.

Addresses belong to whom their link belongs and carry no mark. They are written create-or-replace, so that a wrongly predicted
effect is harmless. Link-local addresses that the kernel makes come and go with carrier; only what lies in scope compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface
from struct import Struct

from converge.engine import State
from converge.model import Change, Key, Operation, Resources, Value
from converge.resources import route as routes
from converge.resources.wire import address as address_text
from converge.resources.wire import attributes, messages, native, text

TRANSACTION: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """The key's name is "address/prefix length". `label` only where it differs from the link's name; `metric` is that of the
    connected route (0: the kernel's own). `secondary` is the kernel's verdict, never asked for.
    """

    broadcast: str | None = None
    peer: str | None = None
    scope: int = 0
    label: str | None = None
    noprefixroute: bool = False
    nodad: bool = False
    metric: int = 0
    dynamic: bool = False
    secondary: bool = field(default=False, compare=False)


# ------------------------------------------------------------------------------------------------------ decoding

_MESSAGE = Struct("=BBBBI")  # ifaddrmsg: family, prefixlen, flags, scope, index
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_FLAGS, _IFA_RT_PRIORITY = 1, 2, 3, 4, 8, 9
_SECONDARY, _NODAD, _PERMANENT, _NOPREFIXROUTE = 0x01, 0x02, 0x80, 0x200
_INET6 = 10


def decode(dump: bytes, names: Mapping[str, str]) -> Iterator[tuple[Key, Address]]:
    """`names`: link names by handle, to leave out labels that only repeat them."""
    for _, start, end in messages(dump):
        family, length, flags, scope, index = _MESSAGE.unpack_from(dump, start)
        found = attributes(dump, start + 8, end)
        owner = f"#{index}"
        peer = found[_IFA_ADDRESS]
        local = found.get(_IFA_LOCAL, peer)
        label = text(found[_IFA_LABEL]) if _IFA_LABEL in found else None
        flags = native(found[_IFA_FLAGS]) if _IFA_FLAGS in found else flags
        yield (
            Key("address", owner, f"{address_text(local)}/{length}"),
            Address(
                broadcast=address_text(found[_IFA_BROADCAST]) if _IFA_BROADCAST in found else None,
                peer=None if local == peer else address_text(peer),
                scope=scope,
                label=None if label == names.get(owner) else label,
                noprefixroute=bool(flags & _NOPREFIXROUTE),
                nodad=family == _INET6 and bool(flags & _NODAD),
                metric=native(found.get(_IFA_RT_PRIORITY, b"")),
                dynamic=not flags & _PERMANENT,
                secondary=family != _INET6 and bool(flags & _SECONDARY),
            ),
        )


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(_key: Key, _attributes: Address, _among: Resources) -> Iterable[Key]:
    return ()


def within(key: Key, _attributes: Address) -> Key | None:
    return Key("link", key.owner)


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
    if change.after is None:
        return (Operation("address del", change.key, (("", change.key.name), dev)),)
    words = tuple(_words(change.after))
    write = Operation("address replace", change.key, (("", change.key.name), *words, dev), value=change.after)
    if change.before is not None and _fixed(change.before) != _fixed(change.after):
        return Operation("address del", change.key, (("", change.key.name), dev)), write
    return (write,)


def _fixed(value: Address) -> tuple[object, ...]:
    """What the kernel keeps of an existing address whatever a later message says."""
    return value.broadcast, value.peer, value.scope, value.label


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
    state.put(key, replace(value, secondary=_is_secondary(key, state)))
    if link.up and not value.noprefixroute:
        _connect(key, value, state)
    return None


def _ipv6_off(owner: str, mtu: int, state: State) -> bool:
    disabled = state.get(Key("sysctl", owner, "ipv6.disable_ipv6"))
    return mtu < 1280 or (disabled is not None and disabled.value != "0")


def _same_subnet(key: Key, state: State) -> list[tuple[Key, Address]]:
    subnet = ip_interface(key.name).network
    return [(other, value) for other, value in state.on("address", key.owner) if other != key and ip_interface(other.name).network == subnet]


def _is_secondary(key: Key, state: State) -> bool:
    present: Address | None = state.get(key)
    if present is not None:
        return present.secondary
    return ":" not in key.name and any(not value.secondary for _, value in _same_subnet(key, state))


def _connect(key: Key, value: Address, state: State) -> None:
    if value.secondary or _is_secondary(key, state):
        return
    found = routes.connected(key.owner, key.name, value.metric, value.peer)
    if found is not None and state.get(found[0]) is None:
        state.put(*found)


def _deleted(key: Key, state: State) -> str | None:
    value: Address | None = state.get(key)
    if value is None:
        return "Cannot assign requested address"
    version6 = ":" in key.name
    same = _same_subnet(key, state)
    state.remove(key)
    if not version6 and not value.secondary:
        for other, secondary in same:
            if secondary.secondary:
                _deleted(other, state)
    if not value.secondary and not (version6 and same):
        found = routes.connected(key.owner, key.name, value.metric, value.peer)
        if found is not None and state.get(found[0]) is not None:
            state.remove(found[0])
    routes.source_gone(key.owner, str(ip_interface(key.name).ip), state)
    return None


def link_down(owner: str, state: State) -> None:
    """IPv4 addresses stay, their routes and everything of IPv6 go (reference kernel-effects.md section 1)."""
    ipv6_left(owner, state)
    for key, route in state.on("route", owner):
        if route.type != "local" or ":" in key.name:
            state.remove(key)


def link_up(owner: str, state: State) -> None:
    """Connected routes come back, nothing else."""
    for key, value in state.on("address", owner):
        if not value.noprefixroute:
            _connect(key, value, state)


def link_renamed(owner: str, name: str, state: State) -> None:
    """IPv4 labels follow the name: the first address gets it, the next ones `name:2`, `name:3`."""
    addresses = [(key, value) for key, value in state.on("address", owner) if ":" not in key.name]
    for number, (key, value) in enumerate(addresses, 1):
        label = None if number == 1 else f"{name}:{number}"
        if value.label != label:
            state.put(key, replace(value, label=label))


def ipv6_left(owner: str, state: State) -> None:
    for kind in ("address", "route"):
        for key, _ in state.on(kind, owner):
            if ":" in key.name:
                state.remove(key)
