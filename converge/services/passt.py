"""What one passt is told, as the words of its command line, one a line: passt has no configuration file.

A NIC without ports forwards everything, one with ports only those (reference section 6.4). Where some ports stay with the pod, as
a mesh sidecar's do, nothing but TCP is forwarded to a NIC without ports, as in KubeVirt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converge.model import Ports
from converge.services.resolv import Resolver

SOCKETS = "/run/converge/passt"
LONGEST_SOCKET = 107
"""Bytes: what fits into a sockaddr_un."""

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Service:
    """`link` is the pod link whose addresses and routes the guest is given; `socket` the path at which a VMM connects; `mtu` in
    bytes. `kept`: TCP ports that are never forwarded. `user` and `group` are numeric ids; passt refuses to run as root, and is
    nobody then.
    """

    link: str
    socket: str
    mtu: int
    ports: tuple[Ports, ...]
    kept: tuple[int, ...]
    user: int
    group: int
    resolver: Resolver
    dns: bool = True
    advertise: bool = True


def socket_path(namespace: str, name: str, nic: str) -> str:
    """Where the passt of a document's NIC listens: known before it runs, so that a VMM can be told."""
    return f"{SOCKETS}/{namespace}.{name}.{nic}/socket"


def text(service: Service) -> str:
    """Byte for byte the same for the same service: the digest decides whether a running process is the right one."""
    return "".join(f"{word}\n" for word in _words(service))


def _words(service: Service) -> Iterator[str]:
    yield "--foreground"
    yield f"--socket={service.socket}"
    yield f"--interface={service.link}"
    yield f"--mtu={service.mtu}"
    yield f"--runas={service.user or NOBODY}:{service.group or NOBODY}"
    for protocol in ("tcp", "udp"):
        yield from (f"--{protocol}-ports={each}" for each in _forwarded(service, protocol))
    if not service.advertise:
        yield "--no-ra"
    if not service.dns:
        yield from ("--no-dhcp-dns", "--no-dhcp-search")
        return
    yield from (f"--dns={server}" for server in (*service.resolver.nameservers4, *service.resolver.nameservers6))
    if service.resolver.search:
        yield f"--search={' '.join(service.resolver.search)}"


def _forwarded(service: Service, protocol: str) -> list[str]:
    """Each port by itself: of a list, passt is content with one that it can bind."""
    if service.ports:
        kept = service.kept if protocol == "tcp" else ()
        return [str(port.start) for port in service.ports if port.protocol == protocol and port.start not in kept] or ["none"]
    if not service.kept:
        return ["all"]
    return [",".join(f"~{number}" for number in service.kept)] if protocol == "tcp" else ["none"]
