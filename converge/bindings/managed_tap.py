"""managedTap: as bridge, but nothing is served on it: no address on the bridge, no DHCP. The guest's address comes from
elsewhere, such as a DHCP server of the pod's network (reference section 3.4).
"""

from __future__ import annotations

from converge.bindings import takeover

NETWORKS = frozenset({"pod", "multus"})
STATES = frozenset({"up", "down"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = True
NEEDS_POD_LINK = True
MAKES = takeover.MAKES
sysctl_paths = takeover.sysctl_paths
compile = takeover.compile
