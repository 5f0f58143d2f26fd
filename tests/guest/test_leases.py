"""The guest's own view: a real guest boots on a pod that converge wired, asks, and has IPv4 and IPv6 with all that belongs to it.

Nothing is set up in the guest. What it must see is a table of scenes; each is one document, one pod, one boot.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from converge.bindings.names import hashed
from converge.lab.packets import ask, serving
from converge.lab.pods import OUTSIDE4, OUTSIDE6, Place, PodSpec, down, up
from converge.lab.run import inside
from tests.guest.machine import Guest, boot
from tests.guest.plugged import Wired, leased, wired
from tests.guest.scenario import DHCLIENT, Scenario, Setup

MAC = "0a:58:0a:f4:01:05"
IPV4: Mapping[str, Any] = {"addresses6": (), "gateway6": ""}
IPV6: Mapping[str, Any] = {"addresses4": (), "gateway4": ""}
CALICO = {**IPV4, "addresses4": ("10.244.1.5/32",), "gateway4": "169.254.1.1"}
ORDINARY = Setup()


@dataclass(frozen=True, slots=True)
class Scene:
    """`addresses`: those that the guest must have; `default4` and `default6`: where its default routes must lead."""

    name: str
    binding: str
    addresses: Sequence[str]
    default4: str | None = None
    default6: bool = False
    pod: Mapping[str, Any] = field(default_factory=dict)
    setup: Setup = ORDINARY


GUEST4, GUEST6 = "10.0.2.2/24", "fd10:0:2::2/128"
SCENES = [
    Scene("masquerade, IPv4", "masquerade", [GUEST4], "10.0.2.1", pod=IPV4),
    Scene("masquerade, IPv6", "masquerade", [GUEST6], default6=True, pod=IPV6),
    Scene("masquerade, dual, MTU 9000", "masquerade", [GUEST4, GUEST6], "10.0.2.1", default6=True, pod={"mtu": 9000}),
    Scene("masquerade, dhclient", "masquerade", [GUEST4, GUEST6], "10.0.2.1", True, setup=Setup(client=DHCLIENT)),
    Scene("bridge, IPv4", "bridge", ["10.244.1.5/24"], "10.244.1.1", pod=IPV4),
    Scene("bridge, dhclient", "bridge", ["10.244.1.5/24"], "10.244.1.1", pod=IPV4, setup=Setup(client=DHCLIENT, ipv6=False)),
    Scene("bridge, no option 121", "bridge", ["10.244.1.5/24"], "10.244.1.1", pod=IPV4, setup=Setup(classless=False, ipv6=False)),
    Scene("bridge, Calico", "bridge", ["10.244.1.5/32"], "169.254.1.1", pod=CALICO),
]

DOCUMENT = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces:
    - name: default
      {binding}: {{}}{more}
"""
TWO = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks:
    - {{name: default, pod: {{}}}}
    - {{name: storage, multus: {{networkName: storage-net}}}}
  interfaces:
    - {{name: default, masquerade: {{}}}}
    - {{name: storage, bridge: {{}}, guest: {{dhcp: {{router: false, dns: false}}}}}}
"""


@contextmanager
def served(
    place: Place, folder: Path, binding: str, pod: Mapping[str, Any], setup: Setup, more: str = "", hold: int = 120
) -> Iterator[tuple[Wired, Guest]]:
    up([PodSpec("web", **{"mtu": 1450, **pod})], place)
    netns = place.netns("web")
    path = folder / "web.yaml"
    path.write_text(DOCUMENT.format(netns=netns, binding=binding, more=more))
    (found,) = wired(path, lambda nic: setup if setup is not ORDINARY else leased(nic))
    with boot(netns, found.nics, Scenario(hold=hold)) as guest:
        yield found, guest


@pytest.fixture
def room(place: Place) -> Iterator[Place]:
    """One pod at a time in the file's place."""
    yield place
    down(["web"], place)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_guest_has_its_network(scene: Scene, room: Place, tmp_path: Path) -> None:
    with served(room, tmp_path, scene.binding, scene.pod, scene.setup) as (_, guest):
        seen = guest.report()
        link = seen["links"]["eth0"]
        assert (link["mac"], link["mtu"]) == (MAC, scene.pod.get("mtu", 1450))
        assert set(scene.addresses) <= {address["address"] for address in link["addresses"]}
        defaults4 = {route["via"] for route in seen["routes4"] if route["to"] == "default"}
        assert defaults4 == ({scene.default4} if scene.default4 else set())
        defaults6 = [route["protocol"] for route in seen["routes6"] if route["to"] == "default"]
        assert defaults6 == (["ra"] if scene.default6 else [])
        _goes_out(scene, room, guest)
        _is_reached(scene, room)


