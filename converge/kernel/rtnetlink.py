"""rtnetlink messages for operations: encoded by pyroute2, sent and acknowledged over a plain socket.

pyroute2's batch encoder knows every message and attribute. Sending is ours for two reasons: a link and its mark must go out
in one send, which the kernel works through without returning to user space; and its extended acknowledgement says in words
what was wrong.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_interface, ip_network
from typing import Any

from converge.model import Operation, Value

_SOL_NETLINK, _EXT_ACK = 270, 11
_ERROR = 2
_FLAG_CAPPED, _FLAG_TLVS = 0x100, 0x200
_MESSAGE_TEXT = 1  # NLMSGERR_ATTR_MSG
_HEADER = struct.Struct("=IHHII")

_NODAD, _NOPREFIXROUTE = 0x02, 0x200
_ONLINK = 0x4
_PROTOCOLS = {"unspec": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9}
_SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}


class OperationFailed(Exception):
    """The kernel refused an operation. `reason` is its own text; the operation may have been half done."""

    def __init__(self, operation: Operation, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason


class Rtnetlink:
    """Make, use and close it in the pod's thread: its socket is in the namespace where it was made."""

    def __init__(self) -> None:
        from pyroute2 import IPBatch  # 180 ms

        self._encoder = IPBatch()
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)

    def close(self) -> None:
        self._encoder.close()
        self._socket.close()

    def send(self, operations: Sequence[Operation]) -> None:
        """All of them in one send. Raises OperationFailed for the first one refused; those before it are done."""
        if not operations:
            return
        self._encoder.reset()
        for operation in operations:
            _CALLS[operation.call](self._encoder, dict(operation.arguments))
        self._socket.send(bytes(self._encoder.batch))
        refused = [(operation, reason) for operation in operations if (reason := self._acknowledged()) is not None]
        for operation, reason in refused:
            raise OperationFailed(operation, reason)

    def _acknowledged(self) -> str | None:
        """None, or the kernel's reason. One datagram answers one message."""
        data = self._socket.recv(65536)
        length, kind, flags, _, _ = _HEADER.unpack_from(data)
        (number,) = struct.unpack_from("=i", data, 16)
        if kind != _ERROR or number == 0:
            return None
        reason = os.strerror(-number)
        if not flags & _FLAG_TLVS:
            return reason
        (echoed,) = struct.unpack_from("=I", data, 20)
        start = 20 + (16 if flags & _FLAG_CAPPED else (echoed + 3) & ~3)
        return f"{reason}: {text}" if (text := _text(data[start:length])) else reason


def _text(attributes: bytes) -> str:
    position = 0
    while position + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, position)
        if kind == _MESSAGE_TEXT:
            return attributes[position + 4 : position + length].rstrip(b"\0").decode("utf-8", "replace")
        position += max(4, (length + 3) & ~3)
    return ""


def _index(name: Value) -> int:
    return socket.if_nametoindex(str(name))


def _link_add(route: Any, words: Mapping[str, Value]) -> None:
    optional: dict[str, Any] = {name: words[name] for name in ("address", "mtu") if name in words}
    if "link" in words:
        optional.update({"link": _index(words["link"]), f"{words['type']}_mode": words["mode"]})
    state = "up" if "up" in words else "down"
    route.link("add", ifname=words["name"], kind=words["type"], state=state, **optional)


def _link_set(route: Any, words: Mapping[str, Value]) -> None:
    index = _index(words["dev"])
    if "vf" in words:
        route.link("set", index=index, vf=_function(words))
        return
    if words.get("type") == "bridge":
        options = {f"br_{name}": words[name] for name in ("stp_state", "vlan_filtering") if name in words}
        route.link("set", index=index, kind="bridge", **options)
        return
    if words.get("type") == "bridge_slave":
        ports = {"learning": "learning", "hairpin": "mode", "isolated": "isolated"}
        route.brport("set", index=index, **{name: int(words[word] == "on") for word, name in ports.items() if word in words})
        return
    wanted: dict[str, Any] = {name: words[name] for name in ("address", "mtu") if name in words}
    if "name" in words:
        wanted["ifname"] = words["name"]
    if "master" in words or "nomaster" in words:
        wanted["master"] = _index(words["master"]) if "master" in words else 0
    if "up" in words or "down" in words:
        wanted["state"] = "up" if "up" in words else "down"
    route.link("set", index=index, **wanted)


_VLAN_PROTOCOLS = {"802.1ad": 0x88A8}
_FUNCTION_STATES = {"auto": 0, "enable": 1, "disable": 2}


