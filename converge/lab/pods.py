"""A few pods that can talk, each a network namespace with what a CNI would have given it.

    outside ──192.0.2.0/24── node ── bridge cni0 (the pods' gateways) ──┬── eth0, pod web
                                                                        └── eth0, pod db

The node and the outside host are namespaces as well. All names begin with the prefix of a `Place`, so that two tests, or a
test and a demo, never meet. What a pod gets is computed as text for `ip -batch` first (pure, so it can be read and tested),
and run then.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from pathlib import Path

from converge.bindings.names import hashed
from converge.kernel.processes import RUN as SERVICES
from converge.lab.run import NETNS_DIR, LabError, batch, exists, run, write_sysctls

OUTSIDE4, OUTSIDE6 = "192.0.2.7", "2001:db8:7::7"
BRIDGE = "cni0"
_NODE = ["link set lo up", f"link add {BRIDGE} address 0a:58:0a:f4:01:01 type bridge", f"link set {BRIDGE} up"]
_UPLINK = [
    "link add out0 type veth peer name wan0 netns {outside}",
    "address add 192.0.2.1/24 dev out0",
    "address add 2001:db8:7::1/64 dev out0 nodad",
    "link set out0 up",
]
_OUTSIDE = [
    "link set lo up",
    f"address add {OUTSIDE4}/24 dev wan0",
    f"address add {OUTSIDE6}/64 dev wan0 nodad",
    "link set wan0 up",
    "route add default via 192.0.2.1",
    "route add default via 2001:db8:7::1",
]
# A tentative fe80 keeps a router from asking for its neighbours: the first second's packets would be lost.
_NO_DAD = {"net/ipv6/conf/default/accept_dad": "0"}
_ROUTER = {**_NO_DAD, "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"}

Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True, slots=True)
class Place:
    """A set of namespaces that belong together, known by the beginning of their names."""

    prefix: str = "lab-"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", self.prefix):
            raise LabError(f"not a prefix for namespaces: {self.prefix!r}")

    def netns(self, name: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", name):
            raise LabError(f"not a name for a namespace: {name!r}")
        return self.prefix + name

    @property
    def node(self) -> str:
        return self.netns("node")

    @property
    def outside(self) -> str:
        return self.netns("outside")


HERE = Place()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A further link, as Multus attaches one for a network of that name. Its far end is in the node, and nobody is there."""

    network: str
    address: str = ""
    mac: str = "0a:58:c0:a8:05:09"
    mtu: int = 1500

    @property
    def link(self) -> str:
        return hashed(self.network)


@dataclass(frozen=True, slots=True)
class PodSpec:
    """One pod as its CNI left it. Empty `addresses6` with `gateway6=""` makes a pod without IPv6, and likewise for IPv4.

    A gateway outside the pod's own subnets is reached by an on-link route, as Calico does it. `sysctls` are written before the
    link is up. A new namespace inherits IPv4 values from the host, which may route; so that a pod starts the same everywhere, it
    is told not to.
    """

    name: str
    addresses4: Sequence[str] = ("10.244.1.5/24",)
    addresses6: Sequence[str] = ("fd10:244:1::5/64",)
    mtu: int = 1500
    mac: str = "0a:58:0a:f4:01:05"
    link: str = "eth0"
    gateway4: str = "10.244.1.1"
    gateway6: str = "fd10:244:1::1"
    sysctls: Mapping[str, str] = field(default_factory=lambda: {"net/ipv4/ip_forward": "0"})
    attached: Sequence[Attachment] = ()

    def families(self) -> list[tuple[list[Interface], str]]:
        """Addresses and gateway of each family that the pod has."""
        both = ((self.addresses4, self.gateway4), (self.addresses6, self.gateway6))
        return [([ip_interface(text) for text in addresses], gateway) for addresses, gateway in both if addresses]


def on_link(addresses: Iterable[Interface], gateway: str) -> bool:
    return any(ip_address(gateway) in address.network for address in addresses)


def pod_lines(spec: PodSpec) -> list[str]:
    """What is done inside the pod, once its link is there."""
    lines = ["link set lo up"]
    for addresses, _ in spec.families():
        lines += [f"address add {address} dev {spec.link}{' nodad' * (address.version == 6)}" for address in addresses]
    lines.append(f"link set {spec.link} up")
    for addresses, gateway in spec.families():
        if gateway and not on_link(addresses, gateway):
            lines.append(f"route add {gateway} dev {spec.link} scope link")
        if gateway:
            lines.append(f"route add default via {gateway} dev {spec.link}")
    for more in spec.attached:
        lines += [f"address add {more.address} dev {more.link}"] * bool(more.address) + [f"link set {more.link} up"]
    return lines


