"""Sysctls: pod-wide ones by full name (owner ""), per-link ones by short name ("ipv6.accept_ra") on their link's handle.

A per-link sysctl moves with its link when that is renamed, so it is keyed by role and its path is made when it is written.
Most are read from the link dump and RTM_GETNETCONF: a path under /proc/sys costs up to 190 us on a node with 1,000 namespaces
(measured).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct, unpack_from

from converge.engine import State
from converge.model import Change, Key, Operation, Resources
from converge.resources.wire import attributes, messages

TRANSACTION: str | None = None

IP_FORWARD = "net.ipv4.ip_forward"
FORWARDING6 = "net.ipv6.conf.all.forwarding"
_DEFAULT4 = "net.ipv4.conf.default.forwarding"
_DEFAULT6 = "net.ipv6.conf.default.forwarding"
RELEASE = "kernel.osrelease"
DISABLE6_DEFAULT = "net.ipv6.conf.default.disable_ipv6"
_SWITCHES = {IP_FORWARD: ("ipv4.forwarding", _DEFAULT4), FORWARDING6: ("ipv6.forwarding", _DEFAULT6)}


@dataclass(frozen=True, slots=True)
class Sysctl:
    """The value as /proc/sys shows it, fields separated by one blank. `index`: in a fact, the ifindex of the link it is about."""

    value: str
    index: int = field(default=0, compare=False)


# ------------------------------------------------------------------------------------------------------ decoding

_INET, _INET6 = 2, 10
_CONF4, _CONF6 = 1, 2  # IFLA_INET_CONF, IFLA_INET6_CONF
_PER_LINK4 = (
    ("ipv4.forwarding", 0),
    ("ipv4.promote_secondaries", 19),
    ("ipv4.accept_local", 22),
    ("ipv4.route_localnet", 25),
)  # index of the u32: IPV4_DEVCONF_* - 1
_PER_LINK6 = (("ipv6.forwarding", 0), ("ipv6.accept_ra", 3), ("ipv6.disable_ipv6", 26))  # index of the s32: DEVCONF_*
_INHERITED = {"ipv4.forwarding": _DEFAULT4, "ipv6.forwarding": _DEFAULT6, "ipv6.disable_ipv6": DISABLE6_DEFAULT}
_BORN = {
    "ipv4.accept_local": "0",
    "ipv4.promote_secondaries": "0",
    "ipv4.route_localnet": "0",
    "ipv6.accept_ra": "1",
    "ipv6.disable_ipv6": "0",
}
_NETCONFA_IFINDEX, _NETCONFA_FORWARDING = 1, 2
_ALL = Struct("=i").pack(-1)
_SMALL = {number: Sysctl(str(number)) for number in range(-1, 256)}


def decode_link(owner: str, af_spec: bytes) -> Iterator[tuple[Key, Sysctl]]:
    """The per-link sysctls that converge reads or simulates, from a link's IFLA_AF_SPEC."""
    families = attributes(af_spec)
    for family, conf, table in ((_INET, _CONF4, _PER_LINK4), (_INET6, _CONF6, _PER_LINK6)):
        values = attributes(families.get(family, b"")).get(conf)
        if values is None:
            continue
        for name, index in table:
            (number,) = unpack_from("=i", values, 4 * index)
            yield Key("sysctl", owner, name), _SMALL.get(number) or Sysctl(str(number))


def decode_netconf(dump: bytes) -> Iterator[tuple[Key, Sysctl]]:
    """Forwarding of "all" and "default", both families, from RTM_NEWNETCONF messages."""
    for _, start, end in messages(dump):
        family = dump[start]
        found = attributes(dump, start + 4, end)
        if _NETCONFA_FORWARDING not in found:
            continue
        everywhere, default = (IP_FORWARD, _DEFAULT4) if family == _INET else (FORWARDING6, _DEFAULT6)
        name = everywhere if found.get(_NETCONFA_IFINDEX) == _ALL else default
        (number,) = unpack_from("=i", found[_NETCONFA_FORWARDING])
        yield Key("sysctl", "", name), Sysctl(str(number))