def _function(words: Mapping[str, Value]) -> dict[str, Any]:
    """All that differs in one IFLA_VF_INFO; the kernel goes through it attribute by attribute and stops at the first refused."""
    found: dict[str, Any] = {"vf": words["vf"]}
    if "mac" in words:
        found["mac"] = words["mac"]
    if "vlan" in words:
        tag = {"vlan": words["vlan"], "qos": words.get("qos", 0)}
        found["vlan"] = [_with_protocol(tag, str(words["proto"]))] if "proto" in words else tag
    found.update({name: int(words[name] == "on") for name in ("spoofchk", "trust") if name in words})
    if "state" in words:
        found["link_state"] = _FUNCTION_STATES[str(words["state"])]
    return found


def _with_protocol(tag: dict[str, Value], protocol: str) -> dict[str, Value]:
    """An entry of IFLA_VF_VLAN_LIST. Kernels since 2023 want all 16 bytes of it, and pyroute2 0.9 leaves out the last two, which
    are padding.
    """
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    entry = ifinfmsg.vflist.vfinfo.vf_vlist.ivvi
    if _PADDING not in entry.fields:
        entry.fields = (*entry.fields, _PADDING)
    return {**tag, "proto": _VLAN_PROTOCOLS.get(protocol) or int(protocol, 16)}


_PADDING = ("__pad", "2x")


def _property(verb: str) -> Callable[[Any, Mapping[str, Value]], None]:
    """By name, since in one send with its creation a link has no index yet."""
    return lambda route, words: route.link(verb, ifname=words["dev"], altname=words["altname"])


def _address_replace(route: Any, words: Mapping[str, Value]) -> None:
    own = ip_interface(str(words[""]))
    flags = (_NODAD if "nodad" in words else 0) | (_NOPREFIXROUTE if "noprefixroute" in words else 0)
    wanted: dict[str, Any] = {"index": _index(words["dev"]), "address": str(own.ip), "prefixlen": own.network.prefixlen}
    if "peer" in words:
        wanted.update(local=str(own.ip), address=words["peer"])
    wanted.update({name: words[name] for name in ("broadcast", "label") if name in words})
    if "metric" in words:
        wanted["rt_priority"] = words["metric"]
    if "valid_lft" in words:
        wanted.update(valid_lft=words["valid_lft"], preferred_lft=words["preferred_lft"])
    if "scope" in words:
        wanted["scope"] = words["scope"]
    route.addr("replace", **wanted, **({"flags": flags} if flags else {}))


def _address_del(route: Any, words: Mapping[str, Value]) -> None:
    own = ip_interface(str(words[""]))
    peer = {"local": str(own.ip)} if "peer" in words else {}
    route.addr("del", index=_index(words["dev"]), address=words.get("peer", str(own.ip)), prefixlen=own.network.prefixlen, **peer)


_METRICS = ("mtu", "window", "advmss", "hoplimit", "initcwnd", "initrwnd", "quickack")
_ROUTE_TYPES = ("", "local", "blackhole", "unreachable", "prohibit", "throw")


def _route_words(words: Mapping[str, Value]) -> dict[str, Any]:
    kind = next(name for name in _ROUTE_TYPES if name in words)
    destination = ip_network(str(words[kind]))
    wanted: dict[str, Any] = {
        "dst": str(destination),
        "family": socket.AF_INET if destination.version == 4 else socket.AF_INET6,
        "oif": _index(words["dev"]),
        "type": kind or "unicast",
        "proto": _number(words["proto"], _PROTOCOLS),
    }
    wanted["table"] = 255 if words.get("table") == "local" else int(words.get("table", 254))
    if "scope" in words:
        wanted["scope"] = _number(words["scope"], _SCOPES)
    for word, name in (("via", "gateway"), ("src", "prefsrc"), ("metric", "priority"), ("tos", "tos")):
        if word in words:
            wanted[name] = words[word]
    if "onlink" in words:
        wanted["flags"] = _ONLINK
    metrics = {word: int(words[word]) for word in _METRICS if word in words}
    return {**wanted, "metrics": metrics} if metrics else wanted


def _number(word: Value, numbers: Mapping[str, int]) -> int:
    return numbers[str(word)] if word in numbers else int(word)


def _route(verb: str) -> Callable[[Any, Mapping[str, Value]], None]:
    return lambda route, words: route.route(verb, **_route_words(words))


_CALLS: dict[str, Callable[[Any, Mapping[str, Value]], None]] = {
    "link add": _link_add,
    "link set": _link_set,
    "link del": lambda route, words: route.link("del", index=_index(words["dev"])),
    "link property add": _property("property_add"),
    "link property del": _property("property_del"),
    "address replace": _address_replace,
    "address del": _address_del,
    "route replace": _route("replace"),
    "route del": _route("del"),
}
