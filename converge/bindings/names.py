"""Names of links, as KubeVirt derives them (reference section 2), so that its tools and people find what they expect."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from converge.model import GuestNetwork, Network, Nic

LONGEST = 15
"""IFNAMSIZ - 1: characters of the longest name a link can have."""

_ORDINAL = re.compile(r"net\d+")


@dataclass(frozen=True, slots=True)
class Names:
    """Of one NIC. `renamed` is the pod link's name where a binding puts a stand-in under its own."""

    pod_link: str
    tap: str
    bridge: str
    renamed: str


def pod_link_names(document: GuestNetwork, present: Collection[str]) -> dict[str, str]:
    """The pod link's name by NIC. `present`: names of the pod's links; one of the form `net1` means the ordinal scheme for
    all, and so does one in what Multus says of the pod. The primary link is the one that Multus calls the default.
    """
    reported = [each.interface for each in document.attachments]
    ordinal = any(_ORDINAL.fullmatch(name) for name in (*present, *reported))
    primary = next((each.interface for each in document.attachments if each.default and each.interface), "eth0")
    secondary = [nic.network.name for nic in document.nics if not nic.network.primary]
    return {nic.name: nic.pod_link or _pod_link(nic.network, primary, secondary, ordinal) for nic in document.nics}


def _pod_link(network: Network, primary: str, secondary: list[str], ordinal: bool) -> str:
    if network.primary:
        return primary
    return f"net{secondary.index(network.name) + 1}" if ordinal else hashed(network.name)


def hashed(network: str) -> str:
    """`pod` and 11 hex digits of SHA-256 of the network's name: 14 characters, so that the derived names have 15."""
    from hashlib import sha256  # 1 ms, and the primary network needs none

    return "pod" + sha256(network.encode()).hexdigest()[:11]


def names(nic: Nic, pod_link: str) -> Names:
    """All names of a NIC whose pod link is, or was, called `pod_link`."""
    tap = "tap0" if nic.network.primary else "tap" + pod_link[3:]
    return Names(pod_link, tap, bridge_name(pod_link), pod_link.removeprefix("pod") + "-nic")


def bridge_name(pod_link: str) -> str:
    return "k6t-" + pod_link.removeprefix("pod")


def too_long(own: Names, made: tuple[str, ...]) -> str | None:
    """The first derived name that the kernel would refuse; `made` says which of them are given to links."""
    return next((name for name in (getattr(own, each) for each in made) if len(name) > LONGEST), None)