def _goes_out(scene: Scene, room: Place, guest: Guest) -> None:
    """The client's address that the outside host sees is the pod's, whichever binding."""
    with serving(room.outside, "outside", "tcp/443"):
        if scene.default4:
            assert guest.run(f"connect [{OUTSIDE4}]:443").output == "outside saw 10.244.1.5"
        if scene.default6:
            assert guest.run(f"connect [{OUTSIDE6}]:443").output == "outside saw fd10:244:1::5"


def _is_reached(scene: Scene, room: Place) -> None:
    """Through the pod's address, with the client's own address seen by the guest."""
    if scene.default4:
        assert ask(room.outside, "tcp", "10.244.1.5", 81) == f"guest saw {OUTSIDE4}"
    if scene.default6:
        assert ask(room.outside, "tcp", "fd10:244:1::5", 81) == f"guest saw {OUTSIDE6}"


@pytest.mark.parametrize("binding", ["masquerade", "bridge"])
def test_a_lease_is_renewed_and_another_client_gets_it_too(binding: str, room: Place, tmp_path: Path) -> None:
    with served(room, tmp_path, binding, IPV4, ORDINARY) as (_, guest):
        guest.report()
        assert guest.run("renew eth0").output == "renew"
        assert guest.run("lease eth0 udhcpc ff00aabbcc").output == "bound"


def test_another_duid_gets_the_ipv6_address_when_the_lease_has_ended(room: Place, tmp_path: Path) -> None:
    """dnsmasq ties it to the client's DUID for two minutes: a guest that was installed anew waits that long, and no longer."""
    with served(room, tmp_path, "masquerade", IPV6, ORDINARY, hold=300) as (_, guest):
        assert GUEST6 in {address["address"] for address in guest.report()["links"]["eth0"]["addresses"]}
        deadline = time.monotonic() + 150
        while guest.run("lease eth0 dhclient6 000300010a580af4ffff", 40).code:
            assert time.monotonic() < deadline


def test_a_bridge_hands_the_pods_ipv6_address_over_where_that_is_asked_for(room: Place, tmp_path: Path) -> None:
    """By DHCPv6, and nothing is advertised: an advertisement would reach the CNI's network too."""
    with served(room, tmp_path, "bridge", {}, ORDINARY, "\n      guest: {ipv6: true}") as (_, guest):
        assert not guest.report()["links"]["eth0"].get("ra", {}).get("answered")
        assert guest.run("lease eth0 dhclient6").output.splitlines()[-1].startswith("BOUND")
        assert "fd10:244:1::5/128" in {address["address"] for address in guest.look()["links"]["eth0"]["addresses"]}


def test_two_nics_and_one_way_out(room: Place, tmp_path: Path) -> None:
    """The second NIC's server names neither router nor DNS, so the first one's stand."""
    up([PodSpec("web", mtu=1450, **IPV4)], room)
    netns = room.netns("web")
    link = hashed("storage")
    inside(netns, "ip", "link", "add", link, "mtu", "1400", "type", "veth", "peer", "name", "s0")
    inside(netns, "ip", "address", "add", "192.168.5.9/24", "dev", link)
    for name in (link, "s0"):
        inside(netns, "ip", "link", "set", name, "up")
    path = tmp_path / "web.yaml"
    path.write_text(TWO.format(netns=netns))
    (found,) = wired(path, leased)
    with boot(netns, found.nics) as guest:
        seen = guest.report()
        first, second = seen["links"]["eth0"], seen["links"]["eth1"]
        assert (first["mtu"], second["mtu"]) == (1450, 1400)
        assert GUEST4 in {address["address"] for address in first["addresses"]}
        assert "192.168.5.9/24" in {address["address"] for address in second["addresses"]}
        assert {route["via"] for route in seen["routes4"] if route["to"] == "default"} == {"10.0.2.1"}


def test_a_killed_server_is_drift_and_started_again(room: Place, tmp_path: Path) -> None:
    """And only that: the plan names the process and nothing else."""

    def converge(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "converge", *words, str(tmp_path / "web.yaml")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    with served(room, tmp_path, "masquerade", IPV4, ORDINARY) as (found, guest):
        guest.report()
        assert converge("check").returncode == 0
        inside(
            found.netns,
            "sh",
            "-c",
            f"kill $(ip netns pids {found.netns} | xargs ps -o pid=,comm= -p | awk '/dnsmasq/ {{print $1}}')",
        )
        drift = converge("check")
        assert drift.returncode == 1
        assert "process/dnsmasq" in drift.stdout
        repaired = converge("apply")
        assert repaired.returncode == 0, repaired.stderr
        assert "Applied: 1 created, 0 updated, 0 deleted" in repaired.stdout
        assert guest.run("lease eth0 udhcpc ff00aabbcc").output == "bound"
