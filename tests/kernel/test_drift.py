"""Random drift on the real kernel: some seven hundred seeded tamperings, singly and in bursts, each burst put right by one apply.

The pod has a masquerade NIC and a bridge NIC. After each apply all that is converge's compares with the pod as it was wired
first, all that is not is as the tampering left it, and a second plan is empty. What cannot be put right, since nobody could
tell any more what is whose, is left out: a link that has lost both its name and its mark; facts and stand-in gone at once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from converge.bindings.names import hashed
from converge.lab.run import inside
from converge.model import GuestNetwork, Outcome
from tests.kernel.bridging import attached
from tests.kernel.driving import applied, apply, document, plan, told
from tests.kernel.inside import Pod, settle, shell
from tests.kernel.matrix import settled

BLOCKS, ROUNDS = 6, 36
STORAGE = hashed("storage")
STEM = STORAGE[3:]
BRIDGES, TAPS, PORTS = ("k6t-eth0", f"k6t-{STEM}"), ("tap0", f"tap{STEM}"), ("tap0", f"tap{STEM}", f"{STEM}-nic")
OURS = (*BRIDGES, *PORTS, STORAGE)
MARKED = {"k6t-eth0": "bridge:default", "tap0": "tap:default", f"k6t-{STEM}": "bridge:storage", f"tap{STEM}": "tap:storage"}

WANTED = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {name: web, namespace: shop}
spec:
  target: {netns: NETNS}
  networks: [{name: default, pod: {}}, {name: storage, multus: {networkName: storage}}]
  interfaces:
    - {name: default, masquerade: {}, ports: [{port: 80}, {port: 53, protocol: UDP}]}
    - {name: storage, bridge: {}}
"""
STRANGERS = f"""
{attached(STORAGE, "192.168.5.9/24")}
ip address add fd05::9/64 dev {STORAGE} nodad
{attached("adm9", "10.19.9.9/24")}
nft add table inet admin
nft add chain inet admin guard '{{ type filter hook input priority 5; }}'
"""

Chance = random.Random
Draw = Callable[[Chance], str]


def of(template: str, *names: Sequence[str]) -> Draw:
    """A script line with `{0}`, `{1}` drawn from the names, and `{n}` a number."""
    return lambda chance: template.format(*map(chance.choice, names), n=chance.randint(1, 250))


LINKS: dict[str, Draw] = {
    "link deleted": of("ip link del {0}", (*BRIDGES, *TAPS, STORAGE)),
    "link down": of("ip link set {0} down", OURS[:-1]),
    "stand-in up": of("ip link set {0} up", [STORAGE]),
    "link MTU": of("ip link set {0} mtu 13{n}", (*BRIDGES, *TAPS)),
    "link MTU too small for IPv6": of("ip link set {0} mtu 1000", BRIDGES),
    "bridge or port MAC": of("ip link set {0} address 02:00:00:00:01:{n:02x}", (*BRIDGES, f"{STEM}-nic")),
    "freed": of("ip link set {0} nomaster", PORTS),
    "in the other bridge": of("ip link set {0} master {1}", PORTS, BRIDGES),
    "learning": of("bridge link set dev {0} learning {1}", PORTS, ("on", "off")),
    "hairpin, isolated": of("bridge link set dev {0} {1} on", PORTS, ("hairpin", "isolated")),
    "bridge options": of("ip link set {0} type bridge {1} 1", BRIDGES, ("stp_state", "vlan_filtering")),
    "tap of somebody else": of("ip link del {0}; ip tuntap add {0} mode tap user {n}", TAPS),
}
UNMARKED = "mark deleted"
RENAMED: dict[str, Draw] = {
    "renamed": of("ip link set {0} name free{n}", (*BRIDGES, *TAPS, STORAGE, f"{STEM}-nic")),
    "names swapped": of("ip link set {0} name ring0; ip link set {1} name {0}; ip link set ring0 name {1}", BRIDGES, TAPS),
}
ON_LINKS: dict[str, Draw] = {
    "address deleted": of("ip address flush dev {0} scope global", (*BRIDGES, STORAGE)),
    "address added": of("ip address add 10.77.{n}.1/24 dev {0}", (*BRIDGES, STORAGE, f"{STEM}-nic", "tap0")),
    "IPv6 address added": of("ip address add fd77::{n}/64 dev {0} nodad", (*BRIDGES, STORAGE, f"{STEM}-nic")),
    "route added": of("ip route add 10.78.{n}.0/24 dev {0}", (*BRIDGES, f"{STEM}-nic")),
    "gateway route added": of("ip route add 10.79.{n}.0/24 via 10.0.2.2"),
    "route deleted": of("ip route del 10.0.2.0/24 dev k6t-eth0"),
    "IPv6 route deleted": of("ip -6 route del {0} dev k6t-eth0", ("fd10:0:2::/120", "local ::1 table local")),
    "sysctl of the pod": of(
        "sysctl -qw net.{0}", ("ipv4.ip_forward=0", "ipv6.conf.all.forwarding=0", "ipv4.conf.all.arp_ignore=0")
    ),
    "sysctl of a link": of(
        "sysctl -qw net.{0}",
        ("ipv4.conf.k6t-eth0.route_localnet=0", "ipv4.conf.eth0.forwarding=0", "ipv6.conf.k6t-eth0.disable_ipv6=1"),
    ),
    "router advertisements": of("sysctl -qw net.ipv6.conf.eth0.accept_ra={0}", "01"),
}
TABLE: dict[str, Draw] = {
    "chain emptied": of("nft flush chain inet converge {0}", ("prerouting", "output", "postrouting")),
    "rule added": of("nft add rule inet converge {0} tcp dport {n} drop", ("prerouting", "postrouting")),
    "rule first": of("nft insert rule inet converge {0} accept", ("prerouting", "output")),
    "element deleted": of("nft delete element inet converge ports '{{ {0} }}'", ("tcp . 80", "udp . 53")),
    "element added": of("nft add element inet converge ports '{{ tcp . 9{n} }}'"),
    "set added": of("nft add set inet converge more{n} '{{ type ipv4_addr; }}'"),
    "chain added": of("nft add chain inet converge more{n}"),
}
FOREIGN: dict[str, Draw] = {
    "foreign link": of("ip link add adm{n} type veth peer name admp{n}; ip link set adm{n} up"),
    "foreign address": of("ip address add 10.20.{n}.1/32 dev {0}", ("eth0", "adm9", "lo")),
    "foreign route": of("ip route add 10.30.{n}.0/24 {0}", ("via 10.19.9.1", "via 10.244.1.1", "dev adm9")),
    "foreign blackhole": of("ip route add blackhole 10.31.{n}.0/24"),
    "foreign rule": of("nft add rule inet admin guard tcp dport {n} drop"),
    "foreign table": of("nft add table ip adm{n}"),
    "foreign altname": of("ip link property add dev {0} altname alt{n}", ("eth0", "adm9")),
    "foreign sysctl": of("sysctl -qw net.ipv4.conf.adm9.arp_notify={0}", "01"),
}
ANY = {**LINKS, **ON_LINKS, **TABLE, **FOREIGN}


