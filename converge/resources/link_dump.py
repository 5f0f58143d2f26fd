"""RTM_GETLINK answers as Link values. Flat, and once per look at a pod: this is where most of the time of a check goes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct

from converge.resources.link import MARK, VF_MARKS, Bridge, Link, Port, Tap
from converge.resources.wire import Attributes, attributes, mac, messages, native, repeated, text

_INFO_MESSAGE = Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_IFF_UP = 1
(
    _IFLA_ADDRESS,
    _IFLA_IFNAME,
    _IFLA_MTU,
    _IFLA_LINK,
    _IFLA_MASTER,
    _IFLA_LINKINFO,
    _IFLA_AF_SPEC,
    _IFLA_LINK_NETNSID,
    _IFLA_PROP_LIST,
) = 1, 3, 4, 5, 10, 18, 26, 37, 52
_INFO_KIND, _INFO_DATA, _INFO_PORT_KIND, _INFO_PORT_DATA = 1, 2, 4, 5
_TUN_OWNER, _TUN_GROUP, _TUN_MULTI_QUEUE = 1, 2, 7
_BRIDGE_STP, _BRIDGE_VLAN_FILTERING = 5, 7
# Kinds of links that lie on another one: the attribute that holds their mode, and the modes.
_MODES = {"macvtap": (1, {1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"})}
_PORT_HAIRPIN, _PORT_LEARNING, _PORT_ISOLATED = 4, 8, 33


def decode(dump: bytes) -> Iterator[tuple[Link, bytes]]:
    """Each link and its IFLA_AF_SPEC (the per-link sysctls). Masters are handles of the form "#ifindex" until roles are known."""
    for _, start, end in messages(dump):
        _, _, index, flags, _ = _INFO_MESSAGE.unpack_from(dump, start)
        found = attributes(dump, start + 16, end)
        master = found.get(_IFLA_MASTER)
        kind, tap, bridge, port, mode = _link_info(_stable(found.get(_IFLA_LINKINFO, b"")))
        marks, altnames = _names(found.get(_IFLA_PROP_LIST, b""))
        yield (
            Link(
                name=text(found[_IFLA_IFNAME]),
                kind=kind,
                up=bool(flags & _IFF_UP),
                mtu=native(found[_IFLA_MTU]),
                mac=None if tap else mac(found.get(_IFLA_ADDRESS, b"")),
                master=None if master is None else f"#{native(master)}",
                mark=marks[0] if marks else None,
                further_marks=tuple(marks[1:]),
                tap=tap,
                bridge=bridge,
                port=port,
                lower=_lower(found) if mode else None,
                mode=mode,
                index=index,
                altnames=altnames,
            ),
            found.get(_IFLA_AF_SPEC, b""),
        )


def _stable(info: bytes) -> tuple[str, bytes, str, bytes]:
    parts = attributes(info)
    return (
        text(parts.get(_INFO_KIND, b"")),
        parts.get(_INFO_DATA, b""),
        text(parts.get(_INFO_PORT_KIND, b"")),
        parts.get(_INFO_PORT_DATA, b""),
    )


def _lower(found: Attributes) -> str | None:
    """The number is another namespace's where that is told as well."""
    return None if _IFLA_LINK_NETNSID in found else f"#{native(found.get(_IFLA_LINK, b''))}"


def _link_info(info: tuple[str, bytes, str, bytes]) -> tuple[str, Tap | None, Bridge | None, Port | None, str]:
    kind, data, port_kind, port_data = info
    tap = _tap(data) if kind == "tun" else None
    bridge = _bridge(attributes(data)) if kind == "bridge" else None
    port = _port(attributes(port_data)) if port_kind == "bridge" else None
    return kind, tap, bridge, port, _mode(kind, data)


def _mode(kind: str, data: bytes) -> str:
    """Of a kind of link that lies on another one; "" for all others."""
    if kind not in _MODES:
        return ""
    attribute, names = _MODES[kind]
    return names.get(native(attributes(data).get(attribute, b"")), "unknown")


@lru_cache(maxsize=256)
def _tap(data: bytes) -> Tap:
    found = attributes(data)
    owner, group = found.get(_TUN_OWNER), found.get(_TUN_GROUP)
    return Tap(
        None if owner is None else native(owner),
        None if group is None else native(group),
        bool(native(found.get(_TUN_MULTI_QUEUE, b""))),
    )


def _bridge(found: Attributes) -> Bridge:
    return Bridge(bool(native(found.get(_BRIDGE_STP, b""))), bool(native(found.get(_BRIDGE_VLAN_FILTERING, b""))))


def _port(found: Attributes) -> Port:
    return Port(
        bool(native(found.get(_PORT_LEARNING, b"\1"))),
        bool(native(found.get(_PORT_HAIRPIN, b""))),
        bool(native(found.get(_PORT_ISOLATED, b""))),
    )


def _names(properties: bytes) -> tuple[list[str], tuple[str, ...]]:
    """Its roles, and all other altnames: the marks of its virtual functions say nothing of the link itself."""
    names = altnames(properties)
    roles = [name for name in names if name.startswith(MARK) and not name.startswith(VF_MARKS)]
    return [name[len(MARK) :] for name in roles], tuple(name for name in names if name not in roles)


def altnames(properties: bytes) -> list[str]:
    return [text(value) for _, value in repeated(properties)]
