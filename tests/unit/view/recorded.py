"""Observations and snapshots for tests: of generated universes, and of one small pod by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from converge.model import Key, Observation, Resources, Snapshot
from converge.resources.address import Address
from converge.resources.chain import Chain, Hook
from converge.resources.link import Link
from converge.resources.route import Route
from converge.resources.rule import Rule, Statement
from converge.resources.sysctl import RELEASE, Sysctl
from tests.unit.universe import Pod, Wish, numbered, pods, wired, wishes
from tests.unit.universe_tampering import tampered, tamperings

VERSION = "6.8.0"
TAKEN = datetime(2026, 11, 24, 17, tzinfo=UTC)
SMALL: Resources = {
    Key("link", "#1"): Link("lo", "", True, 65536, "00:00:00:00:00:00", index=1),
    Key("link", "#2"): Link("eth0", "veth", True, 1450, "0a:58:0a:f4:01:05", index=2, altnames=("enp1s0",)),
    Key("sysctl", "#2", "ipv6.accept_ra"): Sysctl("1"),
    Key("address", "#2", "10.244.1.5/24"): Address(broadcast="10.244.1.255"),
    Key("address", "#2", "10.244.1.6/24"): Address(primary="10.244.1.5/24", label="eth0:1", order=1),
    Key("route", "#2", "0.0.0.0/0"): Route("10.244.1.1"),
    Key("route", "-", "10.99.0.0/16 table 100 metric 5"): Route(hops=("#1", "#2")),
    Key("chain", "", "odd"): Chain(Hook("nat", "prerouting", -100), (Rule((Statement("match", "iifname", "a b"),), 'quo"te'),)),
}


def observation(resources: Resources) -> Observation:
    """With an answer to whatever a document may ask."""
    names = ("net.ipv4.conf.all.arp_ignore", "net.bridge.bridge-nf-call-ip6tables", "net.ipv6.conf.default.disable_ipv6")
    asked = {name: "0" for name in names if Key("sysctl", "", name) not in resources}
    resources = {Key("sysctl", "", RELEASE): Sysctl(VERSION), **resources}
    return Observation(resources, asked, {"": "nameserver 10.96.0.10\nsearch shop.svc.cluster.local"}, "dummy")


def snapshot(seen: Observation, name: str = "web") -> Snapshot:
    release = seen.resources[Key("sysctl", "", RELEASE)].value
    return Snapshot("shop", name, TAKEN, "0.1.0", ("netns", "universe"), release, seen.standin == "dummy", False, seen)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """A fresh pod, a wired one, or one that somebody has been at."""
    pod, wish = draw(pods), draw(wishes)
    match draw(st.sampled_from(("fresh", "wired", "disturbed"))):
        case "fresh":
            return observation(pod.resources())
        case "wired":
            return observation(numbered(_wired(wish, pod)))
        case _:
            return observation(numbered(tampered(_wired(wish, pod), draw(tamperings))))


def _wired(wish: Wish, pod: Pod) -> Resources:
    try:
        return wired(wish, pod)
    except AssertionError:  # a pod that this wish cannot be had in
        return pod.resources()
