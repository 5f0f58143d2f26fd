"""Recorded cases of KubeVirt's wiring (`tests/cases/kubevirt/`): read one, build its pod, and rebuild what KubeVirt left in it.

A case's pod is a script of a dozen words: lines for `ip` in the pod, `node:` before those for the node, `nft …`, `sysctl …`;
`@node` stands for the node's namespace. Each pod gets a node of its own, which is its router and the world outside as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converge.lab.pods import delete
from converge.lab.run import inside, run, write_sysctls
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, answer, shell

FOLDER = Path(__file__).parent.parent / "cases" / "kubevirt"
QUIET = {"net/ipv6/conf/default/accept_dad": "0", "net/ipv6/conf/all/accept_dad": "0"}
"""Nobody's wiring sets this, and no test should wait for duplicate address detection."""


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded run. `after` is the pod as its first run left it; `tampering` and `second` only where there was another."""

    name: str
    about: str
    pod_setup: Sequence[str]
    vmi: Mapping[str, Any]
    random_macs: frozenset[str]
    before_sysctl: Mapping[str, str]
    before_nft: Sequence[str]
    after: Mapping[str, Any]
    tampering: Sequence[str] = ()
    second: Mapping[str, Any] | None = None

    @property
    def interface(self) -> Mapping[str, Any]:
        (only,) = self.vmi["spec"]["domain"]["devices"]["interfaces"]
        found: Mapping[str, Any] = only
        return found

    @property
    def mesh(self) -> bool:
        return bool(self.vmi["metadata"].get("annotations"))

    @property
    def pod_link(self) -> str:
        """As KubeVirt's status names it, or eth0."""
        (status,) = self.vmi["status"].get("interfaces", [{}])
        return str(status.get("podInterfaceName", "eth0"))

    @property
    def sysctl_changes(self) -> dict[str, str]:
        """What KubeVirt changed, and what new links have other than `default` says."""
        before, after = self.before_sysctl, self.after["sysctl"]
        return {name: value for name, value in after.items() if value != before.get(name, inherited(name, after))}


def inherited(name: str, values: Mapping[str, str]) -> str | None:
    """What a new link is born with: `net.ipv4.conf.tap0.rp_filter` has `net.ipv4.conf.default.rp_filter`."""
    parts = name.split(".")
    return values.get(".".join([*parts[:3], "default", *parts[4:]])) if parts[2:3] == ["conf"] else None


def load(name: str) -> Case:
    found = json.loads((FOLDER / f"{name}.json").read_text())
    return Case(
        name=found["case"],
        about=found["about"],
        pod_setup=found["pod_setup"],
        vmi=found["vmi"],
        random_macs=frozenset(found["random_macs"]),
        before_sysctl=found["before_sysctl"],
        before_nft=found["before_nft"],
        after=found["after"],
        tampering=found.get("tampering", ()),
        second=found.get("after_second_run"),
    )


def document(case: Case, netns: str, interface: Mapping[str, Any] | None = None) -> str:
    """The recorded document with its pod named; `interface` replaces its only one."""
    vmi = json.loads(json.dumps(case.vmi))
    vmi["metadata"].setdefault("annotations", {})["net.converge/netns"] = netns
    if interface is not None:
        vmi["spec"]["domain"]["devices"]["interfaces"] = [interface]
    return json.dumps(vmi)


@dataclass(frozen=True, slots=True)
class Place:
    """A pod and its node, which answers for the outside from OUTSIDE4 and OUTSIDE6."""

    pod: str
    node: str


@contextmanager
def built(case: Case, prefix: str) -> Iterator[Place]:
    place = Place(f"{prefix}pod", f"{prefix}node")
    try:
        for netns in (place.node, place.pod):
            run("ip", "netns", "add", netns)
            write_sysctls(netns, QUIET)
            run("ip", "-n", netns, "link", "set", "lo", "up")
        for line in case.pod_setup:
            act(place, line)
        _outside(place)
        yield place
    finally:
        delete((place.pod, place.node))


def act(place: Place, line: str) -> None:
    """One line of a recorded script."""
    netns, words = place.pod, line.replace("@node", place.node).split()
    if words[0] == "node:":
        netns, words = place.node, words[1:]
    if words[0] == "nft":
        inside(netns, "nft", "-f", "-", stdin=" ".join(words[1:]) + "\n")
    elif words[0] == "sysctl":
        inside(netns, "sysctl", "-q", "-w", *words[1:])
    else:
        run("ip", "-n", netns, *words)


def _outside(place: Place) -> None:
    """The node is every gateway the pod has, has a way to each of its addresses, and answers from the outside's."""
    lines = [f"ip address add {OUTSIDE4}/32 dev lo", f"ip address add {OUTSIDE6}/128 dev lo nodad"]
    gateways = {(route["gateway"], route["dev"]) for family in ("-4", "-6") for route in _defaults(place.pod, family)}
    for gateway, link in sorted(gateways):
        lines.append(f"ip address add {host(gateway)} dev n-{link}{' nodad' * (':' in gateway)}")
    lines += [f"ip route add {host(address)} dev n-{link}" for link, address in reachable(place.pod)]
    shell(place.node, "\n".join(lines))


def reachable(netns: str) -> list[tuple[str, str]]:
    """Links and their addresses of global scope."""
    links = answer(netns, "ip -j address show")
    found = [(link["ifname"], address) for link in links for address in link["addr_info"]]
    return [(link, address["local"]) for link, address in found if address["scope"] == "global"]


def _defaults(netns: str, family: str) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = answer(netns, f"ip -j {family} route show default")
    return routes


def host(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def rebuild(case: Case, netns: str) -> None:
    """What KubeVirt left, made by ip, sysctl and nft in a pod as it was before."""
    after = case.after
    there = {link["ifname"] for link in answer(netns, "ip -j link show")}
    new = [link for link in after["links"] if link["ifname"] not in there]
    lines = [_creation(link, after["taps"]) for link in sorted(new, key=lambda link: "master" in link)]
    lines += [_placement(link) for link in new]
    for link in after["addresses"]:
        if link["ifname"] in {each["ifname"] for each in new}:
            lines += [_address(link["ifname"], address) for address in link["addr_info"]]
    shell(netns, "\n".join(lines))
    write_sysctls(netns, {name.replace(".", "/"): value for name, value in case.sysctl_changes.items()})
    inside(netns, "nft", "-f", "-", stdin="flush ruleset\n" + "\n".join(after["nft"]) + "\n")


def _creation(link: Mapping[str, Any], taps: Mapping[str, Any]) -> str:
    name = link["ifname"]
    if name not in taps:
        return f"ip link add {name} address {link['address']} type {link['linkinfo']['info_kind']}"
    flags = int(taps[name]["flags"], 16)
    words = [word for word, flag in (("multi_queue", 0x0100), ("one_queue", 0x2000)) if flags & flag]
    words += ["pi"] * (not flags & 0x1000)
    return f"ip tuntap add {name} mode tap user {taps[name]['owner']} group {taps[name]['group']} {' '.join(words)}"


def _placement(link: Mapping[str, Any]) -> str:
    master = f" master {link['master']}" if "master" in link else ""
    return f"ip link set {link['ifname']} mtu {link['mtu']}{master}{' up' * ('UP' in link['flags'])}"


def _address(link: str, address: Mapping[str, Any]) -> str:
    broadcast = f" broadcast {address['broadcast']}" if "broadcast" in address else ""
    return f"ip address add {address['local']}/{address['prefixlen']}{broadcast} dev {link}"
