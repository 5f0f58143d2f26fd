"""A Service -> the file that one dnsmasq reads, one bridge each.

The set-ups were found by trying (2.90, four clients); what looks odd has its reason:

* `dhcp-ignore-clid`: a guest's firmware and its system have the same MAC and different client ids, and both must be served.
* `shared-network` with addresses: a bridge NIC's guest has the pod's address, in a subnet in which our bridge has none. Given by
  the bridge's *name* instead, dnsmasq goes silent when the bridge is made anew.
* All that the guest needs is forced, asked for or not, as KubeVirt does it: minimal clients ask for nothing.
* `leasefile-ro`: leases live in memory. Nothing is left behind that a later run could mistake for the truth.
* `dhcp-duid`: the same server wherever the guest moves. Left alone, dnsmasq takes the MAC of any link of the pod, which in
  masquerade is the guest's own: client and server would then have one identifier.
* Two minutes for IPv6: dnsmasq ties a lease to the client's DUID, and a guest with a new one must wait for its end. Two minutes
  too for a MAC that nobody knows: dnsmasq takes a lease away from a MAC that is listed, never from one that is not.
* A handed-over IPv6 address: the bridge has an address of its own in some private network, by which `shared-network` finds it;
  a `static` range for that network leases nothing and makes dnsmasq advertise (flags M and O).

The same Service gives the same text, byte for byte: the text's digest decides whether a running process is the right one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

from converge.model import DhcpOptions
from converge.resources.process import KNOWN_ONLY
from converge.services import options
from converge.services.options import Route
from converge.services.quoting import LONGEST_LINE, quoted, unwritable
from converge.services.resolv import Resolver, sendable

LEASE_SECONDS = 86313600
"""999 days, KubeVirt's: a guest never needs to renew, however long the pod lives."""

SHORTEST_SECONDS = 120
"""The least that dnsmasq gives."""

NOWHERE = IPv4Address("0.0.0.0")
"""The gateway of a destination on the link."""

ANY_MAC = "*:*:*:*:*:*"
LINK_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,15}")
MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
MINIMUM_MTU6 = 1280
"""RFC 8200: no IPv6 link has less, and a guest ignores an advertisement that says otherwise."""

ADVERTISED_EVERY = 600
LONGEST_LIFETIME = 65535
"""Seconds; dnsmasq sends no more than the 9,000 that RFC 4861 allows."""

COMMON = (
    "port=0",  # no DNS: port 53 is not opened
    "keep-in-foreground",
    "log-facility=-",
    "log-dhcp",
    "leasefile-ro",
    "no-resolv",
    "no-hosts",
    "no-ping",
    "bind-dynamic",
    "except-interface=lo",
    "dhcp-authoritative",
    "dhcp-ignore-clid",
    "dhcp-ignore=tag:bootp",  # a BOOTP lease never ends, and is never taken over
    "dhcp-duid=32473,63:6f:6e:76:65:72:67:65",  # the enterprise number for examples (RFC 5612), and our name
)


@dataclass(frozen=True, slots=True)
class Lease4:
    """`address` is the guest's, with the prefix it is told; `server` an address of the bridge. `handed_over`: it is the pod's own
    address, in whose subnet the bridge has none, and nobody but `macs` may get it.

    Otherwise `macs` are those known to be the guest's. Each of them gets the lease at once, from any other of them too; whoever
    else asks gets it for two minutes at a time, unless another stranger has it.
    """

    address: IPv4Interface
    server: IPv4Address
    router: IPv4Address | None = None
    routes: tuple[Route, ...] = ()
    macs: tuple[str, ...] = ()
    handed_over: bool = False
    seconds: int = LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class Lease6:
    """`address` is the guest's, `server` the bridge's, both with their prefix. `handed_over` as in IPv4, with an address of the
    bridge in a network of its own. `routes`: the namespace forwards, so the bridge may be advertised as a router.
    """

    address: IPv6Interface
    server: IPv6Interface
    macs: tuple[str, ...] = ()
    handed_over: bool = False
    routes: bool = True
    seconds: int = SHORTEST_SECONDS


