"""What a bridged NIC takes from its pod, and gives back when it becomes another one: no more than was the pod's own."""

from __future__ import annotations

from converge.model import Key, Resources
from converge.resources import fact
from converge.resources.fact import Fact
from converge.resources.route import Route
from tests.unit.universe import Look, Pod, Wish, look, wired

BRIDGE, MASQUERADE = Wish("bridge"), Wish("masquerade")
PREFIX = "fd10:0:2::/120 metric 256"
TAUGHT = Key("route", "#2", PREFIX)


def facts(seen: Look) -> list[str]:
    return [key.name for key in seen.desired if key.kind == "fact"]


def test_what_was_advertised_is_not_written_down() -> None:
    """Neither a prefix nor a router with a preference, which nobody could give back."""
    taught = {TAUGHT: Route(protocol="ra"), Key("route", "#2", "::/0 metric 512"): Route("fe80::1", protocol="ra", other=(20,))}
    seen = look(BRIDGE, Pod().resources() | taught)
    assert not seen.refusals
    assert facts(seen) == facts(look(BRIDGE, Pod().resources()))


def contaminated() -> Resources:
    """As a bridged pod was left by who took an advertised prefix for the pod's own: that of a masquerade NIC next door."""
    found = wired(BRIDGE, Pod())
    (link,) = (key for key in found if key.kind == "fact" and key.name.startswith("link eth0 "))
    *words, number = link.name.split(" ")
    del found[link]
    found[link._replace(name=" ".join([*words, str(int(number) + 1)]))] = Fact(order=1)
    found[Key("fact", "default", f"route {PREFIX} proto kernel")] = Fact(order=99)
    assert Key("fact", "", fact.VERSION.name) in found
    return found


def test_an_advertised_prefix_that_was_written_down_is_forgotten() -> None:
    again = look(BRIDGE, contaminated())
    assert facts(again) == facts(look(BRIDGE, wired(BRIDGE, Pod())))
    for wish in (MASQUERADE, Wish(None)):
        planned = look(wish, contaminated()).plan()
        assert not planned.stuck
        assert not [step for step in planned.steps if f"{PREFIX.split(' ', maxsplit=1)[0]} dev eth0" in str(step.operation)]


def test_a_guests_subnet_that_the_pod_has_a_route_to_is_refused() -> None:
    """Over the pod link: once it is given back, one of the two routes would hide the other."""
    own = Pod().resources() | {TAUGHT: Route("fd10:244:1::1", protocol="boot")}
    (refusal,) = look(MASQUERADE, own).refusals
    assert (refusal.summary, refusal.nic) == ("guest subnet overlaps the pod's", "default")
    assert refusal.detail.startswith("the pod has a route to fd10:0:2::/120 of its own, over eth0\n")
    assert not look(Wish("masquerade", cidr6="fd77::/126"), own).refusals
