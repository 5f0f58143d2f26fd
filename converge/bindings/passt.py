"""passt: the guest's packets leave through sockets of a process in the pod; there is no link for it, only what that process must
be allowed: ports below 1024 and ping (reference section 3.7).

The VMM starts passt, as libvirt does for KubeVirt. For one that only connects to a socket (QEMU's `-netdev stream`), a document
can ask converge to run it; then it is a process like any other that serves a NIC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converge.bindings import nat
from converge.bindings.parts import pod_role
from converge.model import Attributes, Desired, Device, Diagnostic, GuestNetwork, Key, Nic, Origin, PodFacts, PodLink, Severity
from converge.resources import process
from converge.resources.sysctl import Sysctl
from converge.services import passt, resolv

NETWORKS = frozenset({"pod"})
STATES = frozenset({"up", "down"})
RESERVED_MACS: frozenset[str] = frozenset()
TAKES_OVER = False
NEEDS_POD_LINK = True
MAKES: tuple[str, ...] = ()

PROGRAM = "passt"
PING_GROUPS = "net.ipv4.ping_group_range"
LEAST_PORT = "net.ipv4.ip_unprivileged_port_start"


def sysctl_paths(_facts: PodFacts, _nic: Nic) -> Iterator[str]:
    yield PING_GROUPS
    yield LEAST_PORT


def compile(document: GuestNetwork, nic: Nic, facts: PodFacts) -> Desired:
    link = facts.links[nic.name]
    group = document.tap_group
    resources: dict[Key, Attributes] = {
        Key("sysctl", "", PING_GROUPS): Sysctl(f"{group} {group}"),
        Key("sysctl", "", LEAST_PORT): Sysctl("0"),
        # Nothing else would tell a fact that was deleted from one that was never written.
        Key("link", pod_role(nic)): replace(link.original or link.resource, mark=pod_role(nic)),
    }
    if not nic.passt_socket:
        device = Device(nic.name, "vhostuser", source=link.resource.name)
        return Desired(resources, _origins(nic, resources), devices=(device,))
    socket = passt.socket_path(document.namespace, document.name, nic.name)
    if len(socket.encode()) > passt.LONGEST_SOCKET:
        detail = f"{socket} is longer than the {passt.LONGEST_SOCKET} bytes of a socket's path\nuse shorter names"
        return Desired({}, refusals=(Diagnostic("name is too long", detail, nic.at, nic=nic.name),))
    service, warnings = _service(document, nic, link, facts, socket)
    resources[Key("process", pod_role(nic), PROGRAM)] = process.of(passt.text(service))
    device = Device(nic.name, "stream", target=socket, mac=link.resource.mac, mtu=service.mtu)
    return Desired(resources, _origins(nic, resources), warnings=warnings, devices=(device,))


def _service(
    document: GuestNetwork, nic: Nic, link: PodLink, facts: PodFacts, socket: str
) -> tuple[passt.Service, tuple[Diagnostic, ...]]:
    told = resolv.translate(facts.resolv.get(nic.guest.resolv_conf or "", ""), document.dns, document.subdomain)
    service = passt.Service(
        link=link.resource.name,
        socket=socket,
        mtu=nic.guest.mtu or link.resource.mtu,
        ports=nic.ports,
        kept=nat.MESH_PORTS if document.istio else (),
        user=document.tap_owner,
        group=document.tap_group,
        resolver=told.resolver,
        dns=nic.guest.dhcp_dns,
        advertise=nic.guest.router_advertisements,
    )
    return service, tuple(Diagnostic("DNS left out", each, nic.at, Severity.WARNING, nic.name) for each in told.warnings)


def _origins(nic: Nic, resources: dict[Key, Attributes]) -> dict[Key, Origin]:
    return {key: Origin(nic.name, nic.at) for key in resources}
