"""A real guest on the tap of a converged masquerade pod: packets both ways, translated, with the addresses that each side sees.

The guest's addresses are given, not leased: this is about the wire. One guest serves all tests of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from converge.lab.packets import ask, held, serving
from converge.lab.pods import OUTSIDE4, OUTSIDE6, Place, PodSpec, up
from converge.lab.run import inside
from tests.guest.machine import Guest, boot
from tests.guest.plugged import usual, wired

DOCUMENT = """
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: web, namespace: shop}}
spec:
  target: {{netns: {netns}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces:
    - name: default
      masquerade: {{}}
      ports: [{{port: 80}}, {{port: 81}}]
  domain: {{cpu: {{cores: 2}}, devices: {{networkInterfaceMultiqueue: true}}}}
"""
PODS = {4: "10.244.1.5", 6: "fd10:244:1::5"}
OUTSIDE = {4: OUTSIDE4, 6: OUTSIDE6}
GUEST, GATEWAY = {4: "10.0.2.2", 6: "fd10:0:2::2"}, {4: "10.0.2.1", 6: "fd10:0:2::1"}
both = pytest.mark.parametrize("version", [4, 6])


@dataclass(frozen=True, slots=True)
class Scene:
    """A pod `netns`, the host `outside` that reaches it, and the guest on the pod's tap."""

    netns: str
    outside: str
    guest: Guest


@pytest.fixture(scope="module")
def scene(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    up([PodSpec("web", mtu=1450)], place)
    netns = place.netns("web")
    path = tmp_path_factory.mktemp("states") / "web.yaml"
    path.write_text(DOCUMENT.format(netns=netns))
    (pod,) = wired(path, usual)
    with boot(netns, pod.nics) as guest:
        guest.report()
        yield Scene(netns, place.outside, guest)


def test_the_guest_sees_what_the_pod_has(scene: Scene) -> None:
    link = scene.guest.report()["links"]["eth0"]
    assert (link["mac"], link["mtu"], link["queues"]) == ("0a:58:0a:f4:01:05", 1450, 2)


@both
def test_a_listed_port_reaches_the_guest_with_the_clients_address(scene: Scene, version: int) -> None:
    assert ask(scene.outside, "tcp", PODS[version], 81) == f"guest saw {OUTSIDE[version]}"


@both
def test_a_page_is_served_outside(scene: Scene, version: int) -> None:
    host = PODS[version] if version == 4 else f"[{PODS[version]}]"
    script = f"import urllib.request as u; print(u.urlopen('http://{host}/', timeout=5).read().decode())"
    assert inside(scene.outside, "python3", "-c", script).strip() == f"guest saw {OUTSIDE[version]}"


@both
def test_the_pod_reaches_the_guest_by_its_own_loopback(scene: Scene, version: int) -> None:
    loopback = {4: "127.0.0.1", 6: "::1"}[version]
    assert ask(scene.netns, "tcp", loopback, 81) == f"guest saw {GATEWAY[version]}"


@both
def test_a_port_that_is_not_listed_stays_with_the_pod(scene: Scene, version: int) -> None:
    assert ask(scene.outside, "tcp", PODS[version], 82) == "refused"
    with serving(scene.netns, "pod", "tcp/82"):
        assert ask(scene.outside, "tcp", PODS[version], 82) == f"pod saw {OUTSIDE[version]}"


@both
def test_the_guest_goes_out_with_the_pods_address(scene: Scene, version: int) -> None:
    with serving(scene.outside, "outside", "tcp/443"):
        answer = scene.guest.run(f"connect [{OUTSIDE[version]}]:443")
    assert answer.output == f"outside saw {PODS[version]}"
    assert scene.guest.run(f"ask {OUTSIDE[version]}").code == 0


@both
def test_large_segments_cross(scene: Scene, version: int) -> None:
    with held(scene.outside, PODS[version], 81) as connection:
        assert connection.greeting == f"guest saw {OUTSIDE[version]}"
        assert connection.echo("x" * 100_000, 20.0) == "x" * 100_000


def test_the_guests_own_addresses_are_not_seen_outside(scene: Scene) -> None:
    assert ask(scene.outside, "tcp", GUEST[4], 81).startswith(("silent", "unreachable"))
