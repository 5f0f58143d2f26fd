"""Routes (RTM_*ROUTE): the main table, and those of protocol 201 in table local (the way to ::1).

The key is what the kernel indexes by (prefix, table, metric, TOS) and the link, since two links may each have the same connected
route. Ownership follows the link. Multipath routes lie on no single link and are only seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address, ip_network
from struct import Struct

from converge.engine import State
from converge.model import Change, Key, Operation, Resources, Value
from converge.resources.wire import Attributes, attributes, interface, messages, native
from converge.resources.wire import address as address_text

TRANSACTION: str | None = None
MAIN, LOCAL = 254, 255
OURS = "201"
"""Our rtm_protocol: in no list that was seen. On all other routes the CNI's own number stays."""


@dataclass(frozen=True, slots=True)
class Route:
    """`protocol` and `scope` are the kernel's words where it has one ("kernel", "link"), else decimal text; "ra" is also a prefix
    that was advertised. `metrics` are pairs of ip-route(8)'s word and a number. `other`: what has no word here (encapsulation,
    next hop objects), as attribute numbers: such a route is seen and cannot be written. `holder`: the address on its link that
    it names as source and cannot outlive (IPv4).
    """

    gateway: str | None = None
    protocol: str = "boot"
    scope: str = "global"
    type: str = "unicast"
    source: str | None = None
    onlink: bool = False
    metrics: tuple[tuple[str, int], ...] = ()
    other: tuple[int, ...] = ()
    holder: str | None = field(default=None, compare=False)
    hops: tuple[str, ...] = field(default=(), compare=False)


# ------------------------------------------------------------------------------------------------------ decoding

_MESSAGE = Struct("=BBBBBBBBI")  # rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _TABLE = 1, 4, 5, 6, 7, 15
_METRICS, _MULTIPATH, _CACHEINFO, _PREF = 8, 9, 12, 20
_NEXT_HOP = Struct("=HBBi")
_EXPIRES = Struct("=8xi")  # rta_cacheinfo: clones, last use; then the time left, in ticks
_KNOWN = {_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _METRICS, _TABLE, _CACHEINFO, _PREF}
_METRIC_WORDS = {2: "mtu", 3: "window", 8: "advmss", 10: "hoplimit", 11: "initcwnd", 14: "initrwnd", 15: "quickack"}
METRIC_WORDS = frozenset(_METRIC_WORDS.values())
_ONLINK, _CLONED = 0x4, 0x200
_INET, _KERNEL, _RA, _OUR_PROTOCOL = 2, 2, 9, 201
_PROTOCOLS = {0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 9: "ra"}
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
_TYPES = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
NO_LINK = "-"
"""Owner of routes that lie on no link, or on several."""


def decode(dump: bytes, sources: Mapping[tuple[str, str], str], kept: Collection[Key] = ()) -> Iterator[tuple[Key, Route]]:
    """`sources`: names of IPv4 addresses by owner and plain address. `kept`: routes that IPv6 addresses without an end keep. Of
    table local only our own protocol is of interest.
    """
    for _, start, end in messages(dump):
        family, length, _, tos, table, protocol, scope, kind, flags = _MESSAGE.unpack_from(dump, start)
        if flags & _CLONED:
            continue
        found = attributes(dump, start + 12, end)
        table = native(found[_TABLE]) if _TABLE in found else table
        if table == LOCAL and protocol != _OUR_PROTOCOL:
            continue
        width = 4 if family == _INET else 16
        destination = f"{address_text(found.get(_DST, bytes(width)))}/{length}"
        owner = f"#{native(found[_OIF])}" if _OIF in found else NO_LINK
        source = address_text(found[_PREFSRC]) if _PREFSRC in found else None
        metrics, strange = _metrics(found[_METRICS]) if _METRICS in found else ((), ())
        key = Key("route", owner, name(destination, table, native(found.get(_PRIORITY, b"")), tos))
        if protocol == _KERNEL and family != _INET and _advertised(key, found, kept):
            protocol = _RA
        yield (
            key,
            Route(
                gateway=address_text(found[_GATEWAY]) if _GATEWAY in found else None,
                protocol=_PROTOCOLS.get(protocol) or str(protocol),
                scope=_SCOPES.get(scope) or str(scope),
                type=_TYPES.get(kind) or str(kind),
                source=source,
                onlink=bool(flags & _ONLINK),
                metrics=metrics,
                other=(*sorted(found.keys() - _KNOWN), *strange, *((_PREF,) if any(found.get(_PREF, b"")) else ())),
                hops=_hops(found[_MULTIPATH]) if _MULTIPATH in found else (),
                holder=sources.get((owner, source)) if source is not None else None,
            ),
        )


