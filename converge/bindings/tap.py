"""tap: a binding plugin of the cluster whose CNI has made the tap already. It is used, not made: a tap of the expected name, or
else the pod link itself, as a macvtap link can be (reference section 3.5).
"""

from __future__ import annotations

from converge.bindings.names import names
from converge.bindings.parts import no_sysctls, tap_device
from converge.model import Desired, Device, Diagnostic, GuestNetwork, Nic, PodFacts, Severity

NETWORKS = frozenset({"pod", "multus"})
STATES = frozenset({"up", "down"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = False
NEEDS_POD_LINK = False
MAKES: tuple[str, ...] = ()
sysctl_paths = no_sysctls


def compile(_document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    own = names(nic, facts.names[nic.name])
    link = facts.links.get(nic.name)
    target = next((name for name in (own.tap, own.pod_link) if name in facts.present), None)
    if target is None:
        detail = (
            f"NIC {nic.name}: the pod has neither {own.tap} nor {own.pod_link}\n"
            f"the CNI of binding {nic.plugin} must make one of them; the guest has no device until then"
        )
        return Desired({}, warnings=(Diagnostic("tap is missing", detail, nic.at, Severity.WARNING, nic.name),))
    return Desired({}, devices=(Device(nic.name, "tap", target) if link is None else tap_device(nic, target, link),))
