"""A stand-in for the guest: a namespace whose only link is wired to a pod's tap, with addresses set as DHCP would set them.

The tap is opened by a process (`wire`), as a VMM would, so everything from the tap into the pod is the real path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_interface

from converge.lab.run import batch, child, exists, python_file, run

LINK = "eth0"


@dataclass(frozen=True, slots=True)
class GuestSpec:
    """Defaults are what KubeVirt's masquerade binding gives a guest. Without addresses the guest only has its link."""

    tap: str = "tap0"
    mac: str = "02:00:00:00:00:05"
    addresses: Sequence[str] = ("10.0.2.2/24", "fd10:0:2::2/120")
    gateways: Sequence[str] = ("10.0.2.1", "fd10:0:2::1")
    mtu: int = 1500


def guest_lines(spec: GuestSpec) -> list[str]:
    lines = ["link set lo up", f"link set {LINK} address {spec.mac} mtu {spec.mtu}"]
    for text in spec.addresses:
        lines.append(f"address add {text} dev {LINK}{' nodad' * (ip_interface(text).version == 6)}")
    lines.append(f"link set {LINK} up")
    lines += [f"route add default via {gateway} dev {LINK}" for gateway in spec.gateways]
    return lines


@contextmanager
def guest_on(pod_netns: str, spec: GuestSpec = GuestSpec(), netns: str = "") -> Iterator[str]:
    """The guest's namespace, for as long as the block lasts. Named after the pod's, unless told otherwise."""
    guest = netns or f"{pod_netns}-guest"
    run("ip", "netns", "add", guest)
    try:
        with child(*python_file("wire.py"), pod_netns, spec.tap, guest, LINK):
            batch(guest, guest_lines(spec))
            yield guest
    finally:
        if exists(guest):
            run("ip", "netns", "delete", guest)
