"""Executes operations, one kernel call each. What a call may do was decided elsewhere; here is only how.

rtnetlink is written by pyroute2 (see rtnetlink) and nftables by libnftables, both imported when first used: together they
cost 200 ms. Both belong to the thread that made them, so a Writer is made, used and closed in the pod's thread. A tap is made
by ioctl.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from typing import Any

from converge.kernel import processes
from converge.kernel.reader import sysctl_path
from converge.kernel.rtnetlink import OperationFailed, Rtnetlink
from converge.model import Operation

_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
_IFF_TAP, _IFF_MULTI_QUEUE, _IFF_NO_PI, _IFF_ONE_QUEUE, _IFF_TUN_EXCL = 0x0002, 0x0100, 0x1000, 0x2000, 0x8000

__all__ = ["OperationFailed", "Writer"]

_NFT_LOCK = threading.Lock()
"""libnftables keeps process-wide tables; its calls are short, so one at a time costs nothing."""


class Writer:
    """One namespace's way in for changes. Everything is opened at the first use and closed with `close`."""

    def __init__(self, cookie: int) -> None:
        """`cookie` is the namespace's."""
        self._cookie = cookie
        self._route: Rtnetlink | None = None
        self._nft: Any = None

    def close(self) -> None:
        if self._route is not None:
            self._route.close()
        self._nft = None

    def execute(self, operation: Operation) -> None:
        """Do it, or raise OperationFailed with what the kernel said."""
        try:
            self._execute(operation)
        except OSError as error:
            raise OperationFailed(operation, error.strerror or str(error)) from error

    def _execute(self, operation: Operation) -> None:
        parts = operation.parts or (operation,)
        if parts[0].call in ("nft", "nft alone"):
            self._nftables(operation, parts)
        elif parts[0].call == "sysctl":
            for name, value in operation.arguments:
                _write_sysctl(name, str(value))
        elif parts[0].call.startswith("process"):
            self._process(operation)
        elif parts[0].call.startswith("tuntap"):
            _tuntap(parts[0], lambda: self._rtnetlink().send(parts[1:]))
        else:
            self._rtnetlink().send(parts)

    def _process(self, operation: Operation) -> None:
        words = dict(operation.arguments)
        program, owner = str(words[""]), str(words["owner"])
        if operation.call == "process stop":
            processes.stop(self._cookie, owner, program)
            return
        wanted = operation.value
        assert wanted is not None
        link = socket.if_nametoindex(str(words["dev"]))
        processes.start(self._cookie, owner, program, link, wanted.digest, wanted.config)

    def _rtnetlink(self) -> Rtnetlink:
        if self._route is None:
            self._route = Rtnetlink()
        return self._route

    def _nftables(self, operation: Operation, parts: Iterable[Operation]) -> None:
        """All commands in one transaction."""
        commands = "\n".join(str(value) for part in parts for _, value in part.arguments)
        code, _, error = self._asked(commands)
        if code != 0:
            raise OperationFailed(operation, " ".join(str(error).split()))

    def nat_table(self, family: str) -> str:
        """Table `nat` of a family as nft prints it, with handles; "" where it is gone meanwhile."""
        code, listing, _ = self._asked(f"list table {family} nat")
        return str(listing) if code == 0 else ""

    def _asked(self, commands: str) -> tuple[int, Any, Any]:
        with _NFT_LOCK:
            if self._nft is None:
                from nftables import Nftables  # 15 ms

                self._nft = Nftables()
                self._nft.set_handle_output(True)
            code, output, error = self._nft.cmd(commands)
        return int(code), output, error


def _write_sysctl(name: str, value: str) -> None:
    descriptor = os.open(sysctl_path(name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _tuntap(operation: Operation, mark: Callable[[], None]) -> None:
    """KubeVirt's flags: one queue with IFF_ONE_QUEUE and packet info, several without (reference section 3.10).

    A new tap is made persistent last, when it has its mark: until then it goes away with the descriptor, and so with a kill.
    """
    words = dict(operation.arguments)
    flags = _IFF_TAP | (_IFF_MULTI_QUEUE | _IFF_NO_PI if "multi_queue" in words else _IFF_ONE_QUEUE)
    if operation.call == "tuntap add" and "multi_queue" not in words:
        flags |= _IFF_TUN_EXCL
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", str(words["dev"]).encode(), flags))
        for name, request in (("user", _TUNSETOWNER), ("group", _TUNSETGROUP)):
            if name in words:
                fcntl.ioctl(descriptor, request, int(words[name]))
        mark()
        fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
    finally:
        os.close(descriptor)
