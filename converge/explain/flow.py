"""Flows in a pod's own words ("from outside to the pod's address, tcp 22"), and the packet that each becomes in one set of
resources: the same flow has other addresses when a subnet changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from converge.explain.pod import Pod, first_address
from converge.explain.walk import Packet, Receiver, Trace, guest_address, walked


class Origin(Enum):
    """Who asks whom; guest and pod ask the outside where nothing else is said."""

    OUTSIDE = "from outside"
    LOOPBACK = "from the pod itself to loopback"
    OWN = "from the pod itself to its own address"
    GUEST = "from the guest"
    POD = "from the pod itself"


SOMEWHERE = {4: "198.51.100.1", 6: "2001:db8:ffff::1"}
"""The outside, where no particular address is meant (RFC 5737, RFC 3849)."""
LOOPBACKS = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, slots=True)
class Flow:
    """`family` is 4 or 6; `protocol` is "tcp", "udp", "icmp" (of either family), or another word of a rule; `port` is None where
    it has none. `nic` is the NIC on whose pod link, or from whose guest, it comes, "" for what is no NIC's. `link` is the pod
    link's handle where it is not `pod:<nic>`. `source` and `destination` are addresses to use in place of the usual ones.
    """

    origin: Origin
    family: int
    protocol: str
    port: int | None = None
    nic: str = ""
    link: str = ""
    source: str = ""
    destination: str = ""

    @property
    def pod_link(self) -> str:
        return self.link or f"pod:{self.nic}"


def packet(seen: Pod, flow: Flow) -> Packet | str:
    """The flow's first packet, or why there is none."""
    protocol = "ipv6-icmp" if flow.protocol == "icmp" and flow.family == 6 else flow.protocol
    enters, source, destination = _ends(seen, flow)
    source, destination = flow.source or source, flow.destination or destination
    if not destination:
        return f"the pod has no IPv{flow.family} address there"
    if flow.origin is Origin.GUEST and enters not in seen.links:
        return "the guest has no such NIC"
    if flow.origin is Origin.GUEST and not source:
        return f"the guest is given no IPv{flow.family} address"
    return Packet(enters, protocol, destination, flow.port, source)


def _ends(seen: Pod, flow: Flow) -> tuple[str, str, str]:
    """The link on which it enters, source and destination."""
    outside = SOMEWHERE[flow.family]
    if flow.origin is Origin.OUTSIDE:
        return flow.pod_link, outside, pod_address(seen, flow) or ""
    if flow.origin is Origin.GUEST:
        return f"tap:{flow.nic}", guest_address(seen, flow.nic, flow.family) or "", outside
    if flow.origin is Origin.LOOPBACK:
        return "", LOOPBACKS[flow.family], LOOPBACKS[flow.family]
    return "", "", outside if flow.origin is Origin.POD else pod_address(seen, flow) or ""


def pod_address(seen: Pod, flow: Flow) -> str | None:
    """What others know the pod by: on its link, or on what stands in for it."""
    own = first_address(seen, flow.pod_link, flow.family)
    return first_address(seen, f"standin:{flow.nic}", flow.family) if own is None and flow.nic else own


def follow(seen: Pod, flow: Flow) -> Trace:
    """`walk` of a flow. One that cannot begin is lost."""
    first = packet(seen, flow)
    return Trace(Receiver.LOST, reason=first) if isinstance(first, str) else walked(seen, first)


def shows(seen: Pod, flow: Flow, trace: Trace) -> str:
    """Whose address is seen as the source: "sender", "gateway", "pod", or the address itself; "" where it is not known."""
    first = packet(seen, flow)
    if isinstance(first, str) or not trace.source:
        return ""
    if trace.source == (first.source or trace.source):
        return "sender"
    holder = seen.local.get(trace.source, "")
    return {"bridge": "gateway", "pod": "pod", "standin": "pod"}.get(holder.partition(":")[0], "pod" if holder else trace.source)
