"""A binding plugin of the cluster that asks for no attachment: its CNI and its sidecar do everything. Nothing is made in the
pod and the VMM is given nothing (reference section 3.6).
"""

from __future__ import annotations

from converge.bindings.parts import no_sysctls
from converge.model import Desired, GuestNetwork, Nic, PodFacts

NETWORKS = frozenset({"pod", "multus"})
STATES = frozenset({"up", "down"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = False
NEEDS_POD_LINK = False
MAKES: tuple[str, ...] = ()
sysctl_paths = no_sysctls


def compile(_document: GuestNetwork, _nic: Nic, _facts: PodFacts) -> Desired:
    return Desired({})