def burst(chance: Chance) -> list[tuple[str, str]]:
    """Scripts go by name, so what renames comes last, once, and not together with what takes a mark or makes a link anew."""
    number = 1 if chance.random() < 0.4 else chance.randint(2, 6)
    chosen = [(name, ANY[name](chance)) for name in (chance.choice(list(ANY)) for _ in range(number))]
    last = chance.random()
    if last < 0.1:
        name, role = chance.choice(list(MARKED.items()))
        chosen.insert(0, (UNMARKED, f"ip link property del dev {name} altname converge:{role}"))
    elif last < 0.3 and not any(name == "tap of somebody else" for name, _ in chosen):
        name = chance.choice(list(RENAMED))
        chosen.append((name, RENAMED[name](chance)))
    return chosen


def tampered(netns: str, chosen: Sequence[tuple[str, str]]) -> list[str]:
    """The names of those that could be done: an earlier one may have taken away what a later one wanted to change."""
    lines = [f"( set -e; {script} ) 2>/dev/null && echo '{name}'" for name, script in chosen]
    return inside(netns, "sh", stdin="\n".join([*lines, "true"])).splitlines()


def parted(here: Pod) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is converge's, in an order that means something, and what is not. The sysctls are converge's: it wants all of them."""
    whole = settled(here)
    ours = [name for name in whole["links"] if name.startswith(("k6t-", "tap", "free", "ring", STEM)) or name == STORAGE]
    mine: dict[str, Any] = {"sysctls": whole["sysctls"], "links": {name: whole["links"].pop(name) for name in sorted(ours)}}
    mine["addresses"] = sorted((each for each in whole["addresses"] if each[0] in ours), key=json.dumps)
    mine["routes"] = [route for route in whole["routes"] if route.get("dev") in ours]
    mine["nft"] = sorted((entry for entry in whole["nft"] if _of_table(entry, "converge")), key=_place)
    other = {
        "links": {name: {**link, "altnames": _not_marks(link)} for name, link in whole["links"].items()},
        "addresses": [each for each in whole["addresses"] if each[0] not in ours],
        "routes": [route for route in whole["routes"] if route.get("dev") not in ours],
        "nft": [entry for entry in whole["nft"] if not _of_table(entry, "converge")],
    }
    return mine, other


def _of_table(entry: dict[str, Any], table: str) -> bool:
    ((kind, thing),) = entry.items()
    return bool((thing["name"] if kind == "table" else thing["table"]) == table)


def _place(entry: dict[str, Any]) -> tuple[str, str]:
    """Rules stay in their order; chains and sets have none."""
    ((kind, thing),) = entry.items()
    return kind, str(thing.get("chain") or thing.get("name"))


def _not_marks(link: dict[str, Any]) -> list[str]:
    return [name for name in link.get("altnames") or () if not name.startswith("converge:")]


def wired(here: Pod) -> GuestNetwork:
    shell(here.netns, STRANGERS)
    settle(here.netns)
    wanted = document(WANTED.replace("NETNS", here.netns))
    applied(wanted)
    return wanted


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_drift_is_repaired(block: int, pod: Callable[..., Pod], record_property: Callable[[str, object], None]) -> None:
    here = pod()
    wanted = wired(here)
    target, _ = parted(here)
    done = 0
    for seed in range(block * ROUNDS, (block + 1) * ROUNDS):
        chosen = burst(random.Random(seed))
        names = tampered(here.netns, chosen)
        _, strangers = parted(here)
        result = apply(wanted)
        about = f"seed {seed}: {chosen}\n{told(result)}"
        assert result.outcome in (Outcome.APPLIED, Outcome.UNCHANGED), about
        mine, other = parted(here)
        assert mine == target, about
        assert other == strangers, about
        again = plan(wanted)
        assert again.outcome is Outcome.UNCHANGED, f"{about}\n{told(again)}"
        done += len(names)
    record_property("tamperings", done)
    print(f"block {block}: {done} tamperings repaired")
    assert done >= 500 / BLOCKS
