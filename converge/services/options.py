"""What DHCPv4 options can hold. Documents ask this with a place in hand, the file's author again as the last resort.

One option holds 255 bytes. A reply to a client that does not ask for more has 576 bytes; dnsmasq then leaves out what does not
fit and says so only in its log, so the options of a document are added up beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from converge.model import DhcpOptions

MOST_BYTES = 255
MOST_ADDRESSES = MOST_BYTES // 4
ROOM = 300
"""Bytes that options of the document's own find beside the usual set, in 576 bytes (measured)."""

HOST_NAME, NTP_SERVERS, TFTP_SERVER_NAME, BOOT_FILE_NAME = 12, 42, 66, 67
PRIVATE = range(224, 255)


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of option 121. `gateway` is None where the destination is on the link."""

    destination: IPv4Network
    gateway: IPv4Address | None = None


def size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def texts(options: DhcpOptions) -> Iterator[tuple[int, str]]:
    """Options whose value is text, each with its number. dnsmasq has no form for an empty one."""
    if options.tftp_server_name:
        yield TFTP_SERVER_NAME, options.tftp_server_name
    if options.boot_file_name:
        yield BOOT_FILE_NAME, options.boot_file_name
    yield from ((number, text) for number, text in options.private_options if text)


def total(options: DhcpOptions) -> int:
    """Bytes in a reply, the two of each option's head included."""
    servers = 4 * len(options.ntp_servers)
    return sum(2 + size(text) for _, text in texts(options)) + (2 + servers if servers else 0)


def in_order(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Default routes last, as KubeVirt sends them: some clients take the first that they can use."""
    return tuple(sorted(routes, key=lambda route: route.destination.prefixlen == 0))


def encoded(route: Route) -> bytes:
    """RFC 3442: the prefix length, as much of the destination as that needs, the gateway."""
    prefix = route.destination.prefixlen
    leading = route.destination.network_address.packed[: (prefix + 7) // 8]
    return bytes([prefix]) + leading + (route.gateway.packed if route.gateway else bytes(4))


def size_of(routes: Iterable[Route]) -> int:
    """Bytes of option 121."""
    return sum(len(encoded(route)) for route in routes)
