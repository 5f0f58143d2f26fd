"""The two ends of a conversation, each a process of its own in some namespace. Standard library only; run as a file.

    talk.py serve NAME PROTOCOL/PORT…     says `ready`, then answers until its standard input closes
    talk.py ask PROTOCOL ADDRESS PORT S   asks once and prints what came of it
    talk.py hold ADDRESS PORT             keeps one TCP connection: a line in, the echoed line out

An answer is `NAME saw ADDRESS`: who answers, and which source it saw, are what address translation is about. What came of a
question is that answer, or `refused`, `silent` (nothing within S seconds) or `unreachable`. After its answer a TCP server echoes.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

IP_PKTINFO = 8  # Python 3.11 has no name for it
REFUSED = (ConnectionRefusedError, ConnectionResetError)


def saw(name: str, peer: str) -> bytes:
    return f"{name} saw {peer}\n".encode()


def listen(protocol: str, family: socket.AddressFamily, port: int) -> socket.socket:
    """One socket a family, so that addresses print as they are. An answer by UDP must leave from the address that was asked."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    server = socket.socket(family, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    server.bind(("", port))
    if protocol == "tcp":
        server.listen(16)
    return server


def leave_from(control: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """The received packet information, turned into the wish to be sent from that address, by whichever link."""
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return [(level, kind, struct.pack("=i4s4x", 0, data[4:8]))]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            # A link-local address means nothing without its link.
            link = data[16:20] if data[:2] == b"\xfe\x80" else bytes(4)
            return [(level, kind, data[:16] + link)]
    return []


def answer_datagram(server: socket.socket, name: str) -> None:
    _, control, _, peer = server.recvmsg(2048, 256)
    server.sendmsg([saw(name, peer[0])], leave_from(control), 0, peer)


def echo(connection: socket.socket, selector: selectors.BaseSelector) -> None:
    try:
        data = connection.recv(65536)
    except ConnectionResetError:
        data = b""
    if data:
        connection.sendall(data)
        return
    selector.unregister(connection)
    connection.close()


def greet(server: socket.socket, name: str, selector: selectors.BaseSelector) -> None:
    connection, peer = server.accept()
    connection.sendall(saw(name, peer[0]))
    selector.register(connection, selectors.EVENT_READ, "echo")


def serve(name: str, *ports: str) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ, "end")
        for protocol, port in (text.split("/") for text in ports):
            for family in (socket.AF_INET, socket.AF_INET6):
                selector.register(listen(protocol, family, int(port)), selectors.EVENT_READ, protocol)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.data == "end":
                    return
                handle(key, name, selector)


def handle(key: selectors.SelectorKey, name: str, selector: selectors.BaseSelector) -> None:
    ready = key.fileobj
    assert isinstance(ready, socket.socket)
    if key.data == "tcp":
        greet(ready, name, selector)
    elif key.data == "udp":
        answer_datagram(ready, name)
    else:
        echo(ready, selector)


def connect(protocol: str, address: str, port: str, seconds: float) -> socket.socket:
    """By hand, since `create_connection` knows TCP only; a connected UDP socket hears that its port is closed."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    family, _, _, _, where = socket.getaddrinfo(address, int(port), type=kind, flags=socket.AI_NUMERICHOST)[0]
    client = socket.socket(family, kind)
    client.settimeout(seconds)
    client.connect(where)
    return client


def ask(protocol: str, address: str, port: str, seconds: str) -> str:
    try:
        with connect(protocol, address, port, float(seconds)) as client:
            if protocol == "udp":
                client.send(b"who?\n")
            return client.recv(2048).decode().strip() or "closed"
    except REFUSED:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return f"unreachable: {error.strerror}"


def hold(address: str, port: str) -> None:
    with connect("tcp", address, port, 10.0) as client, client.makefile("rw") as lines:
        print(lines.readline().strip(), flush=True)
        for line in sys.stdin:
            lines.write(line)
            lines.flush()
            print(lines.readline().strip(), flush=True)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "ask":
        print(ask(*arguments))
    elif verb == "hold":
        hold(*arguments)
    else:
        serve(*arguments)
