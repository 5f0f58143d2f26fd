"""passt: the guest's packets leave through sockets of a process in the pod; there is no link for it, only what that process
must be allowed: ports below 1024 and ping (reference section 3.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converge.bindings.parts import pod_role
from converge.model import Attributes, Desired, Device, GuestNetwork, Key, Nic, Origin, PodFacts
from converge.resources.sysctl import Sysctl

NETWORKS = frozenset({"pod"})
STATES = frozenset({"up", "down"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = False
NEEDS_POD_LINK = True
MAKES: tuple[str, ...] = ()

PING_GROUPS = "net.ipv4.ping_group_range"
LEAST_PORT = "net.ipv4.ip_unprivileged_port_start"


def sysctl_paths(_facts: PodFacts, _nic: Nic) -> Iterator[str]:
    yield PING_GROUPS
    yield LEAST_PORT


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    group = document.tap_group
    resources: dict[Key, Attributes] = {
        Key("sysctl", "", PING_GROUPS): Sysctl(f"{group} {group}"),
        Key("sysctl", "", LEAST_PORT): Sysctl("0"),
    }
    link = facts.links[nic.name]
    # Nothing else would tell a fact that was deleted from one that was never written.
    resources[Key("link", pod_role(nic))] = replace(link.original or link.resource, mark=pod_role(nic))
    origins = {key: Origin(nic.name, nic.at) for key in resources}
    device = Device(nic.name, "vhostuser", source=link.resource.name)
    return Desired(resources, origins, devices=(device,))