def port_lines(spec: PodSpec, netns: str) -> list[str]:
    """What is done in the node for one pod: the wire to it, its gateways, and a way to addresses that no subnet covers."""
    port = _port(spec.name)
    mtu = f"mtu {spec.mtu}"
    lines = [
        f"link add {port} {mtu} type veth peer name {spec.link} address {spec.mac} {mtu} netns {netns}",
        f"link set {port} master {BRIDGE} up",
    ]
    for addresses, gateway in spec.families():
        near = [address for address in addresses if gateway and ip_address(gateway) in address.network]
        length = near[0].network.prefixlen if near else addresses[0].max_prefixlen
        if gateway:
            lines.append(f"address replace {gateway}/{length} dev {BRIDGE}{' nodad' * (addresses[0].version == 6)}")
        lines += [f"route replace {address.ip} dev {BRIDGE}" for address in addresses if gateway and address not in near]
    for more in spec.attached:
        far = _port(f"{spec.name} {more.network}")
        wire = f"type veth peer name {more.link} address {more.mac} mtu {more.mtu} netns {netns}"
        lines += [f"link add {far} mtu {more.mtu} {wire}", f"link set {far} up"]
    return lines


def _port(whose: str) -> str:
    return f"v{zlib.crc32(whose.encode()):08x}"


def up(specs: Sequence[PodSpec], place: Place = HERE) -> None:
    """All pods, and their node and outside host where those are missing. All, or nothing is left."""
    if os.geteuid():
        raise LabError("network namespaces are made by root only")
    taken = [place.netns(spec.name) for spec in specs if exists(place.netns(spec.name))]
    if taken:
        raise LabError(f"there already: {', '.join(taken)}. Take the lab down first")
    try:
        if not exists(place.node):
            _make_node(place)
        for spec in specs:
            _make_pod(spec, place)
    except BaseException:
        down([spec.name for spec in specs], place)
        raise


def down(names: Iterable[str], place: Place = HERE) -> None:
    """Removes these pods, whole, half made or gone already; with the last one the node and the outside host."""
    delete(place.netns(name) for name in names)
    if not pods_of(place):
        delete([place.outside, place.node])


def pods_of(place: Place) -> list[str]:
    """Namespaces of this place, the node and the outside host apart."""
    found = sorted(path.name for path in NETNS_DIR.glob(f"{place.prefix}*"))
    return [name for name in found if name not in (place.node, place.outside)]


def delete(namespaces: Iterable[str]) -> None:
    """Namespaces of ours, with every process in them; those that are gone already are passed over."""
    present = [name for name in namespaces if exists(name)]
    end_processes(present)
    if present:
        run("ip", "-force", "-batch", "-", stdin="".join(f"netns delete {name}\n" for name in present))


def end_processes(namespaces: Iterable[str]) -> None:
    """A namespace lives on while a process is in it, and what serves a pod outlives whoever started it. One pass over /proc."""
    inodes = {(NETNS_DIR / name).stat().st_ino for name in namespaces}
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if (process / "ns/net").stat().st_ino not in inodes:
                continue
            words = (process / "cmdline").read_text(errors="replace").split("\0")
            os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        for word in words:
            if word.startswith(f"--conf-file={SERVICES}/"):
                shutil.rmtree(Path(word.partition("=")[2]).parents[2], ignore_errors=True)


def _make_node(place: Place) -> None:
    run("ip", "netns", "add", place.node)
    run("ip", "netns", "add", place.outside)
    write_sysctls(place.node, _ROUTER)
    write_sysctls(place.outside, _NO_DAD)
    batch(place.node, [*_NODE, *(line.format(outside=place.outside) for line in _UPLINK)])
    batch(place.outside, _OUTSIDE)


def _make_pod(spec: PodSpec, place: Place) -> None:
    netns = place.netns(spec.name)
    run("ip", "netns", "add", netns)
    batch(place.node, port_lines(spec, netns))
    # A CNI's pod is past its duplicate address detection; ours need not wait for it.
    links = (spec.link, *(more.link for more in spec.attached))
    write_sysctls(netns, {**spec.sysctls, **{f"net/ipv6/conf/{link}/accept_dad": "0" for link in links}})
    batch(netns, pod_lines(spec))
