"""Our reader of rtnetlink dumps against other people's: pyroute2 decodes the same bytes, one by one; `ip` shows the rest."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from converge.kernel.namespace import opened
from converge.kernel.session import session
from converge.model import Dumps, Key, Resources
from converge.resources import KINDS, observe, table
from tests.kernel.inside import Pod, answer, ns, shell

MakePod = Callable[..., Pod]
ZOO = """
ip link add br0 address 02:00:00:00:00:01 type bridge
ip link set br0 up
ip link add br1 type bridge stp_state 1
ip link add v0 type veth peer name v1
ip link set v0 master br0 up
bridge link set dev v0 learning off hairpin on isolated on
ip tuntap add t0 mode tap user 107 group 108
ip tuntap add t1 mode tap multi_queue
ip tuntap add t2 mode tun user 0
ip link set t0 master br0 mtu 1400 up
ip link add ifb9 type ifb
ip link property add dev eth0 altname alias altname converge:pod:default
ip addr add 10.1.0.1/24 brd + dev br0
ip addr add 10.1.0.2/24 dev br0 label br0:x
ip addr add 10.2.0.1 peer 10.2.0.2/32 dev br0
ip addr add 10.3.0.1/24 dev br0 scope link metric 7
ip addr add 10.4.0.1/24 dev br0 noprefixroute valid_lft 999 preferred_lft 99
ip addr add fd01::1/64 dev br0 nodad
ip addr add fd02::1/64 dev br0 noprefixroute nodad valid_lft 999 preferred_lft 0
ip addr add fd03::1/128 peer fd03::2/128 dev br0 nodad
ip route add 10.9.0.0/16 via 10.1.0.9
ip route add 10.9.0.0/16 via 10.1.0.9 metric 5 proto static src 10.1.0.2
ip route add 10.9.0.0/16 tos 8 via 10.99.0.1 dev br0 onlink
ip route add blackhole 10.10.0.0/16
ip route add 10.11.0.0/16 nexthop via 10.1.0.8 nexthop via 10.1.0.9
ip route add 10.12.0.0/16 via 10.1.0.9 mtu 1300 advmss 1200
ip route add 10.13.0.0/16 via inet6 fd01::9 dev br0
ip -6 route add fd09::/64 via fd01::9 metric 5
ip -6 route add unreachable fd0a::/64
ip -6 route add local ::1/128 dev br0 table local metric 2048 proto 201
"""


def dumped(netns: str) -> Dumps:
    def read() -> Dumps:
        with opened("netns", netns) as descriptor, session(descriptor, table.NAME) as visit:
            return visit.read(observe.set_names)

    with ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(read).result()


def decoded(netns: str) -> Resources:
    return observe.decode(dumped(netns))


@pytest.fixture
def zoo(pod: MakePod) -> Pod:
    web = pod()
    shell(web.netns, ZOO)
    return web


# ---------------------------------------------------------------------------------------------------------- rtnetlink


def judged(dump: bytes) -> list[Any]:
    """The same bytes, decoded by pyroute2."""
    return list(MarshalRtnl().parse(dump))


def test_links_as_pyroute2_reads_them(zoo: Pod) -> None:
    dumps = dumped(zoo.netns)
    ours = {key.owner: value for key, value in observe.decode(dumps).items() if key.kind == "link"}
    messages = judged(dumps.links)
    assert len(messages) == len(ours)
    for message in messages:
        link = ours[f"#{message['index']}"]
        info = message.get_attr("IFLA_LINKINFO")
        kind = info.get_attr("IFLA_INFO_KIND") if info else None
        assert link.name == message.get_attr("IFLA_IFNAME")
        assert link.kind == (kind or "")
        assert (link.up, link.mtu) == (bool(message["flags"] & 1), message.get_attr("IFLA_MTU"))
        if kind != "tun":
            assert link.mac == message.get_attr("IFLA_ADDRESS")
        master = message.get_attr("IFLA_MASTER")
        assert link.master == (f"#{master}" if master else None)
        properties = message.get_attr("IFLA_PROP_LIST")
        names = [value for _, value in properties["attrs"]] if properties else []
        assert sorted([*link.altnames, *([f"converge:{link.mark}"] if link.mark else [])]) == sorted(names)


def test_what_links_have_of_their_own(zoo: Pod) -> None:
    links = {value.name: value for key, value in decoded(zoo.netns).items() if key.kind == "link"}
    shown = {link["ifname"]: link for link in answer(zoo.netns, "ip -j -d link show")}
    for name, link in links.items():
        info = shown[name].get("linkinfo", {})
        data, port = info.get("info_data", {}), info.get("info_slave_data", {})
        if link.kind == "bridge":
            assert (link.bridge.stp, link.bridge.vlan_filtering) == (bool(data["stp_state"]), bool(data.get("vlan_filtering", 0)))
        if link.kind == "tun":
            assert (link.tap.owner is None, link.tap.group is None) == ("user" not in data, "group" not in data)
            assert link.tap.multi_queue == data["multi_queue"]
        if port:
            assert (link.port.learning, link.port.hairpin, link.port.isolated) == (
                port["learning"],
                port["hairpin"],
                port["isolated"],
            )
        assert (link.port is not None) == bool(port)


def test_addresses_as_pyroute2_reads_them(zoo: Pod) -> None:
    dumps = dumped(zoo.netns)
    ours = [(key, value) for key, value in observe.decode(dumps).items() if key.kind == "address"]
    messages = judged(dumps.addresses)
    assert len(messages) == len(ours)
    for message, (key, value) in zip(messages, ours, strict=True):
        local, peer = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS"), message.get_attr("IFA_ADDRESS")
        flags = message.get_attr("IFA_FLAGS") or message["flags"]
        assert key == ("address", f"#{message['index']}", f"{local}/{message['prefixlen']}")
        assert (value.broadcast, value.peer) == (message.get_attr("IFA_BROADCAST"), peer if peer != local else None)
        assert (value.scope, value.metric) == (message["scope"], message.get_attr("IFA_RT_PRIORITY") or 0)
        assert (value.noprefixroute, value.dynamic) == (bool(flags & 0x200), not flags & 0x80)
        assert value.nodad == (bool(flags & 2) and message["family"] == 10)


def test_routes_as_pyroute2_reads_them(zoo: Pod) -> None:
    dumps = dumped(zoo.netns)
    ours = {key: value for key, value in observe.decode(dumps).items() if key.kind == "route"}
    messages = [message for message in judged(dumps.routes) if not message["flags"] & 0x200]
    assert len(messages) == len(ours)
    for message in messages:
        empty = "0.0.0.0" if message["family"] == 2 else "::"
        name = f"{message.get_attr('RTA_DST') or empty}/{message['dst_len']}"
        name += " table 255" if message.get_attr("RTA_TABLE") == 255 else ""
        name += f" metric {message.get_attr('RTA_PRIORITY')}" if message.get_attr("RTA_PRIORITY") else ""
        name += f" tos {message['tos']}" if message["tos"] else ""
        oif = message.get_attr("RTA_OIF")
        value = ours[Key("route", f"#{oif}" if oif else "-", name)]
        assert (value.gateway, value.source) == (message.get_attr("RTA_GATEWAY"), message.get_attr("RTA_PREFSRC"))
        assert value.onlink == bool(message["flags"] & 4)


def test_per_link_sysctls_as_proc_shows_them(zoo: Pod) -> None:
    shell(
        zoo.netns,
        "sysctl -qw net.ipv4.conf.br0.route_localnet=1 net.ipv4.conf.br1.forwarding=1 net.ipv6.conf.br0.accept_ra=2 "
        "net.ipv6.conf.br1.disable_ipv6=1 net.ipv6.conf.all.forwarding=0 net.ipv6.conf.v0.forwarding=1",
    )
    found = decoded(zoo.netns)
    names = {key.owner: value.name for key, value in found.items() if key.kind == "link"}
    paths = {key: KINDS["sysctl"].address(key, value, names) for key, value in found.items() if key.kind == "sysctl"}
    shown = ns(zoo.netns, "sysctl " + " ".join(paths.values())).splitlines()
    assert len(paths) > 50
    for (key, name), line in zip(paths.items(), shown, strict=True):
        assert line == f"{name} = {found[key].value}"


def test_who_may_open_a_tap(zoo: Pod) -> None:
    """As sysfs says it, in numbers."""
    links = {value.name: value for key, value in decoded(zoo.netns).items() if key.kind == "link"}
    for name in ("t0", "t1", "t2"):
        owner, group = ns(zoo.netns, f"cat /sys/class/net/{name}/owner /sys/class/net/{name}/group").split()
        tap = links[name].tap
        assert (-1 if tap.owner is None else tap.owner, -1 if tap.group is None else tap.group) == (int(owner), int(group))
