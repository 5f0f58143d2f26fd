"""resolv.conf -> what the guest is told about DNS (reference section 5.3).

The rules are KubeVirt's, odd ones included (a second `search` line adds to the first, `domain` and `options` mean nothing),
since guests have come to rely on them. One thing is different: KubeVirt's launcher dies of a search domain that it cannot
send, and the guest with it. Here that domain is left out, and a warning says so.

The document's `dnsConfig` is merged as the kubelet does it: appended, unless it is there already. Where the kubelet has done
so before us, that changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar

from converge.model import DnsConfig

FALLBACK_NAMESERVER = IPv4Address("8.8.8.8")
FALLBACK_SEARCH = "cluster.local"
LONGEST_NAME = 253
MOST_BYTES = 255
"""What option 119 can carry, and four times the nameservers that option 6 can."""

SEARCH_DOMAIN = re.compile(r"(?:[_a-z0-9](?:[_a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?")
"""KubeVirt's rule, but for names that are one only by the dot at their end, as `114.114.114.114.`."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Resolver:
    """`domain` is option 15, one name: the longest of the search list."""

    nameservers4: tuple[IPv4Address, ...] = ()
    nameservers6: tuple[IPv6Address, ...] = ()
    search: tuple[str, ...] = ()
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Translated:
    """`warnings` are sentences, one for each thing that the guest is not told."""

    resolver: Resolver
    warnings: tuple[str, ...] = ()


def translate(text: str, dns: DnsConfig | None = None, subdomain: str = "") -> Translated:
    """`text` is a resolv.conf; "" where there is none. With dnsPolicy None it does not count."""
    own = dns or DnsConfig()
    lines = [] if own.policy == "None" else text.split("\n")
    servers = _merged(list(_nameservers(lines)), _addresses(own.nameservers))
    four = tuple(each for each in servers if isinstance(each, IPv4Address))
    six = tuple(each for each in servers if isinstance(each, IPv6Address))
    found = _merged(_searches(lines), (name.lower() for name in own.searches))
    search, warnings = _sendable(_with_subdomain(found or [FALLBACK_SEARCH], subdomain))
    if len(four) * 4 > MOST_BYTES:
        warnings.append(f"{len(four)} IPv4 nameservers do not fit into DHCP option 6: the guest is told {MOST_BYTES // 4}")
    if not servers:
        four = (FALLBACK_NAMESERVER,)
    return Translated(Resolver(four[: MOST_BYTES // 4], six, search, max(search, key=len, default="")), tuple(warnings))


def telling(text: str) -> list[str]:
    """The lines of a resolv.conf that `translate` reads; it makes the same of them as of the whole text."""
    return [line for line in text.split("\n") if line.startswith(("nameserver", "search"))]


def sendable(name: str) -> bool:
    """Can this search domain be sent? Length counts without the dot that may end it."""
    return len(name.removesuffix(".")) <= LONGEST_NAME and SEARCH_DOMAIN.fullmatch(name) is not None


def encoded_length(name: str) -> int:
    """Bytes of a name in option 119: a length byte before each label, and a zero."""
    return len(name.removesuffix(".")) + 2


def _nameservers(lines: Iterable[str]) -> Iterator[IPv4Address | IPv6Address]:
    for line in lines:
        words = line.split()
        if line.startswith("nameserver") and len(words) == 2:
            yield from _addresses(words[1:])


def _addresses(words: Iterable[str]) -> Iterator[IPv4Address | IPv6Address]:
    """Those that are addresses. An IPv4-mapped one is IPv4; a zone means nothing to a guest, so such an address is none."""
    for word in words:
        try:
            address = ip_address(word)
        except ValueError:
            continue
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                continue
            yield address.ipv4_mapped or address
        else:
            yield address


def _searches(lines: Iterable[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.startswith("search"):
            found += [word.lower() for word in line.split()[1:]]
    return found


def _with_subdomain(search: list[str], subdomain: str) -> list[str]:
    """The guest's own service domain first: `subdomain` before the longest one that names services."""
    service = max((name for name in search if ".svc." in name), key=len, default="")
    if not subdomain or not service or service.startswith(f"{subdomain}."):
        return search
    return [f"{subdomain}.{service}", *search]


def _sendable(search: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Those that can be sent, in order, as many as fit into one option."""
    kept: list[str] = []
    warnings: list[str] = []
    used = 0
    for name in search:
        if not sendable(name):
            warnings.append(f"search domain {_shown(name)} is not a domain name that DHCP can carry: the guest is not told of it")
        elif used + encoded_length(name) > MOST_BYTES:
            warnings.append(f"search domain {_shown(name)} does not fit into the {MOST_BYTES} bytes of DHCP option 119")
        else:
            used += encoded_length(name)
            kept.append(name.removesuffix("."))
    return tuple(kept), warnings


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 60 else name[:57] + "...")


def _merged(base: list[Item], more: Iterable[Item]) -> list[Item]:
    return [*base, *(each for each in dict.fromkeys(more) if each not in base)]