def _advertised(key: Key, found: Attributes, kept: Collection[Key]) -> bool:
    """Is this IPv6 route of the kernel's an advertised prefix? The kernel calls such a one its own too. But it expires, or, where
    the router said "for ever", belongs to no address but those that were advertised with it.
    """
    expires = _CACHEINFO in found and _EXPIRES.unpack_from(found[_CACHEINFO])[0] != 0
    return expires or (key not in kept and not key.name.startswith("fe80:"))


def _hops(data: bytes) -> tuple[str, ...]:
    """RTA_MULTIPATH: rtnexthop structures (length, flags, hops, index), attributes behind each."""
    handles: list[str] = []
    position = 0
    while position + _NEXT_HOP.size <= len(data):
        length, _, _, index = _NEXT_HOP.unpack_from(data, position)
        handles.append(f"#{index}")
        position += max(_NEXT_HOP.size, (length + 3) & ~3)
    return tuple(handles)


def _metrics(data: bytes) -> tuple[tuple[tuple[str, int], ...], tuple[int, ...]]:
    """RTA_METRICS: those with a word, and the numbers of those without."""
    found = attributes(data)
    known = tuple((word, native(found[number])) for number, word in _METRIC_WORDS.items() if number in found)
    return known, tuple(sorted(found.keys() - _METRIC_WORDS.keys()))


def name(destination: str, table: int = MAIN, metric: int = 0, tos: int = 0) -> str:
    words = [destination]
    words += [f"table {table}"] if table != MAIN else []
    words += [f"metric {metric}"] if metric else []
    words += [f"tos {tos}"] if tos else []
    return " ".join(words)


def parsed(route_name: str) -> tuple[str, int, int, int]:
    """Destination, table, metric and TOS of a key's name."""
    destination, *rest = route_name.split(" ")
    numbers = dict(zip(rest[::2], map(int, rest[1::2]), strict=True))
    return destination, numbers.get("table", MAIN), numbers.get("metric", 0), numbers.get("tos", 0)


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, value: Route, among: Resources) -> Iterator[Key]:
    """The on-link way to its gateway, the address it names as its source, and the facts that were written down about its pod
    link.
    """
    yield from facts_about(key.owner, among)
    if value.gateway is not None:
        gateway = ip_address(value.gateway)
        for other, way in ((k, v) for k, v in among.items() if k.kind == "route" and k.owner == key.owner):
            if way.gateway is None and other != key and gateway in ip_network(parsed(other.name)[0]):
                yield other
    if value.source is not None and value.holder is None:
        yield from (k for k in among if k.kind == "address" and k.name.split("/")[0] == value.source)


def within(key: Key, value: Route) -> Key | None:
    """An IPv4 route in the address it names as source, where that is on its own link; else in its link."""
    if value.holder is not None:
        return Key("address", key.owner, value.holder)
    return Key("link", key.owner) if key.owner != NO_LINK else None


def facts_about(owner: str, among: Resources) -> Iterator[Key]:
    """Facts of the NIC whose pod link `owner` is: they are written before anything on it changes, and deleted after."""
    if owner.startswith("pod:"):
        nic = owner.removeprefix("pod:")
        yield from (key for key in among if key.kind == "fact" and key.owner == nic)


def claims(_key: Key, _value: Route) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def address(key: Key, _value: Route, names: Mapping[str, str]) -> str:
    return f"{names.get(key.owner, key.owner)}/{key.name.replace(' ', '/')}"


