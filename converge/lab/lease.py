"""A DHCP client for the stand-in guest: asks by IPv4 and IPv6 at once, and prints as JSON what it was given.

    lease.py LINK SECONDS        in the guest's namespace, on a link that is up

Printed: {"4": {"address", "prefix", "router", "mtu", "server"}, "6": {"address"}}; a family that nobody answered is left out. It
configures nothing. IPv6 is asked with Rapid Commit (RFC 8415 §18.2.1), so two messages do. Standard library only; run as a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

SIOCGIFHWADDR = 0x8927
AGAIN = 0.5
PATIENCE6 = 4.0
"""Seconds for IPv6. The bridge's link-local address is tentative for one or two after a guest has come."""
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
SOLICIT, REPLY = 1, 7
SERVERS4 = ("255.255.255.255", 67)
COOKIE = b"\x63\x82\x53\x63"

Lease = dict[str, Any]


def hardware(link: str) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        return fcntl.ioctl(asked, SIOCGIFHWADDR, struct.pack("16s24x", link.encode()))[18:24]


def message4(kind: int, transaction: bytes, mac: bytes, more: bytes = b"") -> bytes:
    """With the broadcast flag: a client without an address hears nothing else on an ordinary socket (RFC 2131 §4.1)."""
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, transaction, 0, 0x8000) + bytes(16) + mac.ljust(16, b"\0") + bytes(192)
    asked = bytes([55, 5, 1, 3, 6, 26, 121])
    return (head + COOKIE + bytes([53, 1, kind]) + asked + more + b"\xff").ljust(300, b"\0")


def options4(data: bytes) -> dict[int, bytes]:
    found, rest = {}, data[240:]
    while len(rest) > 1 and rest[0] != 255:
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def lease4(data: bytes, options: dict[int, bytes]) -> Lease:
    prefix = int.from_bytes(options.get(1, b"\xff" * 4), "big").bit_count()
    router = options.get(3, b"")[:4]
    return {
        "address": socket.inet_ntoa(data[16:20]),
        "prefix": prefix,
        "router": socket.inet_ntoa(router) if router else "",
        "mtu": int.from_bytes(options.get(26, b""), "big"),
        "server": socket.inet_ntoa(options[54]),
    }


def solicit(transaction: bytes, mac: bytes) -> bytes:
    """A client identifier from the MAC, one address wanted, and that the first answer shall be the last."""
    parts = ((1, b"\0\x03\0\x01" + mac), (3, b"\0\0\0\x01" + bytes(8)), (14, b""))
    return bytes([SOLICIT]) + transaction + b"".join(struct.pack("!HH", number, len(value)) + value for number, value in parts)


def options6(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        number, length = struct.unpack("!HH", data[:4])
        yield number, data[4 : 4 + length]
        data = data[4 + length :]


def lease6(data: bytes) -> Lease | None:
    for number, value in options6(data[4:]):
        for inner, address in options6(value[12:]) if number == 3 else ():
            if inner == 5:
                return {"address": socket.inet_ntop(socket.AF_INET6, address[:16])}
    return None


def bound(family: socket.AddressFamily, link: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
    made.bind(("", port))
    return made


def send(sender: socket.socket, data: bytes, target: tuple[Any, ...]) -> None:
    """Before the link has an address of its own there may be no way; it is tried again."""
    try:
        sender.sendto(data, target)
    except OSError as error:
        print(f"not sent: {error.strerror}", file=sys.stderr)


def ask(link: str, seconds: float) -> dict[str, Lease]:
    mac, transaction = hardware(link), os.urandom(4)
    servers6 = ("ff02::1:2", 547, 0, socket.if_nametoindex(link))
    wish, found = message4(DISCOVER, transaction, mac), dict[str, Lease]()
    start = time.monotonic()
    with bound(socket.AF_INET, link, 68) as four, bound(socket.AF_INET6, link, 546) as six:
        while len(found) < 2 and time.monotonic() - start < (min(seconds, PATIENCE6) if "4" in found else seconds):
            if "4" not in found:
                send(four, wish, SERVERS4)
            if "6" not in found:
                send(six, solicit(transaction[:3], mac), servers6)
            wish = hear(four, six, wish, found)
    return found


def hear(four: socket.socket, six: socket.socket, wish: bytes, found: dict[str, Lease]) -> bytes:
    """For a while, or until both have answered. Gives what IPv4 is to be asked next: after an offer, just that, and at once."""
    end = time.monotonic() + AGAIN
    while len(found) < 2 and (ready := select.select([four, six], [], [], max(0.0, end - time.monotonic()))[0]):
        for each in ready:
            data = each.recv(65536)
            if each is six and data[:1] == bytes([REPLY]) and (lease := lease6(data)):
                found["6"] = lease
            elif each is four and data[4:8] == wish[4:8]:
                options = options4(data)
                kind = options.get(53, b"")[:1]
                if kind == bytes([ACK]):
                    found["4"] = lease4(data, options)
                elif kind == bytes([OFFER]):
                    chosen = b"\x32\x04" + data[16:20] + b"\x36\x04" + options[54]
                    wish = message4(REQUEST, data[4:8], data[28:34], chosen)
                    send(four, wish, SERVERS4)
    return wish


if __name__ == "__main__":
    print(json.dumps(ask(sys.argv[1], float(sys.argv[2]))))