@dataclass(frozen=True, slots=True)
class Service:
    """What one guest NIC is to be told. `mtu` is the guest's.

    `router` and `dns`: is it told of a router and of name servers? `advertise`: are there router advertisements?
    """

    bridge: str
    mtu: int
    lease4: Lease4 | None = None
    lease6: Lease6 | None = None
    resolver: Resolver = field(default_factory=Resolver)
    hostname: str = ""
    options: DhcpOptions = field(default_factory=DhcpOptions)
    router: bool = True
    dns: bool = True
    advertise: bool = True


def text(service: Service) -> str:
    """dnsmasq's file. Raises ValueError, naming the option, for what `problems` would have said."""
    for problem in problems(service):
        raise ValueError(problem)
    lines = [*COMMON, f"interface={service.bridge}"]
    if service.lease4 is not None:
        lines += [*_range4(service.lease4), *_options4(service, service.lease4)]
    if service.lease6 is not None:
        lines += [*_range6(service, service.lease6), *_options6(service)]
    lines = list(dict.fromkeys(lines))
    for line in lines:
        if "\n" in line or len(line.encode()) > LONGEST_LINE:
            raise ValueError(f"{line.partition('=')[0]}: the line does not fit into dnsmasq's file")
    return "".join(f"{line}\n" for line in lines)


def problems(service: Service) -> Iterator[str]:
    """Why this cannot be served as it is, each naming what it is about. Empty: `text` gives a file that dnsmasq reads."""
    if not LINK_NAME.fullmatch(service.bridge):
        yield f"bridge {service.bridge!r}: a link of that name cannot be named in dnsmasq's file"
    for mac in (mac for lease in (service.lease4, service.lease6) if lease for mac in lease.macs):
        if not MAC.fullmatch(mac):
            yield f"{mac!r} is not a MAC address"
    if service.lease4 is not None:
        yield from _problems4(service, service.lease4)
    if service.lease6 is not None:
        yield from _problems6(service.lease6)
    for name in {*service.resolver.search, *filter(None, [service.resolver.domain])}:
        if not sendable(name):
            yield f"search domain {name!r} is not a domain name that DHCP can carry"


def _problems6(lease: Lease6) -> Iterator[str]:
    if lease.handed_over and not lease.macs:
        yield "an IPv6 address that is handed over needs the MAC of its guest"
    if lease.handed_over and lease.server.network.prefixlen != 64:
        yield "the bridge's own IPv6 network is one of prefix 64"


def _problems4(service: Service, lease: Lease4) -> Iterator[str]:
    if lease.handed_over and not lease.macs:
        yield "an IPv4 address that is handed over needs the MAC of its guest"
    for number, value in (*options.texts(service.options), (options.HOST_NAME, service.hostname)):
        if (wrong := unwritable(value)) is not None:
            yield f"DHCP option {number}: the character U+{ord(wrong):04X} cannot be sent"
        if options.size(value) > options.MOST_BYTES:
            yield f"DHCP option {number} has {options.size(value)} bytes, and at most {options.MOST_BYTES} can be sent"
    for number, _ in service.options.private_options:
        if number not in options.PRIVATE:
            yield f"DHCP option {number} is not a private one (224 to 254)"
    if len(service.options.ntp_servers) > options.MOST_ADDRESSES:
        yield f"DHCP option 42 holds {options.MOST_ADDRESSES} servers, not {len(service.options.ntp_servers)}"
    routes = options.size_of(_routes(service, lease))
    if routes > options.MOST_BYTES:
        yield f"DHCP option 121 has {routes} bytes, and at most {options.MOST_BYTES} can be sent"


# --------------------------------------------------------------------------------------------------------------- IPv4


def _range4(lease: Lease4) -> Iterator[str]:
    ip, network = lease.address.ip, lease.address.network
    macs = tuple(dict.fromkeys(lease.macs))
    if lease.handed_over:
        wide = f",{network.broadcast_address}" if network.prefixlen < 31 else ""
        yield f"shared-network={lease.server},{ip}"
        yield KNOWN_ONLY
        yield f"dhcp-host={','.join(macs)},{ip}"
        yield f"dhcp-range={ip},{ip},{network.netmask}{wide},{lease.seconds}"
        return
    yield f"dhcp-host={','.join((*macs, ANY_MAC))},{ip}"
    for mac in macs:
        yield f"dhcp-mac=set:listed,{mac}"
    if macs:
        yield f"dhcp-range=tag:listed,{ip},{ip},{network.netmask},{lease.seconds}"
    seconds = min(lease.seconds, SHORTEST_SECONDS) if macs else lease.seconds
    yield f"dhcp-range={'tag:!listed,' if macs else ''}{ip},{ip},{network.netmask},{seconds}"


