"""What a namespace holds, as the kernel says it: raw dumps, unread. About 0.2 ms a pod; decoding is elsewhere and pure.

Only our nft table is listed, never the ruleset. Chains are the one dump the kernel cannot limit to a table; the others carry the
table in the request. A dump that a change has torn (NLM_F_DUMP_INTR) is asked for again.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Collection, Iterable
from pathlib import Path

from converge.model import Dumps

_NETLINK_ROUTE, _NETLINK_NETFILTER = 0, 12
_SOL_NETLINK, _GET_STRICT_CHK = 270, 12
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_DUMP_INTERRUPTED = 0x10
_HEADER = struct.Struct("=IHHII")
_RECEIVE = 1 << 18
_MOST_TRIES = 20

_GETLINK, _GETADDR, _GETROUTE, _GETNETCONF = 18, 22, 26, 82
_INET, _INET6 = 2, 10
_MAIN, _LOCAL, _OUR_PROTOCOL = 254, 255, 201

_NFT = 10 << 8
_GETTABLE, _GETCHAIN, _GETRULE, _GETSET, _GETSETELEM = _NFT | 1, _NFT | 4, _NFT | 7, _NFT | 10, _NFT | 13
_FAMILY_INET, _FAMILIES_NAT = 1, {"ip": 2, "ip6": 10}


_RELEASE = {"kernel.osrelease": os.uname().release}
"""A sysctl like any other, and the only one that needs no asking: what the kernel can do follows from it."""


class ReadError(OSError):
    """The kernel refused to answer, or was interrupted too often."""


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _name(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _message(kind: int, flags: int, payload: bytes) -> bytes:
    return _HEADER.pack(16 + len(payload), kind, flags, 1, 0) + payload


def _route_request(family: int, table: int, protocol: int = 0) -> bytes:
    return _message(_GETROUTE, _REQUEST | _DUMP, struct.pack("=BBBBBBBBI", family, 0, 0, 0, table, protocol, 0, 0, 0))


def _nft_request(kind: int, family: int, *attributes: bytes, flags: int = _REQUEST) -> bytes:
    return _message(kind, flags, struct.pack("=BBH", family, 0, 0) + b"".join(attributes))


_LINKS = _message(_GETLINK, _REQUEST | _DUMP, bytes(16))
_EXT_MASK, _WITH_FUNCTIONS = 29, 1 | 8  # IFLA_EXT_MASK: RTEXT_FILTER_VF, RTEXT_FILTER_SKIP_STATS
_ADDRESSES = _message(_GETADDR, _REQUEST | _DUMP, bytes(8))
_ROUTES = (_route_request(_INET, _MAIN), _route_request(_INET6, _MAIN), _route_request(_INET6, _LOCAL, _OUR_PROTOCOL))
_ROUTES_OF_EVERY_TABLE = (_route_request(_INET, 0), _route_request(_INET6, 0))
_NETCONF = [
    _message(_GETNETCONF, _REQUEST, struct.pack("=Bxxx", family) + _attribute(1, struct.pack("=i", index)))
    for family in (_INET, _INET6)
    for index in (-1, -2)
]


class Reader:
    """Sockets of one namespace: make, use and close it in one thread, after entering."""

    def __init__(self, table: str) -> None:
        self._route = _socket(_NETLINK_ROUTE)
        self._route.setsockopt(_SOL_NETLINK, _GET_STRICT_CHK, 1)
        self._nft = _socket(_NETLINK_NETFILTER)
        name, dump = _name(1, table), _REQUEST | _DUMP
        self._lookups = [_nft_request(_GETTABLE, _FAMILY_INET, name)] + [
            _nft_request(_GETCHAIN, family, _name(1, "nat"), _name(3, "KUBEVIRT_PREINBOUND")) for family in _FAMILIES_NAT.values()
        ]
        self._chains = _nft_request(_GETCHAIN, _FAMILY_INET, flags=dump)
        self._rules = _nft_request(_GETRULE, _FAMILY_INET, name, flags=dump)
        self._sets = _nft_request(_GETSET, _FAMILY_INET, name, flags=dump)
        self._table = name

    def close(self) -> None:
        self._route.close()
        self._nft.close()

    def read(self, every_table: bool) -> Dumps:
        """Everything but set elements and sysctls by path, which need to know what to ask for. `every_table`: routes of all
        tables, for a pod whose routes are or may be taken over. Of KubeVirt's NAT tables only that they are there.
        """
        links, addresses = _dump(self._route, _LINKS), _dump(self._route, _ADDRESSES)
        routes = b"".join(_dump(self._route, request) for request in (_ROUTES_OF_EVERY_TABLE if every_table else _ROUTES))
        netconf = b"".join(_answers(self._route, _NETCONF))
        table, *foreign = _answers(self._nft, self._lookups)
        nat = {family: "" for family, answer in zip(_FAMILIES_NAT, foreign, strict=True) if answer}
        if not table:
            return Dumps(links, addresses, routes, netconf, sysctls=_RELEASE, foreign_nat=nat)
        chains, rules, sets = (_dump(self._nft, request) for request in (self._chains, self._rules, self._sets))
        return Dumps(links, addresses, routes, netconf, table, chains, rules, sets, sysctls=_RELEASE, foreign_nat=nat)

    def functions(self, parents: Iterable[int]) -> bytes:
        """The links of these numbers with their virtual functions, which the dump of all links leaves out: each takes 0.2 kB."""
        mask = _attribute(_EXT_MASK, struct.pack("=I", _WITH_FUNCTIONS))
        requests = [_message(_GETLINK, _REQUEST, struct.pack("=BxHiII", 0, 0, index, 0, 0) + mask) for index in sorted(parents)]
        return b"".join(_answers(self._route, requests))

    def elements(self, set_names: Iterable[str]) -> dict[str, bytes]:
        """Elements of each set, one dump a set."""
        return {
            name: _dump(self._nft, _nft_request(_GETSETELEM, _FAMILY_INET, self._table, _name(2, name), flags=_REQUEST | _DUMP))
            for name in set_names
        }


def sysctls(names: Collection[str]) -> dict[str, str]:
    """Values by full dotted name, read by path in the calling thread's namespace; what does not exist is left out."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = " ".join(sysctl_path(name).read_text().split())
        except FileNotFoundError:
            continue
    return found


