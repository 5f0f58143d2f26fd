"""Executes operations, one kernel call each. What a call may do was decided elsewhere; here is only how.

rtnetlink is written by pyroute2 and nftables by libnftables, both imported when first used: together they cost 200 ms. Both
objects belong to the thread that made them, so a Writer is made, used and closed in the pod's thread. A tap is made by ioctl.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_interface, ip_network
from typing import Any

from converge.kernel.reader import sysctl_path
from converge.model import Operation, Value

_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
_IFF_TAP, _IFF_MULTI_QUEUE, _IFF_NO_PI, _IFF_ONE_QUEUE, _IFF_TUN_EXCL = 0x0002, 0x0100, 0x1000, 0x2000, 0x8000
_NODAD, _NOPREFIXROUTE = 0x02, 0x200
_ONLINK = 0x4
_PROTOCOLS = {"unspec": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9}
_SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

_NFT_LOCK = threading.Lock()
"""libnftables keeps process-wide tables; its calls are short, so one at a time costs nothing."""


class OperationFailed(Exception):
    """The kernel refused an operation. `reason` is its own text; the operation may have been half done."""

    def __init__(self, operation: Operation, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason


class Writer:
    """One namespace's way in for changes. Everything is opened at the first use and closed with `close`."""

    def __init__(self) -> None:
        self._route: Any = None
        self._nft: Any = None

    def close(self) -> None:
        if self._route is not None:
            self._route.close()
        self._nft = None

    def execute(self, operation: Operation) -> None:
        """Do it, or raise OperationFailed with what the kernel said."""
        words = dict(operation.arguments)
        try:
            if operation.call == "nft":
                self._nftables(operation)
            elif operation.call == "sysctl":
                for name, value in operation.arguments:
                    _write_sysctl(name, str(value))
            elif operation.call.startswith("tuntap"):
                _tuntap(operation.call, words)
            else:
                _CALLS[operation.call](self._netlink(), words)
        except OSError as error:
            raise OperationFailed(operation, error.strerror or str(error)) from error
        except Exception as error:
            reason = _netlink_reason(error)
            if reason is None:
                raise
            raise OperationFailed(operation, reason) from error

    def _netlink(self) -> Any:
        if self._route is None:
            from pyroute2 import IPRoute

            self._route = IPRoute()
        return self._route

    def _nftables(self, operation: Operation) -> None:
        with _NFT_LOCK:
            if self._nft is None:
                from nftables import Nftables

                self._nft = Nftables()
            code, _, error = self._nft.cmd("\n".join(str(value) for _, value in operation.arguments))
        if code != 0:
            raise OperationFailed(operation, " ".join(str(error).split()))


def _netlink_reason(error: Exception) -> str | None:
    code = getattr(error, "code", None)
    if type(error).__name__ != "NetlinkError" or not isinstance(code, int):
        return None
    return os.strerror(code)


def _write_sysctl(name: str, value: str) -> None:
    descriptor = os.open(sysctl_path(name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _tuntap(call: str, words: Mapping[str, Value]) -> None:
    """KubeVirt's flags: one queue with IFF_ONE_QUEUE and packet info, several without (reference section 3.10)."""
    flags = _IFF_TAP | (_IFF_MULTI_QUEUE | _IFF_NO_PI if "multi_queue" in words else _IFF_ONE_QUEUE)
    if call == "tuntap add" and "multi_queue" not in words:
        flags |= _IFF_TUN_EXCL
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", str(words["dev"]).encode(), flags))
        for name, request in (("user", _TUNSETOWNER), ("group", _TUNSETGROUP)):
            if name in words:
                fcntl.ioctl(descriptor, request, int(words[name]))
        fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
    finally:
        os.close(descriptor)


def _index(name: Value) -> int:
    return socket.if_nametoindex(str(name))


def _link_add(route: Any, words: Mapping[str, Value]) -> None:
    optional = {name: words[name] for name in ("address", "mtu") if name in words}
    state = "up" if "up" in words else "down"
    route.link("add", ifname=words["name"], kind=words["type"], state=state, **optional)


def _link_set(route: Any, words: Mapping[str, Value]) -> None:
    index = _index(words["dev"])
    if words.get("type") == "bridge":
        options = {f"br_{name}": words[name] for name in ("stp_state", "vlan_filtering")}
        route.link("set", index=index, kind="bridge", **options)
        return
    if words.get("type") == "bridge_slave":
        ports = {"learning": "learning", "hairpin": "mode", "isolated": "isolated"}
        route.brport("set", index=index, **{name: int(words[word] == "on") for word, name in ports.items()})
        return
    wanted: dict[str, Any] = {name: words[name] for name in ("address", "mtu") if name in words}
    if "name" in words:
        wanted["ifname"] = words["name"]
    if "master" in words or "nomaster" in words:
        wanted["master"] = _index(words["master"]) if "master" in words else 0
    if "up" in words or "down" in words:
        wanted["state"] = "up" if "up" in words else "down"
    route.link("set", index=index, **wanted)


def _property(verb: str) -> Callable[[Any, Mapping[str, Value]], None]:
    return lambda route, words: route.link(verb, index=_index(words["dev"]), altname=words["altname"])


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
    route.addr("del", index=_index(words["dev"]), address=str(own.ip), prefixlen=own.network.prefixlen)


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
