"""What no kernel shows: names and values that have another form than their kind's. For snapshots, which anybody can write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from converge.model import Attributes, Key
from converge.resources import route

MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2})+")
ELEMENT = re.compile(r"(?:[a-z0-9-]+ \. )?([0-9]{1,40})(?:-([0-9]{1,5}))?")
"""A port, a range, or (in a set that somebody else made in our table) any other key as one number."""
LAST_PORT, LARGEST_MTU = 65535, 1 << 32


def misshapen(key: Key, value: Attributes) -> str | None:
    """Why this cannot be, in one sentence; None where it can."""
    check = _CHECKS.get(key.kind)
    return next(check(key, value), None) if check is not None else None


def _link(key: Key, value: Any) -> Iterator[str]:
    if key.name:
        yield f"a link has no second name: {key.name!r}"
    if not value.name or len(value.name.encode()) > 15 or "/" in value.name or any(map(str.isspace, value.name)):
        yield f"{value.name!r} is no link's name"
    if value.mac is not None and not MAC.fullmatch(value.mac):
        yield f"{value.mac!r} is not a MAC, as 02:00:00:00:00:01"
    if not 0 <= value.mtu < LARGEST_MTU:
        yield f"{value.mtu} is no MTU"
    if value.mark is not None and ":" not in value.mark:
        yield f"{value.mark!r} is not a mark, as bridge:default"


def _address(key: Key, value: Any) -> Iterator[str]:
    if not _interface(key.name):
        yield f"{key.name!r} is not an address with its length, as 10.0.2.1/24"
    elif value.primary is not None and not (_interface(value.primary) and value.primary != key.name):
        yield f"{value.primary!r} is not its primary address, as 10.0.2.1/24"
    for name in ("broadcast", "peer"):
        given = getattr(value, name)
        if given is not None and not _same_family(given, key.name):
            yield f"{name} {given!r} is not an address of its family"


def _route(key: Key, value: Any) -> Iterator[str]:
    try:
        destination, *numbers = route.parsed(key.name)
        whole = str(ip_network(destination)) == destination and all(0 <= each < 1 << 32 for each in numbers)
    except ValueError:
        whole = False
    if not whole or route.name(destination, *numbers) != key.name:
        yield f"{key.name!r} is not a destination, as 10.0.0.0/8 metric 5"
        return
    for name in ("gateway", "source"):
        given = getattr(value, name)
        if given is not None and not _is_address(given):
            yield f"{name} {given!r} is not an address"
    if value.holder is not None and not _interface(value.holder):
        yield f"holder {value.holder!r} is not an address with its length"


def _element(key: Key, _value: Any) -> Iterator[str]:
    found = ELEMENT.fullmatch(key.name)
    if found is None or (found[2] is not None and not int(found[1]) <= int(found[2]) <= LAST_PORT):
        yield f"{key.name!r} is not an element of a set of ports, as tcp . 80"


def _sysctl(key: Key, _value: Any) -> Iterator[str]:
    if key.owner and not key.name.startswith(("ipv4.", "ipv6.")):
        yield f"{key.name!r} is not a sysctl of a link, as ipv6.accept_ra"


def _vf(key: Key, value: Any) -> Iterator[str]:
    if not (key.name.isascii() and key.name.isdigit()):
        yield f"{key.name!r} is not the number of a virtual function"
    if value.mac is not None and not MAC.fullmatch(value.mac):
        yield f"{value.mac!r} is not a MAC, as 02:00:00:00:00:01"
    if value.state not in (None, "auto", "enable", "disable"):
        yield f"{value.state!r} is no link state"


_CHECKS: Mapping[str, Callable[[Key, Any], Iterator[str]]] = {
    "link": _link,
    "address": _address,
    "route": _route,
    "element": _element,
    "sysctl": _sysctl,
    "vf": _vf,
}


def _interface(text: str) -> bool:
    try:
        return "/" in text and str(ip_interface(text)) == text
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _same_family(text: str, other: str) -> bool:
    return _is_address(text) and (":" in text) == (":" in other)
