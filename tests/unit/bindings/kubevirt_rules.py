"""KubeVirt's rules for a masquerade NIC, as nft lists them, and what they do to a flow's first packet (reference section 4.2).

Written from the reference's list, without a look at ours: the same words go through a reader of a few lines, so that what
KubeVirt's rules and what ours make of a packet can be compared. That the words are KubeVirt's is asked of its recorded runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

Chains = dict[str, list[str]]
PRE, POST = "KUBEVIRT_PREINBOUND", "KUBEVIRT_POSTINBOUND"
MIGRATION = (49152, 49153)
RESERVED = (15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090)
SSH = 22


@dataclass(frozen=True, slots=True)
class Masquerade:
    """One NIC in one address family. `ports` are (protocol, first, last), with `ranges` they are written as ranges.
    `pod_address` is the first of the pod link.
    """

    family: str
    gateway: str
    guest: str
    pod_address: str
    ports: tuple[tuple[str, int, int], ...] = ()
    ranges: bool = False
    istio: bool = False
    migration: bool = False
    pod_link: str = "eth0"

    @property
    def bridge(self) -> str:
        return f"k6t-{self.pod_link}"

    @property
    def loopback(self) -> str:
        return "127.0.0.1" if self.family == "ip" else "::1"

    def further(self, address: str) -> list[str]:
        """A mesh's further address, which only IPv4 has."""
        return [address] if self.istio and self.family == "ip" else []


def rules(nic: Masquerade) -> Chains:
    ip = nic.family
    dnat, snat = f"counter dnat to {nic.guest}", f"counter snat to {nic.gateway}"
    sources = f"{ip} saddr {_some([nic.loopback, *nic.further('127.0.0.6')])}"
    targets = f"{ip} daddr {_some([nic.loopback, *nic.further(nic.pod_address)])}"
    chains: Chains = {
        "prerouting": [f'iifname "{nic.pod_link}" counter jump {PRE}'],
        "input": [],
        "output": [],
        "postrouting": [f"{ip} saddr {nic.guest} counter masquerade", f'oifname "{nic.bridge}" counter jump {POST}'],
        PRE: [],
        POST: [],
    }
    if nic.migration:
        _exempt(nic, chains, MIGRATION)
    for protocol, first, last in nic.ports:
        port = f"{protocol} dport {f'{first}-{last}' if nic.ranges else first}"
        if not nic.istio:
            chains[PRE].append(f"{port} {dnat}")
        elif first <= SSH <= last:  # whatever the protocol
            chains[PRE].append(f"tcp dport {SSH} {dnat}")
        chains[POST].append(f"{port} {sources} {snat}")
        chains["output"].append(f"{targets} {port} {dnat}")
    if not nic.ports:
        if nic.istio:
            _exempt(nic, chains, RESERVED)
        chains[PRE].append(f"tcp dport {SSH} {dnat}" if nic.istio else dnat)
        chains[POST].append(f"{sources} {snat}")
        chains["output"].append(f"{targets} {dnat}")
    return chains


def _exempt(nic: Masquerade, chains: Chains, ports: tuple[int, ...]) -> None:
    for chain in ("output", POST):
        chains[chain].append(f"tcp dport {_some(map(str, ports))} {nic.family} saddr {nic.loopback} counter return")


def _some(values: Iterable[str]) -> str:
    """One value bare, several as a sorted set: so nft lists them."""
    found = list(values)
    if len(found) == 1:
        return found[0]
    return f"{{ {', '.join(sorted(found, key=lambda each: int(each) if each.isdigit() else int(ip_address(each))))} }}"


def listed(lines: Iterable[str], family: str) -> Chains:
    """The chains of a recorded `nft list ruleset`, without the words of base chains."""
    chains: Chains = {}
    table = chain = ""
    for line in lines:
        words = line.split()
        if words[:1] == ["table"]:
            table = words[1]
        elif words[:1] == ["chain"] and table == family:
            chain = words[1]
            chains[chain] = []
        elif table == family and words and words[0] not in ("type", "}"):
            chains[chain].append(line.strip())
    return chains


# --------------------------------------------------------------------------------------------------------- packets


@dataclass(frozen=True, slots=True)
class Packet:
    """`asks` is "outside", "pod" or "guest"; `port` is None where the protocol has none."""

    asks: str
    protocol: str
    port: int | None
    source: str
    destination: str
    iif: str = ""
    oif: str = ""


def receiver(chains: Chains, nic: Masquerade, packet: Packet) -> tuple[str, str]:
    """Who receives it and which source it shows: the guest, the pod, the outside; or lost, with a loopback source on a wire."""
    hook = "output" if packet.asks == "pod" else "prerouting"
    entered = replace(packet, iif={"outside": nic.pod_link, "guest": nic.bridge, "pod": ""}[packet.asks])
    action, address = _visited(chains, hook, entered)
    routed = replace(entered, destination=address if action == "dnat" else entered.destination)
    if ip_address(routed.destination).is_loopback or routed.destination in (nic.pod_address, nic.gateway):
        return "pod", routed.source
    to_guest = routed.destination == nic.guest
    action, address = _visited(chains, "postrouting", replace(routed, oif=nic.bridge if to_guest else nic.pod_link))
    own = nic.gateway if to_guest else nic.pod_address
    source = {"snat": address, "masquerade": own}.get(action, routed.source)
    if ip_address(source).is_loopback:
        return "lost", ""
    return ("guest" if to_guest else "outside"), source


def _visited(chains: Chains, name: str, packet: Packet) -> tuple[str, str]:
    for rule in chains[name]:
        words = iter(re.findall(r"\{[^}]*\}|\S+", rule))
        if not all(_holds(packet, word, words) for word in _conditions(words)):
            continue
        action, *rest = words
        if action == "return":
            return "", ""
        found = _visited(chains, rest[0], packet) if action == "jump" else (action, rest[-1] if rest else "")
        if found[0]:
            return found
    return "", ""


def _conditions(words: Iterator[str]) -> Iterator[str]:
    """The first word of each condition, up to `counter`."""
    for word in words:
        if word == "counter":
            return
        yield word


def _holds(packet: Packet, word: str, words: Iterator[str]) -> bool:
    if word in ("iifname", "oifname"):
        return next(words).strip('"') == {"iifname": packet.iif, "oifname": packet.oif}[word]
    field, values = next(words), next(words).strip("{} ").split(", ")
    if field == "dport":
        return packet.protocol == word and packet.port is not None and any(_within(packet.port, each) for each in values)
    return (packet.source if field == "saddr" else packet.destination) in values


def _within(port: int, text: str) -> bool:
    first, _, last = text.partition("-")
    return int(first) <= port <= int(last or first)
