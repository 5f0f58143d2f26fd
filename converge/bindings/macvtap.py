"""macvtap: the guest shares the pod link with the pod, under a MAC of its own, and the kernel sorts what arrives by MAC. There is
no bridge, no NAT and no service; the pod keeps its addresses, and its link is not touched.

    CNI's network ── eth0 (the pod's own MAC and addresses) ── tap0 (macvtap, mode bridge) ── /dev/tap<ifindex> ── guest

Pod and guest do not hear each other: what one of them sends goes out. KubeVirt leaves such a link to a CNI and a plugin that the
cluster registers; where that is so, the binding is `tap`. In mode bridge no two links on one lower link can have its MAC, so the
guest cannot have the pod link's, and gets one that is derived from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from converge.bindings.names import names
from converge.bindings.parts import derived_mac, no_sysctls, pod_role, unknown_original
from converge.model import Desired, Device, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, PodLink, Severity
from converge.resources.link import Link

NETWORKS = frozenset({"pod", "multus"})
STATES = frozenset({"up", "down"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = False
NEEDS_POD_LINK = True
MAKES: tuple[str, ...] = ("tap",)
sysctl_paths = no_sysctls

CANNOT_CARRY = ("", "tun", "macvlan", "macvtap", "ipvlan", "ipvtap")
"""The kernel puts a macvtap on a macvlan's own lower link, which is another namespace's; the others pass on no foreign MAC."""


def compile(_document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    link = facts.links[nic.name]
    refusals = tuple(_refusals(nic, link))
    if refusals or link.original is None:
        return Desired({}, refusals=refusals)
    own, mtu = names(nic, link.original.name), link.original.mtu
    mac = nic.mac or derived_mac("macvtap", link.original.mac)
    key = Key("link", f"macvtap:{nic.name}")
    made = Link(own.tap, "macvtap", up=True, mtu=mtu, mac=mac, mark=key.owner, lower=pod_role(nic), mode="bridge")
    return Desired(
        {key: made},
        {key: Origin(nic.name, nic.at)},
        warnings=tuple(_warnings(nic, link)),
        devices=(Device(nic.name, "tap", own.tap, mac=mac, mtu=mtu),),
    )


def _refusals(nic: Nic, link: PodLink) -> Iterator[Diagnostic]:
    if link.original is None:
        yield unknown_original(nic, link)
        return
    if link.resource.kind in CANNOT_CARRY:
        detail = (
            f"{link.resource.name} is a {link.resource.kind or 'loopback'} link, which cannot carry a macvtap\n"
            "if a CNI made it for the guest, register this binding in a KubeVirt document with domainAttachmentType: tap"
        )
        yield Diagnostic("pod link cannot carry a macvtap", detail, nic.at, nic=nic.name)
    if nic.mac is not None and nic.mac == link.original.mac:
        detail = (
            f"NIC {nic.name}: macAddress {nic.mac} is that of {link.original.name}, and a macvtap cannot share it\n"
            "take another, as 02:00:00:00:00:07, or leave it out"
        )
        yield Diagnostic("MAC address is the pod link's", detail, nic.at, nic=nic.name)


def _warnings(nic: Nic, link: PodLink) -> Iterator[Diagnostic]:
    if link.original is not None and not link.original.up:
        detail = f"NIC {nic.name}: {link.original.name} is down, so the guest has no carrier\nset it up; converge does not"
        yield Diagnostic("pod link is down", detail, nic.at, Severity.WARNING, nic.name)
