"""What a guest said, as one JSON document for tests and eyes. Pure.

    {"boot_seconds", "ready_seconds",
     "links": {"eth0": {"mac", "mtu", "queues", "up", "addresses": [{"address", "scope", "valid", "preferred"}],
                        "dhcp4": {"client", "reason", "options"}, "dhcp6": the same, "ra": {…}, "failed": […]}},
     "routes4": [{"to", "via", "link", "metric", "protocol", …}], "routes6": the same,
     "resolv": {"servers", "search"}, "connect": [{"target", "code", "output"}], "ping": the same}

`options` is what the client handed to its script, by the client's own names; nothing is left out or translated, so a test sees
what the client made of the wire. A router advertisement is rdisc6's text, taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
# Variables of a client's script that are not part of a lease.
_NOT_OPTIONS = {"interface", "reason", "pid"}
_STATES = ("ready", "look")


def view(events: Sequence[Json]) -> dict[str, Any]:
    state = _last(event for event in events if event["event"] in _STATES)
    links = {link["ifname"]: link for link in state.get("links", ()) if link["ifname"] != "lo"}
    return {
        "boot_seconds": _last(_named(events, "boot")).get("uptime"),
        "ready_seconds": _last(_named(events, "ready")).get("uptime"),
        "links": {name: _link(link, [e for e in events if e.get("link") == name]) for name, link in links.items()},
        "routes4": [_route(route) for route in state.get("routes4", ())],
        "routes6": [_route(route) for route in state.get("routes6", ())],
        "resolv": _resolv(state.get("resolv", "")),
        "connect": [_tried(event) for event in _named(events, "connect")],
        "ping": [_tried(event) for event in _named(events, "ask")],
    }


def _named(events: Iterable[Json], name: str) -> Iterator[Json]:
    return (event for event in events if event["event"] == name)


def _last(events: Iterable[Json]) -> Json:
    found = list(events)
    return found[-1] if found else {}


def _link(link: Json, events: Sequence[Json]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "mac": link["address"],
        "mtu": link["mtu"],
        "queues": link.get("num_rx_queues"),
        "up": "LOWER_UP" in link["flags"],
        "addresses": [_address(address) for address in link["addr_info"]],
        "failed": [{key: event[key] for key in ("client", "outcome", "log")} for event in _named(events, "nolease")],
    }
    advertisement = _last(_named(events, "ra"))
    if advertisement:
        shown["ra"] = advertisement_of(advertisement["text"])
    for key, six in (("dhcp4", False), ("dhcp6", True)):
        lease = _last(event for event in _named(events, "dhcp") if event["client"].endswith("6") is six and _has_lease(event))
        if lease:
            shown[key] = lease_of(lease)
    return shown


def _has_lease(event: Json) -> bool:
    return "ip" in event["environment"] or any(key.startswith("new_ip") for key in event["environment"])


def lease_of(event: Json) -> dict[str, Any]:
    """Without dhclient's `new_`, and without the lease before, which dhclient hands over too."""
    options = {}
    for key, value in sorted(event["environment"].items()):
        if key not in _NOT_OPTIONS and not key.startswith(("old_", "requested_")):
            options[key.removeprefix("new_")] = value
    return {"client": event["client"], "reason": event["reason"], "options": options}


def _address(address: Json) -> dict[str, Any]:
    shown = {
        "address": f"{address['local']}/{address['prefixlen']}",
        "scope": address["scope"],
        "valid": _seconds(address["valid_life_time"]),
        "preferred": _seconds(address["preferred_life_time"]),
    }
    return shown | {flag: True for flag in ("tentative", "dadfailed", "deprecated") if address.get(flag)}


def _seconds(lifetime: int) -> int | None:
    """None: for ever."""
    return None if lifetime == 0xFFFFFFFF else lifetime


def _route(route: Json) -> dict[str, Any]:
    return {
        "to": route["dst"],
        "via": route.get("gateway"),
        "link": route.get("dev"),
        "metric": route.get("metric"),
        "protocol": route.get("protocol"),
        "preference": route.get("pref"),
        "source": route.get("prefsrc"),
    }


def _resolv(text: str) -> dict[str, list[str]]:
    servers = re.findall(r"^nameserver (\S+)", text, re.MULTILINE)
    search = [name for line in re.findall(r"^search (.*)", text, re.MULTILINE) for name in line.split()]
    return {"servers": servers, "search": search}


def _tried(event: Json) -> dict[str, Any]:
    return {"target": event["target"], "code": int(event["code"]), "output": event["output"]}


# ------------------------------------------------------------------------------------------- router advertisements


def advertisement_of(text: str) -> dict[str, Any]:
    """rdisc6's page. Lines are `name : value`; one space before the name opens an option, two continue the last one."""
    shown: dict[str, Any] = {"answered": False, "prefixes": [], "dns": [], "search": []}
    last: dict[str, Any] = {}
    for line in text.splitlines():
        source = re.fullmatch(r" from (\S+)", line)
        if source:
            return shown | {"answered": True, "from": source[1]}
        depth, name, value = _taken_apart(line)
        if not name:
            continue
        if depth == 2:
            last[_key(name)] = _value(value)
        elif depth == 1:
            last = _option(shown, name, value)
        else:
            shown[_key(name)] = _value(value)
    return shown


def _taken_apart(line: str) -> tuple[int, str, str]:
    found = re.fullmatch(r"( {0,2})(\S.*?)\s*: +(.*)", line)
    return (len(found[1]), found[2], found[3].strip()) if found else (0, "", "")


def _option(shown: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    """Adds the option and gives what the lines after it belong to."""
    lists = {"Prefix": "prefixes", "Recursive DNS server": "dns", "DNS search list": "search"}
    if name in lists:
        shown[lists[name]].append({"value": value})
        opened: dict[str, Any] = shown[lists[name]][-1]
        return opened
    shown[_key(name)] = _value(value)
    return {}


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _value(text: str) -> Any:
    """Yes and no, numbers without their unit and hex form; `unspecified` and words stay."""
    if text in ("Yes", "No"):
        return text == "Yes"
    number = re.fullmatch(r"(\d+)(?: \(.*\))?(?: [a-z]+)?(?: \(\w+\))?", text)
    if number:
        return int(number[1])
    return text.partition(" (")[0]
