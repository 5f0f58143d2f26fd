"""A thousand pods in seconds, for the bench: each a namespace with eth0, one address and one default route a family.

The other ends of the wires lie in one namespace, without a bridge: a bridge would carry every pod's multicast to every other pod.
Nobody is meant to talk here. One thread makes each namespace and what is in it, without any process (`ip` takes four times as
long), and ends afterwards, so no other thread is ever in a wrong namespace.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

from converge.lab import rtnl
from converge.lab.pods import Place, end_processes
from converge.lab.run import NETNS_DIR, LabError, exists

CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED, MNT_DETACH = 0x1000, 0x4000, 0x100000, 2
LO, ETH0 = 1, 2
MTU = 1500
GATEWAYS = IPv4Address("10.244.0.1"), IPv6Address("fd10:244::1")

HERD = Place("herd-")


def addresses(number: int) -> tuple[IPv4Interface, IPv6Interface]:
    """Those of the pod with this number, from 0: all in one subnet, from .2 on."""
    return IPv4Interface(f"{GATEWAYS[0] + 1 + number}/16"), IPv6Interface(f"{GATEWAYS[1] + 1 + number}/64")


def mac(number: int) -> str:
    """As a CNI makes it from the IPv4 address."""
    return ":".join(f"{byte:02x}" for byte in (0x0A, 0x58, *addresses(number)[0].ip.packed))


def names(count: int, place: Place = HERD) -> list[str]:
    return [place.netns(f"{number:04d}") for number in range(count)]


@contextmanager
def many(count: int, place: Place = HERD) -> Iterator[list[str]]:
    """The names of that many namespaces, for as long as the block lasts."""
    everything = [place.node, *names(count, place)]
    taken = [name for name in everything if exists(name)]
    if taken:
        raise LabError(f"there already: {', '.join(taken[:5])}{' …' * (len(taken) > 5)}")
    try:
        _in_thread(lambda: _make(count, place))
        yield everything[1:]
    finally:
        end_processes(name for name in everything if exists(name))
        for name in everything:
            _delete(name)


def _make(count: int, place: Place) -> None:
    _share_directory()
    _new_namespace(place.node)
    _write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
    with _netlink() as node:
        for number, name in enumerate(names(count, place)):
            _make_pod(node, number, name)


def _make_pod(node: socket.socket, number: int, name: str) -> None:
    """The sockets belong to the namespace where they were made, so the node's serves from inside the pod."""
    _new_namespace(name)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        rtnl.send(node, rtnl.veth(f"v{number}", "eth0", mac(number), ETH0, here, MTU))
    finally:
        os.close(here)
    _write("/proc/sys/net/ipv4/ip_forward", "0")
    with _netlink() as pod:
        ours = [rtnl.address(ETH0, address) for address in addresses(number)]
        ways = [rtnl.default_route(ETH0, gateway) for gateway in GATEWAYS]
        rtnl.send(pod, rtnl.link_up(LO), rtnl.link_up(ETH0), *ours, *ways)


def _netlink() -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    netlink.bind((0, 0))
    return netlink


def _new_namespace(name: str) -> None:
    """This thread goes into a new namespace, which gets a name."""
    _system_call("unshare", CLONE_NEWNET)
    path = NETNS_DIR / name
    path.touch(mode=0o444, exist_ok=False)
    _system_call("mount", b"/proc/thread-self/ns/net", os.fsencode(path), b"none", MS_BIND, None)


def _share_directory() -> None:
    """As `ip netns add` wants it. Done by it later, every name would be mounted twice, and deleted namespaces would live on."""
    NETNS_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory = os.fsencode(NETNS_DIR)
    try:
        _system_call("mount", b"", directory, b"none", MS_SHARED | MS_REC, None)
    except OSError:  # no mount of its own yet
        _system_call("mount", directory, directory, b"none", MS_BIND | MS_REC, None)
        _system_call("mount", b"", directory, b"none", MS_SHARED | MS_REC, None)


def _delete(name: str) -> None:
    path = NETNS_DIR / name
    if path.exists():
        _system_call("umount2", os.fsencode(path), MNT_DETACH)
        path.unlink()


def _write(path: str, value: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(value)


def _system_call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _in_thread(work: Callable[[], None]) -> None:
    """Runs it in a thread of its own, waits, and raises here what it raised there."""
    caught: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (raised again by the caller)
            caught.append(error)

    thread = threading.Thread(target=body, name="herd")
    thread.start()
    thread.join()
    if caught:
        raise caught[0]