def _routes(service: Service, lease: Lease4) -> tuple[Route, ...]:
    """Without a router no default route either. Where not all fit, those that say no more than the default one are left out."""
    routes = options.in_order(route for route in lease.routes if service.router or route.destination.prefixlen)
    if options.size_of(routes) <= options.MOST_BYTES:
        return routes
    default = next((route.gateway for route in routes if route.destination.prefixlen == 0), None)
    return tuple(route for route in routes if default is None or route.gateway != default or route.destination.prefixlen == 0)


def _written(routes: tuple[Route, ...]) -> str:
    """As words; as bytes where the words would not fit into a line."""
    words = ",".join(f"{each.destination},{each.gateway or NOWHERE}" for each in routes)
    return words if len(words) < LONGEST_LINE // 2 else b"".join(map(options.encoded, routes)).hex(":")


def _options4(service: Service, lease: Lease4) -> Iterator[str]:
    yield f"dhcp-option-force=option:netmask,{lease.address.netmask}"
    if service.router and lease.router is not None:
        yield f"dhcp-option-force=option:router,{lease.router}"
    else:
        yield "dhcp-option=option:router"  # empty: else dnsmasq names itself
    if routes := _routes(service, lease):
        yield f"dhcp-option-force=121,{_written(routes)}"
    yield f"dhcp-option-force=option:mtu,{service.mtu}"
    yield from _dns4(service)
    if service.hostname:
        yield f"dhcp-option-force={options.HOST_NAME},{quoted(service.hostname)}"
    if service.options.ntp_servers:
        yield f"dhcp-option-force=option:ntp-server,{','.join(map(str, map(IPv4Address, service.options.ntp_servers)))}"
    for number, value in options.texts(service.options):
        yield f"dhcp-option-force={number},{quoted(value)}"


def _dns4(service: Service) -> Iterator[str]:
    resolver = service.resolver
    if not service.dns:
        return
    if resolver.nameservers4:
        yield f"dhcp-option-force=option:dns-server,{','.join(map(str, resolver.nameservers4))}"
    if resolver.domain:
        yield f"dhcp-option-force=option:domain-name,{quoted(resolver.domain)}"
    if resolver.search:
        yield f"dhcp-option-force=option:domain-search,{','.join(resolver.search)}"


# --------------------------------------------------------------------------------------------------------------- IPv6


def _range6(service: Service, lease: Lease6) -> Iterator[str]:
    """dnsmasq takes no prefix shorter than 64."""
    ip, prefix = lease.address.ip, max(lease.address.network.prefixlen, 64)
    if lease.handed_over:
        own = lease.server.network
        yield f"shared-network={lease.server.ip},{ip}"
        yield KNOWN_ONLY
        yield f"dhcp-host={','.join(dict.fromkeys(lease.macs))},[{ip}]"
        yield f"dhcp-range={own.network_address},static,off-link,{own.prefixlen},{lease.seconds}"
    yield f"dhcp-range={ip},{ip},{prefix},{lease.seconds}"
    if service.advertise:
        yield "enable-ra"
        yield f"ra-param={service.bridge},{_advertised_mtu(service)},high,{ADVERTISED_EVERY},{_lifetime(service, lease)}"


def _advertised_mtu(service: Service) -> str:
    return f"mtu:{service.mtu}" if service.mtu >= MINIMUM_MTU6 else "mtu:off"


def _lifetime(service: Service, lease: Lease6) -> int:
    """Zero: not a router."""
    return LONGEST_LIFETIME if service.router and lease.routes else 0


def _options6(service: Service) -> Iterator[str]:
    """The advertisements carry them too, as RDNSS and DNSSL."""
    resolver = service.resolver
    if service.dns and resolver.nameservers6:
        yield f"dhcp-option=option6:dns-server,{','.join(f'[{each}]' for each in resolver.nameservers6)}"
    if service.dns and resolver.search:
        yield f"dhcp-option=option6:domain-search,{','.join(resolver.search)}"
