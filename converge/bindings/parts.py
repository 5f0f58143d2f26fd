"""What several bindings are made of: roles, and the tap that a VMM opens."""

from __future__ import annotations

from converge.model import GuestNetwork, Nic
from converge.resources.link import Bridge, Link, Port, Tap


def bridge_role(nic: Nic) -> str:
    return f"bridge:{nic.name}"


def tap_role(nic: Nic) -> str:
    return f"tap:{nic.name}"


def pod_role(nic: Nic) -> str:
    return f"pod:{nic.name}"


def taps_bridge(nic: Nic, name: str, mtu: int, mac: str) -> Link:
    """The bridge between a tap and its pod."""
    return Link(name, "bridge", up=True, mtu=mtu, mac=mac, mark=bridge_role(nic), bridge=Bridge())


def tap(document: GuestNetwork, nic: Nic, name: str, mtu: int) -> Link:
    """Its MAC is the kernel's own: the guest's is in the domain. Two queues or more need a multi-queue tap, from the start."""
    own = Tap(document.tap_owner, document.tap_group, multi_queue=nic.queues > 1)
    return Link(name, "tun", up=True, mtu=mtu, master=bridge_role(nic), mark=tap_role(nic), tap=own, port=Port())
