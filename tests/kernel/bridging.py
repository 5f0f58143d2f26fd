"""Bridge NICs for tests: further NICs and the links that a CNI makes for them, and how a wired one looks to the usual tools.

Wired(netns).link("eth0-nic")        what `ip -d link` says of it
Wired(netns).addresses("eth0")       all its addresses with their lengths, link-local ones included
asked_by_arp(netns, "cni0", IP)      the MACs that claim an address when this namespace asks on that link
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from converge.bindings.names import hashed
from converge.lab.run import PYTHON, inside
from converge.model import Network, Nic
from tests.kernel import judge
from tests.kernel.inside import answer
from tests.kernel.matrix import AT

POD_MAC = "0a:58:0a:f4:01:05"
FE80 = "fe80::858:aff:fef4:105/64"
"""What the kernel makes of that MAC."""

# Ask for an address by ARP, from 0.0.0.0 as duplicate address detection does, and list who answers within half a second.
_ARP = """
import json, socket, struct, sys, time
link, address, seconds = sys.argv[1], socket.inet_aton(sys.argv[2]), float(sys.argv[3])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind((link, 0x0806))
own = wire.getsockname()[4]
wire.send(b"\\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own + bytes(4) + bytes(6) + address)
found, end = [], time.monotonic() + seconds
while (left := end - time.monotonic()) > 0:
    wire.settimeout(left)
    try:
        frame = wire.recv(128)
    except TimeoutError:
        break
    if frame[20:22] == b"\\0\\2" and frame[28:32] == address:
        found.append(frame[22:28].hex(":"))
print(json.dumps(found))
"""


def secondary(network: str, pod_link: str | None = None) -> Nic:
    """A bridge NIC on a network of Multus."""
    return Nic(network, "bridge", Network(network, "multus", AT, multus_name=network, primary=False), AT, pod_link=pod_link)


def attached(name: str, address: str = "", mac: str = "") -> str:
    """A script for what Multus attaches: a veth whose far end, for want of another place, is in the pod as well.

    Duplicate address detection is off, since it would take a second of every test.
    """
    far = f"{name[:3]}f{name[-8:]}"
    lines = ["sysctl -qw net.ipv6.conf.default.accept_dad=0"]
    lines += [f"ip link add name {name} {f'address {mac} ' * bool(mac)}type veth peer name {far}", f"ip link set {far} up"]
    lines += [f"ip address add {address} dev {name}"] * bool(address)
    return "\n".join([*lines, f"ip link set {name} up"])


def many(number: int) -> tuple[tuple[Nic, ...], str]:
    """That many secondary NICs, `n0` and on, and the script that attaches them, each with an address of its own subnet."""
    nics = tuple(secondary(f"n{place}") for place in range(number))
    return nics, "\n".join(attached(hashed(nic.name), f"192.168.{place}.9/24") for place, nic in enumerate(nics))


@dataclass(frozen=True)
class Wired:
    """A namespace as it is at the first question."""

    netns: str

    @cached_property
    def links(self) -> dict[str, Any]:
        return judge.links(self.netns)

    @cached_property
    def _addresses(self) -> dict[str, list[dict[str, Any]]]:
        return {link["ifname"]: link["addr_info"] for link in answer(self.netns, "ip -j address show")}

    def link(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.links[name]
        return found

    def kind(self, name: str) -> str:
        return str(self.link(name).get("linkinfo", {}).get("info_kind", ""))

    def up(self, name: str) -> bool:
        return "UP" in self.link(name)["flags"]

    def learns(self, name: str) -> bool:
        return bool(self.link(name)["linkinfo"]["info_slave_data"]["learning"])

    def addresses(self, name: str) -> list[str]:
        return [f"{each['local']}/{each['prefixlen']}" for each in self._addresses[name]]

    def broadcasts(self, name: str) -> list[str | None]:
        return [each.get("broadcast") for each in self._addresses[name] if each["family"] == "inet"]

    def servers(self, bridges: Iterable[str]) -> list[str]:
        """The bridges' own IPv4 addresses, one each, in that order."""
        return [only for bridge in bridges for only in self.addresses(bridge) if only.startswith("169.254.75.")]


def asked_by_arp(netns: str, link: str, address: str, seconds: float = 0.5) -> list[str]:
    found: list[str] = json.loads(inside(netns, *PYTHON, "-c", _ARP, link, address, str(seconds)))
    return found
