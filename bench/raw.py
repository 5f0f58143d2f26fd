"""The floor of a look at a pod: the same requests, the same answers received, and none of them read.

What is asked is not written down here. One real visit is recorded, socket by socket, and replayed in every pod; so the floor
follows the reader wherever that goes. Of an answer only the last message is looked at, to know that a dump is over. One buffer
serves all.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from converge.kernel.namespace import enter
from converge.lab.run import NETNS_DIR

_DUMP, _DONE = 0x300, 3
_END = 20
"""Bytes of the message that ends a dump."""
_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class Channel:
    """One socket of the visit: its protocol, and the options that it was given."""

    protocol: int
    options: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recording:
    """`sent` is in order over all sockets: the number of the socket, and the bytes."""

    channels: list[Channel] = field(default_factory=list)
    sent: list[tuple[int, bytes]] = field(default_factory=list)


@contextmanager
def recorded() -> Iterator[Recording]:
    """Every netlink socket made while the block lasts, by whatever thread."""
    recording, original = Recording(), socket.socket

    class Recorder(original):  # type: ignore[misc, valid-type]
        def __init__(self, family: int = -1, type: int = -1, proto: int = -1, *rest: Any) -> None:
            super().__init__(family, type, proto, *rest)
            self.number = len(recording.channels) if family == socket.AF_NETLINK else None
            if self.number is not None:
                recording.channels.append(Channel(proto))

        def setsockopt(self, *arguments: Any) -> None:
            super().setsockopt(*arguments)
            if self.number is not None:
                recording.channels[self.number].options.append(arguments)

        def send(self, data: bytes, *flags: int) -> int:
            if self.number is not None:
                recording.sent.append((self.number, bytes(data)))
            return int(super().send(data, *flags))

    socket.socket = Recorder  # type: ignore[misc, assignment]
    try:
        yield recording
    finally:
        socket.socket = original  # type: ignore[misc]


def replay(recording: Recording, names: Iterable[str]) -> int:
    """The whole recording in each namespace; the number of bytes that came. Moves the calling thread."""
    buffer = memoryview(bytearray(_BUFFER))
    requests = [(number, data, answers(data)) for number, data in recording.sent]
    return sum(_visited(recording.channels, requests, str(NETNS_DIR / name), buffer) for name in names)


def answers(request: bytes) -> int:
    """How many datagrams answer it: 0 for a dump, whose end is told by its last message, else one a message."""
    position, count = 0, 0
    while position < len(request):
        length, _, flags = struct.unpack_from("=IHH", request, position)
        if flags & _DUMP == _DUMP:
            return 0
        count += 1
        position += (length + 3) & ~3
    return count


def _visited(channels: list[Channel], requests: list[tuple[int, bytes, int]], path: str, buffer: memoryview) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(descriptor)
        sockets = [_made(channel) for channel in channels]
        receive = [each.recv_into for each in sockets]
        size = 0
        for number, data, count in requests:
            sockets[number].send(data)
            size += _received(receive[number], buffer, count)
        for each in sockets:
            each.close()
        return size
    finally:
        os.close(descriptor)


def _made(channel: Channel) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, channel.protocol)
    for option in channel.options:
        made.setsockopt(*option)
    return made


def _received(receive: Callable[[memoryview], int], buffer: memoryview, count: int) -> int:
    if count:
        return sum(receive(buffer) for _ in range(count))
    size = 0
    while True:
        length = receive(buffer)
        size += length
        if length >= _END and buffer[length - _END + 4] == _DONE and buffer[length - _END] == _END:
            return size
