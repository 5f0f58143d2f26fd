"""The transitions that interruption, failure and round trip are tested on: a pod, what it is wired as, what it shall become.

A row is data; the tests that walk the rows are in test_interrupted.py and test_round_trip.py. `settled` is a snapshot without
what differs between two equal pods: interface numbers and the random MACs of taps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

from converge.bindings.names import hashed
from converge.lab.run import inside
from converge.model import GuestNetwork, Network, Nic, Ports, Position, Target
from tests.kernel.inside import Pod, settle, shell

AT = Position("matrix.yaml", 1, 1)
POD_NETWORK = Network("default", "pod", AT)
SECOND = Network("storage", "multus", AT, multus_name="storage", primary=False)

Nics = tuple[Nic, ...]
MASQUERADE: Nics = (Nic("default", "masquerade", POD_NETWORK, AT, ports=(Ports("tcp", 80, 80, AT), Ports("udp", 53, 53, AT))),)
NO_PORTS: Nics = (Nic("default", "masquerade", POD_NETWORK, AT),)
OTHER_SUBNET: Nics = (Nic("default", "masquerade", replace(POD_NETWORK, cidr4=IPv4Network("10.9.8.0/28")), AT),)
BRIDGE: Nics = (Nic("default", "bridge", POD_NETWORK, AT),)
STORAGE = Nic("storage", "bridge", SECOND, AT)
MANAGED: Nics = (Nic("default", "managedTap", POD_NETWORK, AT),)
MACVTAP: Nics = (Nic("default", "macvtap", POD_NETWORK, AT),)
FAST = Nic("fast", "macvtap", Network("fast", "multus", AT, multus_name="fast", primary=False), AT)
NOTHING: Nics = ()

CALICO = {"addresses4": ("10.244.1.5/32",), "gateway4": "169.254.1.1"}
IPV4 = {"addresses6": (), "gateway6": ""}


@dataclass(frozen=True)
class Row:
    """`fields` are those of PodSpec; `more` is a script run in the pod once it is there."""

    name: str
    before: Nics
    after: Nics
    fields: dict[str, Any] = field(default_factory=dict)
    more: str = ""


ROUTES = """
ip route add 192.168.0.0/16 via 10.244.1.1 metric 5 mtu 1300
ip route add 172.16.0.0/12 via 10.244.1.1 src 10.244.1.5 table 100
ip route add blackhole 198.18.0.0/15
"""
STORAGE_LINK = f"""
ip link add name {hashed("storage")} type veth peer name peer1
ip link set peer1 up
"""

FAST_LINK = f"""
ip link add name {hashed("fast")} mtu 9000 type veth peer name peer2 mtu 9000
ip link set peer2 up
ip link set {hashed("fast")} up
"""

ROWS = [
    Row("wire masquerade, IPv4", NOTHING, MASQUERADE, IPV4),
    Row("wire masquerade, dual", NOTHING, MASQUERADE),
    Row("wire bridge, IPv4", NOTHING, BRIDGE, IPV4),
    Row("wire bridge, dual, more routes", NOTHING, BRIDGE, more=ROUTES),
    Row("wire bridge, Calico", NOTHING, BRIDGE, {**IPV4, **CALICO}),
    Row("wire bridge, two addresses of one subnet", NOTHING, BRIDGE, {**IPV4, "addresses4": ("10.244.1.5/24", "10.244.1.6/24")}),
    Row("wire both", NOTHING, (*MASQUERADE, STORAGE), more=STORAGE_LINK),
    Row("ports change", MASQUERADE, NO_PORTS),
    Row("subnet changes", NO_PORTS, OTHER_SUBNET, IPV4),
    Row("masquerade becomes bridge", MASQUERADE, BRIDGE),
    Row("bridge becomes masquerade", BRIDGE, MASQUERADE),
    Row("second NIC leaves", (*MASQUERADE, STORAGE), MASQUERADE, more=STORAGE_LINK),
    Row("unwire masquerade", MASQUERADE, NOTHING),
    Row("unwire bridge", BRIDGE, NOTHING, more=ROUTES),
    Row("unwire both", (*MASQUERADE, STORAGE), NOTHING, more=STORAGE_LINK),
    Row("wire managedTap, dual, more routes", NOTHING, MANAGED, more=ROUTES),
    Row("wire macvtap", NOTHING, MACVTAP),
    Row("bridge becomes managedTap", BRIDGE, MANAGED),
    Row("bridge becomes macvtap", BRIDGE, MACVTAP),
    Row("macvtap becomes bridge", MACVTAP, BRIDGE),
    Row("macvtap becomes masquerade", MACVTAP, MASQUERADE),
    Row("macvtap comes to the others", (*MASQUERADE, STORAGE), (*MASQUERADE, STORAGE, FAST), more=STORAGE_LINK + FAST_LINK),
    Row("macvtap leaves the others", (*MASQUERADE, STORAGE, FAST), (*MASQUERADE, STORAGE), more=STORAGE_LINK + FAST_LINK),
    Row("unwire macvtap", (*MANAGED, FAST), NOTHING, more=FAST_LINK),
]


def wish(pod: Pod, nics: Nics) -> GuestNetwork:
    return GuestNetwork("shop", "web", Target("netns", pod.netns, AT), nics, AT)


def made(row: Row, pod: Callable[..., Pod]) -> Pod:
    found = pod(**row.fields)
    if row.more:
        shell(found.netns, row.more)
    settle(found.netns)
    return found


_SCRIPT = """
ip -j -d link show; echo; echo ,; ip -j address show; echo; echo ,; ip -j route show table all; echo; echo ,
ip -j -6 route show table all; echo; echo ,; nft -j list ruleset; echo ,
cd /proc/sys/net; echo '"'; cat ipv4/ip_forward ipv6/conf/all/forwarding ipv4/conf/all/arp_ignore ipv6/conf/eth0/accept_ra \
  bridge/bridge-nf-call-ip6tables; echo '"'
