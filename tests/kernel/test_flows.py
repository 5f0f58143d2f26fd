"""What becomes of a packet: the truth table of the masquerade binding, each row judged by a real packet.

A row says who asks whom, in roles; a *scene* says what the document asked for and so what a role's address is. Every row
holds for IPv4 and for IPv6, unless it names one. All of pod, guest and outside listen on all ports of the table, so who
answers is what the rules decided; `CLOSED` is open nowhere. The guest is a namespace behind the pod's real tap.

Adding a row: one line in the table of its scene. A scene's questions are asked all at once, before its first row is judged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from converge.lab import pods
from tests.kernel import driving, flows
from tests.kernel.flows import FLOWS, Flow
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, GuestSpec, guest_on, serving, settle
from tests.kernel.probing import Probe, Verdict, send, tell_apart

Addresses = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """A document's options (see `driving.masquerade_yaml`), and the pod and the subnets that it is about."""

    options: Mapping[str, Any] = field(default_factory=dict)
    link: str = "eth0"
    gateways: tuple[str, str] = ("10.0.2.1", "fd10:0:2::1")
    guests: tuple[str, str] = ("10.0.2.2/24", "fd10:0:2::2/120")

    def addresses(self, family: int) -> Addresses:
        six = family == 6
        return {
            flows.OUTSIDE: OUTSIDE6 if six else OUTSIDE4,
            flows.POD: "fd10:244:1::5" if six else "10.244.1.5",
            flows.LOOPBACK: "::1" if six else "127.0.0.1",
            flows.GATEWAY: self.gateways[six],
            flows.GUEST: self.guests[six].partition("/")[0],
        }


LISTED: dict[str, Any] = {"ports": [{"name": "http", "port": 80}, {"port": 53, "protocol": "UDP"}]}
LEGACY: dict[str, Any] = {"spec": {"legacyMigrationPorts": True}}
MESH: dict[str, Any] = {"annotations": {"sidecar.istio.io/inject": "true"}}
SMALL = {"vmNetworkCIDR": "192.168.100.77/30", "vmIPv6NetworkCIDR": "fd00:1::/126"}

SCENES: dict[str, Scene] = {
    "no ports": Scene(),
    "ports": Scene(LISTED),
    "legacy migration": Scene(LEGACY),
    "legacy migration, ports": Scene(LEGACY | LISTED),
    "port ranges": Scene(
        {"port_ranges": [{"protocol": "TCP", "start": 8000, "end": 8010}, {"protocol": "UDP", "start": 5000, "end": 5000}]}
    ),
    "mesh": Scene(MESH),
    "mesh, ports 22 and 80": Scene(MESH | {"ports": [{"port": 22}, {"port": 80}]}),
    "mesh, port 80": Scene(MESH | {"ports": [{"port": 80}]}),
    "mesh, range over 22": Scene(MESH | {"port_ranges": [{"protocol": "TCP", "start": 20, "end": 80}]}),
    "small subnets": Scene(
        {"network": SMALL},
        gateways=("192.168.100.77", "fd00:1::1"),
        guests=("192.168.100.78/30", "fd00:1::2/126"),
    ),
    "another pod link": Scene({"interface": {"podLink": "ens3"}} | LISTED, link="ens3"),
}

ROWS = [
    pytest.param(name, flow, family, id=f"{name}: {flow} ({family})")
    for name, table in FLOWS.items()
    for flow in table
    for family in flow.families
]


@dataclass(frozen=True, slots=True)
class Judge:
    """A wired scene, and the verdict on each of its questions by the asking role."""

    scene: Scene
    verdicts: Mapping[tuple[str, Probe], Verdict]

    def __call__(self, flow: Flow, family: int) -> Verdict:
        return self.verdicts[flow.asks, question(self.scene, flow, family)]


def question(scene: Scene, flow: Flow, family: int) -> Probe:
    return Probe(flow.protocol, scene.addresses(family)[flow.to], flow.port, flow.source)


@pytest.fixture(scope="module")
def judge() -> Iterator[Callable[[str], Judge]]:
    """The judge of a scene, by its name. A scene is wired when its first row asks for it."""
    prefix = f"f{os.getpid()}-"
    with ExitStack() as stack:
        yield cache(lambda name: _judge(name, pods.Place(f"{prefix}{list(SCENES).index(name)}-"), stack))


def _judge(name: str, place: pods.Place, stack: ExitStack) -> Judge:
    """A scene that could not be wired is taken down at once, so that its next row fails for the same reason."""
    scene = SCENES[name]
    verdicts: dict[tuple[str, Any], Any] = {}
    with ExitStack() as own:
        for role, netns in wired(scene, place, own).items():
            probes = [question(scene, flow, family) for flow in FLOWS[name] if flow.asks == role for family in flow.families]
            verdicts |= {(role, probe): verdict for probe, verdict in send(netns, probes).items()}
        stack.enter_context(own.pop_all())
    return Judge(scene, verdicts)


def wired(scene: Scene, place: pods.Place, stack: ExitStack) -> dict[str, str]:
    """The scene's namespaces by role: converged, with a guest on the tap, and with somebody listening everywhere."""
    pods.up([_pod(scene)], place)
    stack.callback(pods.down, ["web"], place)
    pod = place.netns("web")
    driving.applied(driving.masquerade_yaml(pod, **scene.options))
    guest = stack.enter_context(guest_on(pod, GuestSpec(addresses=scene.guests, gateways=scene.gateways)))
    tell_apart(guest, "guest", "eth0")
    tell_apart(place.outside, "outside", "wan0")
    asking = {flows.OUTSIDE: place.outside, flows.POD: pod, flows.GUEST: guest}
    for role, netns in asking.items():
        stack.enter_context(serving(netns, role, *flows.LISTENED))
    settle(pod)
    return asking


def _pod(scene: Scene) -> pods.PodSpec:
    """Duplicate address detection would only make each scene wait a second and a half for its bridge."""
    sysctls = {"net/ipv4/ip_forward": "0", "net/ipv6/conf/default/accept_dad": "0"}
    return pods.PodSpec("web", link=scene.link, sysctls=sysctls)


@pytest.mark.parametrize(("scene", "flow", "family"), ROWS)
def test_flow(judge: Callable[[str], Judge], scene: str, flow: Flow, family: int) -> None:
    verdict = judge(scene)(flow, family)
    assert verdict.answers == flow.answers, verdict
    if flow.sees:
        assert verdict.sees == SCENES[scene].addresses(family)[flow.sees]


def test_every_scene_has_rows_and_every_row_a_scene() -> None:
    assert list(FLOWS) == list(SCENES)