def operations(change: Change, state: State) -> Sequence[Operation]:
    link = state.get(Key("link", change.key.owner))
    if link is None or (change.after is not None and change.after.other):
        return ()
    call = "route del" if change.after is None else "route replace"
    value: Route = change.before if change.after is None else change.after  # type: ignore[assignment]
    return (Operation(call, change.key, tuple(_words(change.key, value, link.name)), value=change.after),)


def _words(key: Key, value: Route, device: str) -> Iterator[tuple[str, Value]]:
    destination, table, metric, tos = parsed(key.name)
    yield "" if value.type == "unicast" else value.type, destination
    if value.gateway is not None:
        yield "via", value.gateway
    yield "dev", device
    if table != MAIN:
        yield "table", "local" if table == LOCAL else table
    yield "proto", value.protocol
    if ":" not in destination:
        yield "scope", value.scope
    if value.source is not None:
        yield "src", value.source
    if metric:
        yield "metric", metric
    if tos:
        yield "tos", tos
    if value.onlink:
        yield "onlink", ""
    yield from value.metrics


# ---------------------------------------------------------------------------------------------------------- effects


def effect(operation: Operation, state: State) -> str | None:
    key = operation.key
    if operation.call == "route del":
        if state.get(key) is None:
            return "No such process"
        state.remove(key)
        return None
    link = state.get(Key("link", key.owner))
    if link is None or not link.up:
        return "Network is down"
    value: Route = operation.value  # type: ignore[assignment]
    if value.gateway is not None and not value.onlink and not _reachable(value.gateway, key.owner, state):
        return "Nexthop has invalid gateway"
    if value.source is not None and not _is_local(value.source, state):
        return "Invalid prefsrc address"
    _displace(key, state)
    state.put(key, value)
    return None


def _displace(key: Key, state: State) -> None:
    """The kernel replaces the route of the same prefix, metric and TOS, whichever link it is on."""
    for other, _ in state.of("route"):
        if other.name == key.name and other != key:
            state.remove(other)


def _reachable(gateway: str, owner: str, state: State) -> bool:
    target = ip_address(gateway)
    if target.is_link_local and target.version == 6:
        return True
    ways = ((parsed(key.name)[0], route) for key, route in state.on("route", owner))
    return any(route.gateway is None and target in ip_network(destination) for destination, route in ways)


def _is_local(source: str, state: State) -> bool:
    return any(key.name.split("/")[0] == source for key, _ in state.of("address"))


@lru_cache(maxsize=1 << 14)
def connected(owner: str, address: str, metric: int, peer: str | None) -> tuple[Key, Route] | None:
    """The route that the kernel keeps for an address, e.g. 10.0.2.0/24 for 10.0.2.1/24; None where it keeps none."""
    own = interface(address)
    network = own.network if peer is None else ip_network(f"{peer}/{own.network.prefixlen}", strict=False)
    if own.version == 6:
        return Key("route", owner, name(str(network), metric=metric or 256)), Route(protocol="kernel")
    if network.prefixlen == 32 and peer is None:
        return None
    value = Route(protocol="kernel", scope="link", source=str(own.ip), holder=address if peer is None else None)
    return Key("route", owner, name(str(network), metric=metric)), value


def held_by(address: Key, twin: str, state: State) -> None:
    """The same address is there a second time, with another prefix: what named this one holds on to that."""
    for key, route in state.on("route", address.owner):
        if route.holder == address.name:
            state.put(key, replace(route, holder=twin))


def ipv4_left(owner: str, state: State) -> None:
    """With its last IPv4 address, or when it goes down, a link loses its IPv4 routes in every table but local."""
    for key, route in state.on("route", owner):
        if ":" not in key.name and route.type != "local":
            state.remove(key)


def source_gone(owner: str, source: str, state: State) -> None:
    """Routes that name a deleted address: IPv4 ones on its link go, IPv6 ones lose the source."""
    for key, route in state.on("route", owner):
        if route.source != source:
            continue
        if ":" in source:
            state.put(key, replace(route, source=None))
        else:
            state.remove(key)
