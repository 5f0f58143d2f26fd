"""Opening, checking, locking and entering a pod's network namespace.

A namespace is compared by identity, never by name: two descriptors that are open at the same time are one namespace exactly
if device and inode agree. Whatever outlives the descriptors is keyed by the cookie, since inodes are reused. A thread that
has entered a pod does nothing else ever after: sockets and library objects belong to the thread, and so to the namespace,
where they are made.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

RUN_NETNS = "/run/netns"
_CLONE_NEWNET = 0x40000000
_NS_GET_NSTYPE = 0xB703
_SO_NETNS_COOKIE = 71
_LIBC = ctypes.CDLL(None, use_errno=True)
_LOCK_POLL_SECONDS = 0.02


class Refused(Exception):
    """A namespace that must not or cannot be entered. Nothing was touched."""


class Stopped(Exception):
    """The run ends, and the pod's lock was still waited for. Nothing was touched."""


def path_of(how: str, value: str) -> str:
    """The file to open for a target: `netns` (a name or an absolute path) or `pid`."""
    if how == "pid":
        return f"/proc/{int(value)}/ns/net"
    return value if value.startswith("/") else f"{RUN_NETNS}/{value}"


@contextmanager
def opened(how: str, value: str) -> Iterator[int]:
    """A descriptor of a pod's namespace, checked: it is a network namespace, and neither the host's nor the caller's own.

    Raises Refused. The descriptor stays valid, and keeps the namespace alive, until the block ends.
    """
    path = path_of(how, value)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"cannot open the pod's network namespace {path}: {os.strerror(error.errno or 0)}") from error
    try:
        _check(descriptor, path)
        yield descriptor
    finally:
        os.close(descriptor)


def _check(descriptor: int, path: str) -> None:
    try:
        kind = fcntl.ioctl(descriptor, _NS_GET_NSTYPE)
    except OSError as error:
        raise Refused(f"{path} is not a network namespace") from error
    if kind != _CLONE_NEWNET:
        raise Refused(f"{path} is a namespace of another type than network")
    own = os.fstat(descriptor)
    for forbidden, whose in ((_host(), "the host's own"), (os.stat("/proc/self/ns/net"), "the caller's own")):
        if (own.st_dev, own.st_ino) == (forbidden.st_dev, forbidden.st_ino):
            raise Refused(f"{path} is {whose} network namespace, which converge never touches")


def _host() -> os.stat_result:
    """The host's network namespace: that of process 1 or, where a security module hides that, of the kernel's own threads."""
    try:
        return os.stat("/proc/1/ns/net")
    except PermissionError:
        try:
            if Path("/proc/2/comm").read_text() == "kthreadd\n":
                return os.stat("/proc/2/ns/net")
        except OSError:
            pass  # no such process in this pid namespace, or not readable either
        raise Refused(
            "cannot tell which network namespace is the host's: /proc/1/ns/net is not readable (it takes CAP_SYS_PTRACE)"
        ) from None


def enter(descriptor: int) -> None:
    """Move the calling thread into the namespace. Never call it in a thread that must come back."""
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise Refused(f"cannot enter the pod's network namespace: {os.strerror(number)}")


def cookie() -> int:
    """Identity of the calling thread's namespace: never reused until the next boot."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return int(struct.unpack("=Q", probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8))[0])


@contextmanager
def locked(descriptor: int, seconds: float, stop: Event | None = None) -> Iterator[None]:
    """Hold the pod's lock: one inode a namespace on the whole node, freed by the kernel with its holder, so it is never stale.

    Raises Refused, with the holder where it can be found, when it is not free within `seconds`, and Stopped when `stop` is set
    before that.
    """
    stop = stop or Event()
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Refused(f"the pod is locked by {_holder(descriptor)}; waited {seconds:g} s") from None
            if stop.wait(_LOCK_POLL_SECONDS):
                raise Stopped from None
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _holder(descriptor: int) -> str:
    """From /proc/locks: `1: FLOCK ADVISORY WRITE 4711 00:04:4026532281 0 EOF`."""
    inode = str(os.fstat(descriptor).st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
            return f"process {words[4]} ({_command(words[4])})"
    return "another process"


def _command(pid: str) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "in another pid namespace, or gone"
    return b" ".join(words).decode("utf-8", "replace").strip()[:80]
