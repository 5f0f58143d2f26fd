"""A real guest behind a real passt that converge runs: it is given the pod's own address, and is reached on the ports that are
listed and on no other. passt speaks to QEMU as a stream; the vhost-user form that libvirt uses needs a newer passt than Debian
12's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from converge.lab.packets import ask, serving
from converge.lab.pods import OUTSIDE4, Place, PodSpec, up
from converge.lab.run import PYTHON, inside
from converge.services.passt import socket_path
from tests.guest.machine import Guest, boot
from tests.guest.scenario import Nic, Setup
from tests.kernel import driving

DOCUMENT = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: passt, namespace: {netns}}}
spec:
  target: {{netns: {netns}}}
  dnsPolicy: None
  dnsConfig: {{nameservers: [192.0.2.53], searches: [shop.example]}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces:
    - name: default
      passtBinding: {{}}
      passtSocket: true
      ports: [{{port: 80}}, {{port: 81}}]
"""
POD = "10.244.1.5"


@dataclass(frozen=True, slots=True)
class Scene:
    netns: str
    outside: str
    document: str
    guest: Guest


@pytest.fixture(scope="module")
def scene(place: Place) -> Iterator[Scene]:
    up([PodSpec("passt", mtu=1450)], place)
    netns = place.netns("passt")
    text = DOCUMENT.format(netns=netns)
    driving.applied(text)
    nic = Nic(mac="0a:58:0a:f4:01:05", socket=socket_path(netns, "passt", "default"), setup=Setup())
    with boot(netns, [nic]) as guest:
        guest.report()
        yield Scene(netns, place.outside, text, guest)


def test_the_guest_has_the_pods_address(scene: Scene) -> None:
    seen = scene.guest.report()
    link = seen["links"]["eth0"]
    assert f"{POD}/24" in [each["address"] for each in link["addresses"]]
    assert link["dhcp4"]["options"]["router"] == "10.244.1.1"
    assert link["mtu"] == 1450
    assert seen["resolv"]["servers"][0] == "192.0.2.53"
    assert seen["resolv"]["search"][0] == "shop.example"


# Debian 12's passt keeps back what a server says first until the client has spoken.
_SPEAK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as channel:
    channel.sendall(b"x" * int(sys.argv[3]) + b"\\n")
    text = b""
    while text.count(b"\\n") < 2:
        text += channel.recv(65536)
    greeting, echo = text.decode().splitlines()
    print(greeting, len(echo), set(echo))
"""


def speak(netns: str, port: int, count: int) -> str:
    return inside(netns, "timeout", "30", *PYTHON, "-c", _SPEAK, POD, str(port), str(count), deadline=40.0).strip()


def test_listed_ports_reach_it_and_no_other_does(scene: Scene) -> None:
    assert speak(scene.outside, 81, 5) == f"guest saw {OUTSIDE4} 5 {{'x'}}"
    assert ask(scene.outside, "tcp", POD, 82) == "refused"


def test_much_data_crosses(scene: Scene) -> None:
    assert speak(scene.outside, 81, 400_000) == f"guest saw {OUTSIDE4} 400000 {{'x'}}"


def test_it_goes_out_with_the_pods_address(scene: Scene) -> None:
    with serving(scene.outside, "outside", "tcp/443"):
        assert scene.guest.run(f"connect {OUTSIDE4}:443").output.splitlines()[0] == f"outside saw {POD}"


def test_nothing_is_left_to_do_while_it_runs(scene: Scene) -> None:
    assert driving.plan(scene.document).plan.empty


def test_the_log_is_there(scene: Scene) -> None:
    assert Path(socket_path(scene.netns, "passt", "default")).is_socket()