# ------------------------------------------------------------------------------------------- the contract of a kind


def after(key: Key, _attributes: Sysctl, among: Resources) -> Iterator[Key]:
    """What was written down about it. `accept_ra` before IPv6 forwarding, the pod's or any link's: with 1 the kernel drops a
    learned default route at that moment. And the switch before each link's own forwarding, which it mostly settles.
    """
    fact = f"sysctl {key.name} "
    yield from (other for other in among if other.kind == "fact" and other.name.startswith(fact))
    if key.name in (FORWARDING6, "ipv6.forwarding"):
        yield from (other for other in among if other.kind == "sysctl" and other.name == "ipv6.accept_ra")
    if key.owner and key.name.endswith(".forwarding"):
        yield Key("sysctl", "", IP_FORWARD if key.name.startswith("ipv4") else FORWARDING6)


def within(key: Key, _attributes: Sysctl) -> Key | None:
    return Key("link", key.owner) if key.owner else None


def claims(_key: Key, _attributes: Sysctl) -> Iterable[str]:
    return ()


def park(_change: Change, _state: State) -> Operation | None:
    return None


def full_name(key: Key, link_name: str) -> str:
    """Dotted name as sysctl(8) prints it: a dot within a link's name becomes a slash."""
    if not key.owner:
        return key.name
    family, name = key.name.split(".", 1)
    return f"net.{family}.conf.{link_name.replace('.', '/')}.{name}"


def address(key: Key, _attributes: Sysctl, names: Mapping[str, str]) -> str:
    return full_name(key, names.get(key.owner, key.owner))


def operations(change: Change, state: State) -> Sequence[Operation]:
    if change.after is None:
        return ()
    link = state.get(Key("link", change.key.owner))
    if change.key.owner and link is None:
        return ()
    name = full_name(change.key, link.name if link else "")
    return (Operation("sysctl", change.key, ((name, change.after.value),), value=change.after),)


# ---------------------------------------------------------------------------------------------------------- effects


def effect(operation: Operation, state: State) -> str | None:
    before = state.get(operation.key)
    if before is None:
        return "No such file or directory"
    state.put(operation.key, operation.value)
    if operation.key.name in _SWITCHES and not operation.key.owner:
        _switched(operation.key.name, before, state)
    if operation.key.name == "ipv6.disable_ipv6" and operation.value.value != "0":  # type: ignore[union-attr]
        for kind in ("address", "route"):
            for key, _ in state.on(kind, operation.key.owner):
                if ":" in key.name:
                    state.remove(key)
    return None


def _switched(name: str, before: Sysctl, state: State) -> None:
    """ip_forward reaches every link when it changes; the IPv6 switch does so each time it is written."""
    after_ = state.get(Key("sysctl", "", name))
    assert after_ is not None
    if name == IP_FORWARD and before == after_:
        return
    per_link, default = _SWITCHES[name]
    for key, value in state.of("sysctl"):
        if key.name in (per_link, default) and value != after_:
            state.put(key, after_)
    if name == FORWARDING6 and after_.value != "0":
        _unlearn(state)


def _unlearn(state: State) -> None:
    """A router keeps no default route from router advertisements, unless accept_ra is 2."""
    for key, route in state.of("route"):
        accept = state.get(Key("sysctl", key.owner, "ipv6.accept_ra"))
        if route.protocol == "ra" and key.name.startswith("::/0") and accept is not None and accept.value == "1":
            state.remove(key)


def born(owner: str, mtu: int, state: State, family: str = "") -> None:
    """The per-link sysctls of a new link; `family` limits it to the one that came back."""
    for name, _ in (*_PER_LINK4, *(_PER_LINK6 if mtu >= 1280 else ())):
        if not name.startswith(family):
            continue
        default = state.get(Key("sysctl", "", _INHERITED[name])) if name in _INHERITED else None
        state.put(Key("sysctl", owner, name), Sysctl(default.value if default else _BORN.get(name, "0")))


def ipv6_left(owner: str, state: State) -> None:
    for key, _ in state.on("sysctl", owner):
        if key.name.startswith("ipv6."):
            state.remove(key)
