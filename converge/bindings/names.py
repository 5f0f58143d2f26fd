"""Names of links, as KubeVirt derives them (reference section 2.1), so that its tools and people find what they expect."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from converge.model import Nic

LONGEST = 15
"""IFNAMSIZ - 1: characters of the longest name a link can have."""


@dataclass(frozen=True, slots=True)
class Names:
    """Of one NIC. `renamed` is the pod link's name where a binding puts a stand-in under its own."""

    pod_link: str
    tap: str
    bridge: str
    renamed: str


def names(nic: Nic) -> Names:
    """Names by the hashed scheme: `pod` and 11 hex digits of SHA-256 of the network's name for a secondary network."""
    network = nic.network
    pod_link = nic.pod_link or ("eth0" if network.primary else "pod" + sha256(network.name.encode()).hexdigest()[:11])
    stem = pod_link.removeprefix("pod")
    return Names(pod_link, "tap0" if network.primary else "tap" + pod_link[3:], "k6t-" + stem, stem + "-nic")
