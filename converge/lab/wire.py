"""A wire between two taps, as a process of its own: it stands where a VMM would, so that a pod's real tap is opened and used.

    wire.py POD_NETNS TAP GUEST_NETNS LINK

It opens the tap that the pod has, never makes one there, and makes LINK in the guest's namespace, where it lives as long as
this process. It says `ready`, carries frames, and ends when its standard input closes. Standard library only; run as a file.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import selectors
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE = 0x0002, 0x1000, 0x0100
CLONE_NEWNET = 0x40000000
FRAME = 65536 + 64  # more than any MTU and its headers


def enter(netns: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter the namespace {netns}")
    os.close(namespace)


def open_tap(name: str, flags: int) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | flags))
    return tap


def open_existing(name: str) -> int:
    """The ioctl would make a tap that is not there, so look first. A multi-queue tap refuses to be opened as a plain one."""
    if name not in (link for _, link in socket.if_nameindex()):
        sys.exit(f"the pod has no link {name}")
    try:
        return open_tap(name, 0)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return open_tap(name, IFF_MULTI_QUEUE)


def carry(source: int, target: int) -> None:
    """All frames that wait. One for a link that is down is lost, as on any wire."""
    while True:
        try:
            frame = os.read(source, FRAME)
        except BlockingIOError:
            return
        try:
            os.write(target, frame)
        except OSError as error:
            if error.errno != errno.EIO:
                raise


def main(pod: str, tap: str, guest: str, link: str) -> None:
    enter(pod)
    near = open_existing(tap)
    enter(guest)
    far = open_tap(link, 0)
    other = {near: far, far: near}
    with selectors.DefaultSelector() as selector:
        for descriptor in (near, far, sys.stdin.fileno()):
            selector.register(descriptor, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fd not in other:
                    return
                carry(key.fd, other[key.fd])


if __name__ == "__main__":
    main(*sys.argv[1:])
