"""What several bindings are made of: roles, the tap that a VMM opens, and the address that counts as the pod's."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface

from converge.model import Device, Diagnostic, GuestNetwork, Nic, PodFacts, PodLink
from converge.resources.link import Bridge, Link, Port, Tap
from converge.resources.wire import interface

Interface = IPv4Interface | IPv6Interface


def no_sysctls(_facts: PodFacts, _nic: Nic) -> Iterator[str]:
    """For a binding that needs none which netlink does not give."""
    yield from ()


def bridge_role(nic: Nic) -> str:
    return f"bridge:{nic.name}"


def derived_mac(purpose: str, pod_mac: str) -> str:
    """A locally administered address that is the same whenever this pod link is wired, and is not its own."""
    from hashlib import sha256

    return "02:" + sha256(f"{purpose} {pod_mac}".encode()).digest()[:5].hex(":")


def tap_role(nic: Nic) -> str:
    return f"tap:{nic.name}"


def pod_role(nic: Nic) -> str:
    return f"pod:{nic.name}"


def standin_role(nic: Nic) -> str:
    return f"standin:{nic.name}"


def taps_bridge(nic: Nic, name: str, mtu: int, mac: str) -> Link:
    """The bridge between a tap and its pod."""
    return Link(name, "bridge", up=True, mtu=mtu, mac=mac, mark=bridge_role(nic), bridge=Bridge())


def tap(document: GuestNetwork, nic: Nic, name: str, mtu: int) -> Link:
    """Its MAC is the kernel's own: the guest's is in the domain. Two queues or more need a multi-queue tap, from the start."""
    own = Tap(document.tap_owner, document.tap_group, multi_queue=nic.queues > 1)
    return Link(name, "tun", up=True, mtu=mtu, master=bridge_role(nic), mark=tap_role(nic), tap=own, port=Port())


def tap_device(nic: Nic, target: str, link: PodLink) -> Device:
    """A tap for the VMM, with the MAC and MTU of the link that carries the pod link's name (reference section 6.1)."""
    original = link.original
    return Device(
        nic.name,
        "tap",
        target,
        mac=original.mac if original is not None else None,
        mtu=original.mtu if original is not None else None,
    )


def global_address(link: PodLink, version: int) -> Interface | None:
    """The first global-unicast address of a family: no loopback, link-local, multicast; private ranges count."""
    for key, _ in link.addresses:
        own = interface(key.name)
        ip = own.ip
        if ip.version == version and not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified):
            return own
    return None


def unknown_original(nic: Nic, link: PodLink) -> Diagnostic:
    """Half wired by somebody who left no facts and no stand-in: nothing may be guessed."""
    detail = (
        f"{link.resource.name} has already lost its name, and neither facts nor a stand-in say what it was\n"
        "make the pod anew; nothing here can tell its MAC, addresses and routes"
    )
    return Diagnostic("facts lost", detail, nic.at, nic=nic.name)