"""
_LINK_PARTS = ("ifname", "mtu", "address", "master", "altnames")


def settled(pod: Pod) -> dict[str, Any]:
    """One shell for everything: a matrix of hundreds of kills takes minutes, not hours."""
    text = inside(pod.netns, "sh", stdin=_SCRIPT)
    *parts, sysctls = text.rsplit(",\n", 1)
    links, addresses, routes4, routes6, nft = json.loads("[" + parts[0].replace("\n,\n,", "\n,[],") + "]")
    return {
        "links": {link["ifname"]: _link(link) for link in links},
        "addresses": _addresses(addresses),
        "routes": _routes(routes4) + _routes(routes6),
        "nft": _by_owner([_bare(entry) for entry in nft["nftables"] if "metainfo" not in entry]),
        "sysctls": sysctls.split(),
    }


def _link(link: dict[str, Any]) -> dict[str, Any]:
    info = link.get("linkinfo", {})
    found = {name: link[name] for name in _LINK_PARTS if name in link}
    found |= {"kind": info.get("info_kind"), "up": "UP" in link["flags"]}
    if found["kind"] == "tun":
        found["address"], found["tap"] = "random", {n: info["info_data"].get(n) for n in ("user", "group", "multi_queue")}
    if found["kind"] == "macvtap":
        found |= {"on": link["link"], "mode": info["info_data"]["mode"]}
    if info.get("info_slave_kind") == "bridge":
        found["learning"] = info["info_slave_data"]["learning"]
    return found


def _addresses(links: list[dict[str, Any]]) -> list[Any]:
    return [
        [link["ifname"], address["local"], address["prefixlen"], address.get("broadcast"), address.get("label"), address["scope"]]
        for link in links
        for address in link["addr_info"]
        if not address["local"].startswith("fe80:")
    ]


def _routes(routes: list[dict[str, Any]]) -> list[Any]:
    kept = [route for route in routes if not route["dst"].startswith(("fe80:", "ff00:")) and route.get("type") != "anycast"]
    return sorted(([{**route, "flags": 0} for route in kept]), key=lambda route: json.dumps(route, sort_keys=True))


def _by_owner(entries: list[Any]) -> list[Any]:
    """Facts in order within a NIC; between NICs their order has no meaning."""
    return sorted(entries, key=lambda entry: entry.get("rule", {}).get("comment", "").partition(" ")[0])


def _bare(entry: Any) -> Any:
    if isinstance(entry, list):
        return [_bare(part) for part in entry]
    if isinstance(entry, dict):
        bare = {key: _bare(value) for key, value in entry.items() if key not in ("handle", "index")}
        return {**bare, "elem": sorted(bare["elem"], key=json.dumps)} if isinstance(bare.get("elem"), list) else bare
    return entry
