"""What is in a namespace, as the usual tools tell it: the judge of converge's own reader, which is why it shares no code with it.

`snapshot` gives plain data that compares with `==` and differs exactly when something differs that somebody could have set.
What traffic, time or a link's carrier change is left out: counters, timers, lifetimes, operational state, and link-local
addresses with their routes, which the kernel makes and removes itself.
"""

from __future__ import annotations

import json
from typing import Any

from converge.lab.run import PYTHON, inside
from tests.kernel.inside import answer

Snapshot = dict[str, Any]

_LINK_NOISE = {"operstate", "stats", "stats64", "carrier", "link_index", "promiscuity", "allmulti"}
_DATA_NOISE = {
    "hello_timer",
    "tcn_timer",
    "topology_change",
    "topology_change_detected",
    "topology_change_timer",
    "gc_timer",
    "root_port",
    "state",
    "message_age_timer",
    "forward_delay_timer",
    "hold_timer",
    "config_pending",
    "topology_change_ack",
}
_FLAG_NOISE = {"LOWER_UP", "NO-CARRIER", "RUNNING", "linkdown", "dead", "PROMISC"}
_ADDRESS_NOISE = {"tentative", "dadfailed", "valid_life_time", "preferred_life_time"}
_ROUTE_NOISE = {"expires", "used", "cache", "age", "users"}

# Run inside the namespace, since /proc/sys/net shows the reader's own. What needs a link that has gone meanwhile is not there.
_SYSCTLS = """
import json, os
found = {}
for top in ("net/ipv4", "net/ipv6/conf", "net/bridge"):
    for folder, folders, files in os.walk(f"/proc/sys/{top}"):
        folders[:] = [name for name in folders if name not in ("neigh", "route")]
        for name in files:
            try:
                with open(f"{folder}/{name}") as file:
                    found[f"{folder}/{name}".removeprefix("/proc/sys/")] = file.read().strip()
            except OSError:
                pass
print(json.dumps(found))
"""


def snapshot(netns: str) -> Snapshot:
    return {
        "links": links(netns),
        "addresses": addresses(netns),
        "routes": routes(netns),
        "sysctls": sysctls(netns),
        "nft": nft(netns),
    }


def links(netns: str) -> dict[str, Any]:
    """By name. Master, altnames, kind with its settings, and those of a bridge's port are in it."""
    return {link["ifname"]: _link(link) for link in answer(netns, "ip -j -d link show")}


def addresses(netns: str) -> list[dict[str, Any]]:
    """In the kernel's order, within a link: it decides which one is primary."""
    found = []
    for link in answer(netns, "ip -j address show"):
        for address in link["addr_info"]:
            if address["local"].startswith("fe80:") and address["scope"] == "link":
                continue
            timed = address.get("valid_life_time") != 2**32 - 1
            found.append({"dev": link["ifname"], "timed": timed, **_without(address, _ADDRESS_NOISE)})
    return found


def routes(netns: str) -> list[dict[str, Any]]:
    """Of all tables, but what the kernel itself puts into `local`, and link-local and multicast ones."""
    found = []
    for family in ("-4", "-6"):
        for route in answer(netns, f"ip -j {family} route show table all"):
            kernels = route.get("table") == "local" and route.get("protocol") == "kernel"
            if not kernels and not route["dst"].startswith(("fe80:", "ff00:", "multicast")):
                found.append({"family": family, **_clean(route, _ROUTE_NOISE)})
    return sorted(found, key=lambda route: json.dumps(route, sort_keys=True))


def sysctls(netns: str) -> dict[str, str]:
    """All of IPv4, of IPv6's links, and of bridges; keys with slashes."""
    found: dict[str, str] = json.loads(inside(netns, *PYTHON, "-", stdin=_SYSCTLS))
    return found


def nft(netns: str) -> list[Any]:
    """The whole ruleset, without handles and counts. Elements of sets come sorted: their order means nothing."""
    ruleset = answer(netns, "nft -j list ruleset")["nftables"]
    return [_rule(entry) for entry in ruleset if "metainfo" not in entry]


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """For messages: what differs, one line each, in both directions."""
    lines = []
    for part in before:
        old, new = _lines(before[part]), _lines(after[part])
        lines += [f"- {part}: {line}" for line in old if line not in new]
        lines += [f"+ {part}: {line}" for line in new if line not in old]
    return lines


def _link(link: dict[str, Any]) -> dict[str, Any]:
    """A link's `linkinfo` has settings two levels down, of the kind and of the port."""
    clean = _clean(link, _LINK_NOISE)
    info = clean.get("linkinfo", {})
    for part in ("info_data", "info_slave_data"):
        if part in info:
            info = {**info, part: _without(info[part], _DATA_NOISE)}
    if info:
        clean["linkinfo"] = info
    return clean


def _clean(thing: dict[str, Any], noise: set[str]) -> dict[str, Any]:
    flags = sorted(set(thing.get("flags", ())) - _FLAG_NOISE)
    return {**_without(thing, noise), "flags": flags}


def _without(thing: dict[str, Any], noise: set[str]) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key not in noise}


def _rule(entry: Any) -> Any:
    """Counters are rewritten rather than dropped: that there is one matters."""
    if isinstance(entry, list):
        return [_rule(one) for one in entry]
    if not isinstance(entry, dict):
        return entry
    clean = {key: _rule(value) for key, value in entry.items() if key not in ("handle", "index")}
    if isinstance(clean.get("counter"), dict):
        clean["counter"] = "counts"
    if isinstance(clean.get("elem"), list):
        clean["elem"] = sorted(clean["elem"], key=json.dumps)
    return clean


def _lines(part: Any) -> list[str]:
    things = [{key: value} for key, value in part.items()] if isinstance(part, dict) else part
    return [json.dumps(thing, sort_keys=True) for thing in things]
