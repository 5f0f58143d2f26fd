"""Netlink bytes: messages and attributes, flat. No policy and no objects: decoding is most of the cost of looking at a pod.

The layout is linux/netlink.h: a message is a 16-byte header (length, type, flags, sequence, port) and a payload; an attribute is
a 4-byte header (length, type) and a value; both padded to 4 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_interface
from struct import Struct

MESSAGE = Struct("=IHHII")
_ATTRIBUTE = Struct("=HH")
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

Attributes = dict[int, bytes]


def messages(dump: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, start of the payload and end of each message of a dump."""
    position, size, header = 0, len(dump), MESSAGE.unpack_from
    while position < size:
        length, kind, _, _, _ = header(dump, position)
        yield kind, position + 16, position + length
        position += (length + 3) & ~3


def attributes(data: bytes, position: int = 0, end: int | None = None) -> Attributes:
    """Values by attribute type. The last one of a type wins; use `repeated` for lists."""
    found: Attributes = {}
    header = _ATTRIBUTE.unpack_from
    stop = (len(data) if end is None else end) - 3
    while position < stop:
        length, kind = header(data, position)
        found[kind & _TYPE_MASK] = data[position + 4 : position + length]
        position += (length + 3) & ~3
    return found


def repeated(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute, in order."""
    position, stop = 0, len(data) - 3
    while position < stop:
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        yield kind & _TYPE_MASK, data[position + 4 : position + length]
        position += (length + 3) & ~3


def text(value: bytes) -> str:
    """A NUL-terminated name. Undecodable bytes survive as surrogates, so that two different names never become one."""
    return value.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def native(value: bytes) -> int:
    """An unsigned number in the machine's byte order, as rtnetlink has them."""
    return int.from_bytes(value, "little" if _LITTLE else "big")


def network(value: bytes) -> int:
    """An unsigned number in network byte order, as nfnetlink has them."""
    return int.from_bytes(value, "big")


def mac(value: bytes) -> str:
    return value.hex(":")


@lru_cache(maxsize=1 << 14)
def interface(name: str) -> IPv4Interface | IPv6Interface:
    """An address with its prefix length, from text. Parsing takes 10 us, and the same few texts are asked for again and again."""
    return ip_interface(name)


@lru_cache(maxsize=1 << 16)
def address(value: bytes) -> str:
    """Canonical text of a 4- or 16-byte address (RFC 5952)."""
    return str(IPv4Address(value)) if len(value) == 4 else str(IPv6Address(value))


_LITTLE = Struct("=H").pack(1) == b"\1\0"
