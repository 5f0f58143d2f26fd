"""Results for the report's tests: by hand, and from generated universes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume
from hypothesis import strategies as st

from converge.engine import plan
from converge.model import Desired, Diagnostic, GuestNetwork, Key, Origin, Outcome, Plan, Position, Resources, Result, Severity
from converge.resources import KINDS
from converge.resources.link import Bridge, Link, Port, Tap
from tests.unit.universe import Wish, look, pods, wired, wishes
from tests.unit.universe_tampering import tampered, tamperings

AT = Position("states/web.yaml", 11, 7)
BRIDGE, TAP = Key("link", "bridge:default"), Key("link", "tap:default")
RESOURCES: Resources = {
    BRIDGE: Link("k6t-eth0", "bridge", True, 1450, "02:00:00:00:00:00", mark="bridge:default", bridge=Bridge()),
    TAP: Link("tap0", "tun", True, 1450, master="bridge:default", mark="tap:default", tap=Tap(107, 107, False), port=Port()),
}


def document(name: str = "web") -> GuestNetwork:
    return replace(Wish().document(), name=name, at=Position("states/web.yaml", 1, 1))


def result(observed: Resources, desired: Resources, *, outcome: Outcome | None = None, name: str = "web") -> Result:
    """The plan from one set to the other, everything in scope but sysctls, which nobody can delete."""
    planned = plan(observed, desired, lambda key, _: key.kind != "sysctl", KINDS)
    return made(planned, observed, desired, outcome, name)


def made(planned: Plan, observed: Resources, desired: Resources, outcome: Outcome | None = None, name: str = "web") -> Result:
    origins = {key: Origin(key.owner.partition(":")[2] or "default", AT) for key in desired if key.owner}
    what = outcome or (Outcome.UNCHANGED if planned.empty else Outcome.PLANNED)
    return Result(document(name), what, planned, Desired(desired, origins), observed)


def refused(name: str = "db", severity: Severity = Severity.ERROR) -> Result:
    said = Diagnostic("pod cannot be reached", "no namespace /run/netns/db\nmake it first", AT, severity)
    return Result(document(name), Outcome.REFUSED, Plan((), (), 0), Desired({}), {}, (said,))


@st.composite
def results(draw: st.DrawFn) -> Result:
    """A fresh pod, one that somebody has been at, or one whose document has changed."""
    wish, pod = draw(wishes), draw(pods)
    fresh = look(wish, pod.resources())
    assume(not fresh.refusals)
    seen = fresh
    match draw(st.sampled_from(("fresh", "disturbed", "changed"))):
        case "disturbed":
            seen = look(wish, tampered(wired(wish, pod), draw(tamperings)))
        case "changed":
            seen = look(draw(wishes), wired(wish, pod))
    assume(not seen.refusals)
    return made(seen.plan(), seen.observed, seen.desired)
