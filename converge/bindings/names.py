"""Names of links, as KubeVirt derives them (reference section 2), so that its tools and people find what they expect."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
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
    all whose hashed name is not there, and so does one in what Multus says of the pod. The primary link is the one that
    Multus calls the default.
    """
    reported = [each.interface for each in document.attachments]
    ordinal = any(map(is_ordinal, (*present, *reported)))
    primary = next((each.interface for each in document.attachments if each.default and each.interface), "eth0")
    in_order = sorted((nic.network for nic in document.nics), key=lambda network: network.at)  # of `networks`, not of the NICs
    secondary = [network.name for network in in_order if not network.primary]
    numbers = {name: f"net{place}" for place, name in enumerate(secondary, 1)} if ordinal else {}
    return {nic.name: nic.pod_link or _pod_link(nic.network, primary, numbers, present) for nic in document.nics}


def _pod_link(network: Network, primary: str, numbers: Mapping[str, str], present: Collection[str]) -> str:
    if network.primary:
        return primary
    name = hashed(network.name)
    return name if name in present else numbers.get(network.name, name)


def is_ordinal(pod_link: str) -> bool:
    return _ORDINAL.fullmatch(pod_link) is not None


def unsure(document: GuestNetwork, present: Collection[str], certain: Mapping[str, str]) -> frozenset[str]:
    """NICs whose number may be that of another one's link. A number is a place in the list of networks as it was when the pod
    was made: once a network has left that list, or has come in its midst, it says nothing. `certain`: names of pod links that
    something else tells. (KubeVirt takes the wrong link then: reference section 13, 13.)
    """
    secondary = [nic for nic in document.nics if not nic.network.primary]
    numbered, number = pod_link_names(document, present), sum(map(is_ordinal, present))
    shifted = any(certain.get(nic.name, numbered[nic.name]) != numbered[nic.name] for nic in secondary)
    if not number or not (shifted or number > len(secondary)):
        return frozenset()
    by_number = (nic.name for nic in secondary if nic.pod_link is None and is_ordinal(numbered[nic.name]))
    return frozenset(by_number) - certain.keys()


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
