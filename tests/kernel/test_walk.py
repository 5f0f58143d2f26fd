"""The walk, judged by packets: whom it names as the receiver answers, and sees the address that it says.

Each scene of `test_flows` is wired once; the walk is given what is observed there, and every question of the scene is asked
both of it and of the kernel. Then the same after somebody has been at the pod: rules, sets, sysctls, routes and links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

import pytest

from converge.explain import Packet, Receiver, Trace, walk
from converge.lab import pods
from converge.model import Resources
from tests.kernel import driving, flows
from tests.kernel.bridging import POD_MAC
from tests.kernel.flows import FLOWS
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, GuestSpec, Pod, guest_on, ns, serving, settle
from tests.kernel.matrix import BRIDGE, wish
from tests.kernel.probing import DEADLINE, Probe, Verdict, send, tell_apart
from tests.kernel.test_flows import LISTED, SCENES, Scene, question, wired

WALKED = ("ports", "legacy migration", "port ranges", "mesh", "small subnets", "another pod link")
ANSWERING = (Receiver.GUEST, Receiver.POD, Receiver.OUTSIDE)
ENTERS = {flows.OUTSIDE: "pod:default", flows.GUEST: "tap:default", flows.POD: ""}
SOON = 0.4
"""Seconds until silence is taken for an answer where much of it is expected."""
PATIENCE = 5.0
SILENT = "silent"


def agrees(trace: Trace, verdict: Verdict) -> bool:
    """Refused is received, where nobody listens. What an echo reply saw is not told."""
    if verdict.answers == flows.REFUSED:
        return trace.receiver in ANSWERING
    if verdict.answers not in (flows.GUEST, flows.POD, flows.OUTSIDE):
        return trace.receiver is Receiver.LOST
    return trace.receiver.value == verdict.answers and verdict.sees in ("", trace.source)


def walked(observed: Resources, asks: str, probe: Probe, source: str) -> Trace:
    family = 6 if ":" in probe.address else 4
    protocol = "ipv6-icmp" if probe.protocol == "icmp" and family == 6 else probe.protocol
    return walk(observed, Packet(ENTERS[asks], protocol, probe.address, probe.port or None, probe.source or source))


def disagreements(
    observed: Resources, asks: tuple[str, str], probes: Iterable[Probe], sources: Mapping[int, str], seconds: float = DEADLINE
) -> list[tuple[Probe, str, Verdict]]:
    """`asks`: role and namespace. Where the machine is busy an answer may come late, so silence is asked about once more."""
    role, netns = asks
    traces = {probe: walked(observed, role, probe, sources[6 if ":" in probe.address else 4]) for probe in probes}
    verdicts = dict(send(netns, traces, seconds))
    late = [probe for probe, verdict in verdicts.items() if verdict.answers == SILENT and not agrees(traces[probe], verdict)]
    verdicts |= send(netns, late, PATIENCE) if late else {}
    return [(probe, str(traces[probe]), verdict) for probe, verdict in verdicts.items() if not agrees(traces[probe], verdict)]


def sources(scene: Scene, asks: str) -> dict[int, str]:
    return {family: "" if asks == flows.POD else scene.addresses(family)[asks] for family in (4, 6)}


@pytest.mark.parametrize("name", WALKED)
def test_packets_go_where_the_walk_says(name: str, place: pods.Place) -> None:
    scene = SCENES[name]
    with ExitStack() as stack:
        asking = wired(scene, place, stack)
        observed = driving.plan(driving.masquerade_yaml(asking[flows.POD], **scene.options)).observed
        for role, netns in asking.items():
            probes = [question(scene, flow, family) for flow in FLOWS[name] if flow.asks == role for family in flow.families]
            assert probes
            assert disagreements(observed, (role, netns), probes, sources(scene, role)) == []


# -------------------------------------------------------------------------------------------------------- tampered

TO_POD = [Probe("tcp", address, port) for address in ("10.244.1.5", "fd10:244:1::5") for port in (80, 81)]
TO_LOOPBACK = [Probe("tcp", address, port) for address in ("127.0.0.1", "::1") for port in (80, 81)]

TAMPERINGS: dict[str, tuple[str, str, list[Probe], int]] = {
    # what is done, who asks, what, and how many of the questions are lost then
    "no IPv4 forwarding": ("sysctl -qw net.ipv4.ip_forward=0", flows.OUTSIDE, TO_POD, 1),
    "no IPv6 forwarding": ("sysctl -qw net.ipv6.conf.all.forwarding=0", flows.OUTSIDE, TO_POD, 1),
    "no route_localnet": ("sysctl -qw net.ipv4.conf.k6t-eth0.route_localnet=0", flows.POD, TO_LOOPBACK, 1),
    "no route to ::1": ("ip -6 route del local ::1/128 dev k6t-eth0 table local", flows.POD, TO_LOOPBACK, 1),
    "a port less": ("nft delete element inet converge ports { tcp . 80 }", flows.OUTSIDE, TO_POD, 0),
    "a port more": ("nft add element inet converge ports { tcp . 81 }", flows.POD, TO_LOOPBACK, 0),
    "a rule that drops": ("nft insert rule inet converge prerouting tcp dport 81 drop", flows.OUTSIDE, TO_POD, 2),
    "a rule that returns": ("nft insert rule inet converge output tcp dport 80 return", flows.POD, TO_LOOPBACK, 0),
    "no source translation": ("nft flush chain inet converge postrouting", flows.POD, TO_LOOPBACK, 2),
    "a dormant table": ("nft add table inet converge { flags dormant ; }", flows.OUTSIDE, TO_POD, 0),
    "the tap is down": ("ip link set tap0 down", flows.OUTSIDE, TO_POD, 2),
}


def test_packets_go_where_the_walk_says_after_tampering(place: pods.Place) -> None:
    scene = SCENES["ports"]
    with ExitStack() as stack:
        asking = wired(scene, place, stack)
        yaml = driving.masquerade_yaml(asking[flows.POD], **LISTED)
        for name, (command, role, probes, lost) in TAMPERINGS.items():
            ns(asking[flows.POD], command)
            observed = driving.plan(yaml).observed
            assert disagreements(observed, (role, asking[role]), probes, sources(scene, role), SOON) == [], name
            assert (
                sum(walked(observed, role, each, sources(scene, role)[4]).receiver is Receiver.LOST for each in probes) == lost
            ), name
            driving.applied(yaml)


def test_a_rule_that_nobody_knows_is_not_guessed_at(place: pods.Place) -> None:
    scene = SCENES["ports"]
    with ExitStack() as stack:
        asking = wired(scene, place, stack)
        ns(asking[flows.POD], "nft insert rule inet converge prerouting tcp dport 80 limit rate 1/second accept")
        observed = driving.plan(driving.masquerade_yaml(asking[flows.POD], **LISTED)).observed
        traces = {each: walked(observed, flows.OUTSIDE, each, OUTSIDE6 if ":" in each.address else OUTSIDE4) for each in TO_POD}
        assert {probe.port: trace.receiver for probe, trace in traces.items()} == {80: Receiver.UNKNOWN, 81: Receiver.POD}
        assert "limit" in traces[TO_POD[0]].reason


# ---------------------------------------------------------------------------------------------------------- bridge

GUEST = GuestSpec(mac=POD_MAC, addresses=("10.244.1.5/24", "fd10:244:1::5/64"), gateways=("10.244.1.1", "fd10:244:1::1"))
OUTSIDES = {4: OUTSIDE4, 6: OUTSIDE6}


def test_frames_go_where_the_walk_says(pod: Callable[..., Pod]) -> None:
    here = pod()
    driving.applied(wish(here, BRIDGE))
    own = {4: "10.244.1.5", 6: "fd10:244:1::5"}
    with guest_on(here.netns, GUEST) as guest, ExitStack() as stack:
        tell_apart(guest, "guest", "eth0")
        tell_apart(here.outside, "outside", "wan0")
        for role, netns in ((flows.GUEST, guest), (flows.OUTSIDE, here.outside), (flows.POD, here.netns)):
            stack.enter_context(serving(netns, role, "tcp/80"))
        settle(guest)
        observed = driving.plan(wish(here, BRIDGE)).observed
        for asks, netns, targets, known in (
            (flows.OUTSIDE, here.outside, own.values(), OUTSIDES),
            (flows.GUEST, guest, OUTSIDES.values(), own),
            (flows.POD, here.netns, ("127.0.0.1", "::1", *own.values(), *OUTSIDES.values()), {4: "", 6: ""}),
        ):
            assert disagreements(observed, (asks, netns), _asked(targets), known, SOON) == []


def _asked(targets: Iterable[str]) -> list[Probe]:
    return [probe for target in targets for probe in (Probe("tcp", target, 80), Probe("icmp", target))]
