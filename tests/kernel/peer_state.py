"""A pod's wiring as flat text, name by name, so that two of them compare line by line and a difference can be named.

One reader serves both sides: a live namespace is read with the commands that made the records. What the kernel decides by
itself or what changes with traffic is left out: link-local addresses, routes of its own in table local, operational state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from converge.lab.run import PYTHON, inside
from tests.kernel.inside import answer, ns
from tests.kernel.peer_cases import Case, inherited

State = dict[str, str]

BRIDGE_FILTER = "net.bridge.bridge-nf-call-ip6tables"
BRIDGE_SETTINGS = ("forward_delay", "ageing_time", "stp_state", "vlan_filtering", "group_fwd_mask", "mcast_snooping")
PORT_SETTINGS = ("learning", "hairpin", "isolated", "flood", "neigh_suppress")
MULTI_QUEUE, ONE_QUEUE, NO_PI = 0x0100, 0x2000, 0x1000

# Run inside the namespace: names of sysctls and of taps in, values out. What is not there is left out.
_READ = """
import json, sys
found = {}
for path in json.load(sys.stdin):
    try:
        with open(path) as file:
            found[path] = " ".join(file.read().split())
    except OSError:
        pass
print(json.dumps(found))
"""


def recorded(case: Case) -> State:
    after = case.after
    state = dict(_wiring(after, case.random_macs))
    state |= {f"sysctl {name}": value for name, value in case.sysctl_changes.items()}
    state |= dict(_taps(after["taps"]))
    state |= {f"table {name}": "there" for name in _tables(after["nft"])}
    return state


def live(case: Case, netns: str, before: Mapping[str, str]) -> State:
    """`before`: the sysctls of the pod before it was wired, since only what changed counts."""
    found = {
        "links": answer(netns, "ip -j -d link show"),
        "addresses": answer(netns, "ip -j address show"),
        "routes4": answer(netns, "ip -j -4 route show table all"),
        "routes6": answer(netns, "ip -j -6 route show table all"),
    }
    state = dict(_wiring(found, case.random_macs))
    values = sysctls(case, netns)
    changed = {name: value for name, value in values.items() if value != before.get(name, inherited(name, values))}
    state |= {f"sysctl {name}": value for name, value in changed.items()}
    state |= dict(_taps(_read_taps(netns, list(case.after["taps"]))))
    state |= {f"table {name}": "there" for name in _tables(ns(netns, "nft list tables").splitlines())}
    return state


def sysctls(case: Case, netns: str) -> dict[str, str]:
    """Those that the record holds, and one that it does not."""
    names = [*case.after["sysctl"], BRIDGE_FILTER]
    found = _files(netns, {name: "/proc/sys/" + name.replace(".", "/") for name in names})
    return {name: value for name, value in found.items() if value is not None}


def differences(theirs: State, ours: State) -> dict[str, tuple[str, str]]:
    """What differs, with both values; `-` where there is none."""
    names = sorted(theirs.keys() | ours.keys())
    pairs = {name: (theirs.get(name, "-"), ours.get(name, "-")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _wiring(found: Mapping[str, Any], random_macs: frozenset[str]) -> Iterator[tuple[str, str]]:
    for link in found["links"]:
        yield from _link(link, link["ifname"] in random_macs)
    for link in found["addresses"]:
        for address in link["addr_info"]:
            if not address["local"].startswith("fe80:"):
                yield f"address {link['ifname']} {address['local']}/{address['prefixlen']}", _address(address)
    for family, routes in ((4, found["routes4"]), (6, found["routes6"])):
        for route in routes:
            kernels = route.get("table") == "local" and route.get("protocol") == "kernel"
            if not kernels and not route["dst"].startswith(("fe80:", "ff00:", "multicast")):
                yield f"route {family} {route['dst']} dev {route.get('dev', '-')}", _route(route)


def _link(link: Mapping[str, Any], random_mac: bool) -> Iterator[tuple[str, str]]:
    name, info = f"link {link['ifname']}", link.get("linkinfo", {})
    yield f"{name} kind", info.get("info_kind", "-")
    yield f"{name} mtu", str(link["mtu"])
    yield f"{name} up", str("UP" in link["flags"])
    yield f"{name} master", link.get("master", "-")
    if not random_mac:
        yield f"{name} mac", link["address"]
    for altname in link.get("altnames", ()):
        yield f"{name} altname {altname}", "there"
    for part, settings in (("info_data", BRIDGE_SETTINGS), ("info_slave_data", PORT_SETTINGS)):
        if part == "info_slave_data" or info.get("info_kind") == "bridge":
            yield from ((f"{name} {each}", str(info[part][each])) for each in settings if each in info.get(part, ()))


def _address(address: Mapping[str, Any]) -> str:
    return f"scope {address['scope']} broadcast {address.get('broadcast', '-')}{' nodad' * bool(address.get('nodad'))}"


def _route(route: Mapping[str, Any]) -> str:
    keys = ("type", "gateway", "table", "protocol", "scope", "prefsrc", "metric")
    return " ".join(f"{key} {route[key]}" for key in keys if key in route)


def _taps(taps: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for name, tap in taps.items():
        flags = int(tap["flags"], 16)
        yield from ((f"tap {name} {key}", tap[key]) for key in ("owner", "group", "txq", "rxq"))
        yield f"tap {name} multi-queue", str(bool(flags & MULTI_QUEUE))
        yield f"tap {name} one_queue", str(bool(flags & ONE_QUEUE))
        yield f"tap {name} no_pi", str(bool(flags & NO_PI))


def _read_taps(netns: str, names: list[str]) -> dict[str, dict[str, str]]:
    taps = {}
    for name in names:
        files = _files(netns, {key: f"/sys/class/net/{name}/{file}" for key, file in _TAP_FILES.items()})
        queues = ns(netns, f"ls /sys/class/net/{name}/queues").split()
        known = {key: value for key, value in files.items() if value is not None}
        taps[name] = known | {f"{way}q": str(sum(queue.startswith(f"{way}-") for queue in queues)) for way in ("tx", "rx")}
    return taps


_TAP_FILES = {"flags": "tun_flags", "owner": "owner", "group": "group"}


def _files(netns: str, paths: Mapping[str, str]) -> dict[str, str | None]:
    found = json.loads(inside(netns, *PYTHON, "-c", _READ, stdin=json.dumps(list(paths.values()))))
    return {key: found.get(path) for key, path in paths.items()}


def _tables(lines: list[str]) -> list[str]:
    return [line.removeprefix("table ").removesuffix(" {") for line in lines if line.startswith("table ")]