def text_of(path: str) -> str:
    """A file's text, or "" where there is none."""
    try:
        return Path(path).read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def resolv_conf(how: str, value: str) -> str:
    """The pod's: of a process, the one it sees; of a named namespace, what ip-netns(8) would show there."""
    if how == "pid":
        return text_of(f"/proc/{value}/root/etc/resolv.conf")
    return text_of(f"/etc/netns/{value.rpartition('/')[2]}/resolv.conf") or text_of("/etc/resolv.conf")


def sysctl_path(name: str) -> Path:
    """/proc/sys path of a dotted name, in which a slash stands for a dot within one part, as in sysctl(8)."""
    return Path("/proc/sys") / name.translate(str.maketrans("./", "/."))


def _socket(protocol: int) -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)


def _dump(channel: socket.socket, request: bytes) -> bytes:
    """All messages of one dump, headers included, without the one that ends it."""
    for _ in range(_MOST_TRIES):
        channel.send(request)
        parts: list[bytes] = []
        whole, done = True, False
        while not done:
            data = channel.recv(_RECEIVE)
            done, end, intact = _scan(data)
            whole &= intact
            parts.append(data if end == len(data) else data[:end])
        if whole:
            return b"".join(parts)
    raise ReadError(errno.EINTR, "the namespace changes faster than it can be read")


def _scan(data: bytes) -> tuple[bool, int, bool]:
    """Is the dump done, where do its messages end, and was it not interrupted."""
    position, size, intact = 0, len(data), True
    header = _HEADER.unpack_from
    while position < size:
        length, kind, flags, _, _ = header(data, position)
        if flags & _DUMP_INTERRUPTED:
            intact = False
        if kind == _DONE:
            return True, position, intact
        if kind == _ERROR:
            _raise(data, position)
        position += (length + 3) & ~3
    return False, size, intact


def _raise(data: bytes, position: int) -> None:
    (number,) = struct.unpack_from("=i", data, position + 16)
    raise ReadError(-number, os.strerror(-number))


_NO_SUCH_THING = (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)


def _answers(channel: socket.socket, requests: Collection[bytes]) -> list[bytes]:
    """One answer a request, b"" where there is no such thing. Requests that are no dumps share one send."""
    channel.send(b"".join(requests))
    answers: list[bytes] = []
    while len(answers) < len(requests):
        data = channel.recv(_RECEIVE)
        position = 0
        while position < len(data):
            length, kind, *_ = _HEADER.unpack_from(data, position)
            if kind != _ERROR:
                answers.append(data[position : position + length])
            elif -struct.unpack_from("=i", data, position + 16)[0] in _NO_SUCH_THING:
                answers.append(b"")
            else:
                _raise(data, position)
            position += (length + 3) & ~3
    return answers
