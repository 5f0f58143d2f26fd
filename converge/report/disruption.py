"""What a change does to the traffic of a running guest: the worst that can be said of it, from the change alone.

    none           no packet notices: a resource comes, or an attribute that no packet meets changes (owner, mark, fact)
    new-flows      NAT rules or ports change: new connections may go elsewhere, established ones keep what conntrack has
    short-cut      packets are lost for a moment: a link goes down and up, is renamed, or changes its MTU or MAC; an address, a
                   route or forwarding goes; the last NAT chain goes, which resets established connections; a virtual function
                   gets another MAC or VLAN
    carrier-loss   a tap or macvtap is deleted, made anew, set down or leaves its bridge: the guest sees its cable pulled, and a
                   VMM that holds a deleted one open must open the new one; a virtual function's link is disabled

The rule looks at one change and not at whether a guest runs, which nobody here knows.
"""

from __future__ import annotations

from converge.model import Attributes
from converge.resources.chain import CAPTURED
from converge.resources.link import Link
from converge.resources.vf import Vf

LEVELS = ("none", "new-flows", "short-cut", "carrier-loss")


def worst(levels: list[str]) -> str:
    return max(levels, key=LEVELS.index, default="none")


def disruption(kind: str, name: str, before: Attributes | None, after: Attributes | None, replaced: bool) -> str:
    """`name` is the key's; `replaced`: the resource is deleted and made again."""
    if kind == "link":
        return "none" if before is None else _of_link(before, after, replaced)
    if kind == "vf":
        return "none" if before is None or after is None else _of_function(before, after)
    if kind in ("chain", "element", "set"):
        quiet = name == CAPTURED or (kind == "set" and before is None)
        return "none" if quiet else "new-flows"
    if kind in ("table", "address", "route"):
        return "short-cut" if before is not None and (after is None or replaced or kind != "address") else "none"
    if kind == "sysctl":
        off = before is not None and after is not None and after.value == "0" and name.rpartition(".")[2] in _SWITCHES
        return "short-cut" if off else "none"
    return "none"


_SWITCHES = ("ip_forward", "forwarding", "route_localnet")


def _of_link(before: Link, after: Link | None, replaced: bool) -> str:
    if after is None or replaced:
        return "carrier-loss" if before.kind in ("tun", "macvtap", "bridge") else "short-cut"
    if before.kind in ("tun", "macvtap"):
        left = before.master is not None and after.master != before.master
        if left or (before.up and not after.up):
            return "carrier-loss"
    return "short-cut" if _interrupts(before, after) else "none"


def _of_function(before: Vf, after: Vf) -> str:
    if before.state != after.state and after.state == "disable":
        return "carrier-loss"
    return "short-cut" if (before.mac, before.vlan) != (after.mac, after.vlan) else "none"


def _interrupts(before: Link, after: Link) -> bool:
    moved = before.master is not None and after.master != before.master
    down = before.up and not after.up
    return (
        moved or down or (before.name, before.mtu, before.mac, before.bridge) != (after.name, after.mtu, after.mac, after.bridge)
    )
