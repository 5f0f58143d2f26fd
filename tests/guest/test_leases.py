"""The guest's own view: a real guest boots on a pod that converge wired, asks, and has IPv4 and IPv6 with all that belongs to it.

Nothing is set up in the guest. What it must see is a table of scenes; each is one document, one pod, one boot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from converge.lab.packets import ask, serving
from converge.lab.pods import OUTSIDE4, OUTSIDE6, Place, PodSpec, up
from converge.lab.run import inside
from tests.guest.machine import Guest, boot
from tests.guest.plugged import Wired, leased, wired
from tests.guest.scenario import DHCLIENT, Setup

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
      {binding}: {{}}
"""


@contextmanager
def served(place: Place, folder: Path, binding: str, pod: Mapping[str, Any], setup: Setup) -> Iterator[tuple[Wired, Guest]]:
    up([PodSpec("web", **{"mtu": 1450, **pod})], place)
    netns = place.netns("web")
    path = folder / "web.yaml"
    path.write_text(DOCUMENT.format(netns=netns, binding=binding))
    (found,) = wired(path, lambda nic: setup if setup is not ORDINARY else leased(nic))
    with boot(netns, found.nics) as guest:
        yield found, guest


@pytest.fixture
def room(place: Place) -> Iterator[Place]:
    """One pod at a time in the file's place."""
    from converge.lab.pods import down

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


def test_a_killed_server_is_drift_and_started_again(room: Place, tmp_path: Path) -> None:
    """And only that: the plan names the process and nothing else."""
    import subprocess
    import sys

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
