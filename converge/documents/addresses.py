"""Text -> MAC addresses and networks, with the reason where it is neither. No node, no place: tables of examples test it."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

Refusal = tuple[str, str]  # what is wrong with the value, what would be right

# What Go's net.ParseMAC takes: pairs joined by ":" or "-", quads joined by ".", and bare digits; any case.
MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2})+|[0-9a-f]{2}(?:-[0-9a-f]{2})+|[0-9a-f]{4}(?:\.[0-9a-f]{4})+|[0-9a-f]{12}")
LEADING_ZEROS = re.compile(r"(?<![0-9.])0*([0-9]+)\.0*([0-9]+)\.0*([0-9]+)\.0*([0-9]+)(/[0-9]+)")
SHAPE = re.compile(r"[0-9A-Fa-f:.]+/(?:0|[1-9][0-9]{0,2})")

NO_GUEST_4 = {
    "0.0.0.0/8": "this network",
    "127.0.0.0/8": "loopback",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
NO_GUEST_6 = {
    "::/127": "loopback",
    "::ffff:0:0/96": "IPv4-mapped",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
MAX_PREFIX = {4: 30, 6: 126}
MAC_RIGHT = "six bytes as 02:00:00:00:00:07 (pairs with : or -, quads with ., or twelve digits)"


def parse_mac(text: str) -> str | Refusal:
    """The canonical form (lower case, colons), as the kernel lists it."""
    lowered = text.lower()
    if not MAC.fullmatch(lowered):
        return "is not a MAC address", MAC_RIGHT
    digits = re.sub("[:.-]", "", lowered)
    if len(digits) != 12:
        return f"has {len(digits) // 2} bytes", MAC_RIGHT
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


def unusable_mac(mac: str) -> Refusal | None:
    """Addresses no NIC can have. KubeVirt lets them through; the hypervisor or the kernel then refuses them."""
    if mac == "00:00:00:00:00:00":
        return "is all zeros, which the kernel takes for no address", "leave it out, or set the second digit to 2, 6, a or e"
    if int(mac[1], 16) & 1:
        return "is a multicast address", "the second digit must be even: 2, 6, a or e for addresses of one's own"
    return None


@lru_cache(maxsize=1024)
def parse_cidr(text: str, version: int) -> IPv4Network | IPv6Network | Refusal:
    """Host bits are masked off, and leading zeros dropped in IPv4, as KubeVirt does."""
    example = "10.0.2.0/24" if version == 4 else "fd10:0:2::/120"
    if version == 4 and (zeros := LEADING_ZEROS.fullmatch(text)):
        text = ".".join(zeros.group(1, 2, 3, 4)) + zeros.group(5)
    if not SHAPE.fullmatch(text):
        return "is not a network", f"write address/prefix, as {example}"
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return "is not a network", f"write address/prefix, as {example}"
    if network.version != version:
        field = "vmIPv6NetworkCIDR" if version == 4 else "vmNetworkCIDR"
        right = f"an IPv{version} network stands here, as {example}; IPv{network.version} belongs in {field}"
        return f"is an IPv{network.version} network", right
    return _usable(network)


def _usable(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network | Refusal:
    version = network.version
    if network.prefixlen > MAX_PREFIX[version]:
        return "is too small", f"bridge and guest need an address each: prefix {MAX_PREFIX[version]} or shorter"
    for text, why in (NO_GUEST_4 if version == 4 else NO_GUEST_6).items():
        if network.overlaps(ip_network(text)):
            right = "a private network, as 10.0.2.0/24" if version == 4 else "a unique local network, as fd10:0:2::/120"
            return f"overlaps {text} ({why})", f"{right}, can be a guest's"
    return network
