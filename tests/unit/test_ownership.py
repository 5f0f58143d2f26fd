"""Whose is it? The one predicate that says what converge may change or delete, asked of whole pods, as a table.

A pod here is a set of links with addresses and routes on them, as some story left it. Each row names one thing in it and says
whether it is *ours* (compared with what a document wants, and deleted where none wants it) or only *seen*, however it looks. The
parts of the predicate have their own tables in resources/test_identity.py; this one asks the whole, from facts to scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from converge.model import Attributes, Key, Resources
from converge.resources import KINDS, fact, fact_text
from converge.resources.address import Address
from converge.resources.chain import CAPTURED, Chain
from converge.resources.fact import Fact
from converge.resources.link import Bridge, Link, Port, Tap
from converge.resources.route import NO_LINK, Route
from converge.resources.table import KEY, Table
from tests.unit.universe import Look, Pod, Wish, look, wired

POD = Pod(addresses=("10.244.1.5/24",), stranger=False)
MASQUERADE, BRIDGE, NOTHING = Wish("masquerade"), Wish("bridge"), Wish(None)
TAP = Tap(107, 107, multi_queue=False)


def bridge(name: str, index: int, mark: str | None = None) -> Link:
    return Link(name, "bridge", True, 1500, "02:00:00:00:00:00", mark=mark, bridge=Bridge(), index=index)


def tap(name: str, index: int, master: str | None = None) -> Link:
    return Link(name, "tun", True, 1500, master=master, tap=TAP, port=Port() if master else None, index=index)


def plain(name: str, kind: str, index: int, up: bool = True) -> Link:
    return Link(name, kind, up, 1500, "02:ad:00:00:00:01", index=index)


def pod_of(*links: Link) -> Resources:
    """lo, and these. Each further one has an address and a route."""
    found: Resources = {Key("link", "#1"): Link("lo", "", True, 65536, index=1)}
    for link in links:
        handle = f"#{link.index}"
        found[Key("link", handle)] = link
        found[Key("address", handle, f"10.{link.index}.0.1/24")] = Address()
        found[Key("route", handle, f"10.{link.index}.9.0/24")] = Route(scope="link")
    return found


def named(resources: Resources, link: str) -> str:
    return next(key.owner for key, value in resources.items() if key.kind == "link" and value.name == link)


def with_more(resources: Resources, link: str, *more: tuple[str, str, Attributes]) -> Resources:
    """Further addresses and routes on the link of that name."""
    owner = named(resources, link)
    return {**resources, **{Key(kind, owner, name): value for kind, name, value in more}}


# ---------------------------------------------------------------------------------------------------------- stories

FRESH = POD.resources()
CNI = Link("eth0", "veth", True, 1500, "0a:58:0a:f4:01:05", index=2)
ADMINS = (
    plain("docker0", "bridge", 21),
    plain("k6t-other", "bridge", 22),
    plain("tap7", "tun", 23),
    plain("adm0", "veth", 24),
)
ON_POD_LINK: tuple[tuple[str, str, Attributes], ...] = (
    ("address", "10.244.1.77/32", Address()),
    ("address", "fe80::1/64", Address(scope=253)),
    ("address", "fd66::7/64", Address(dynamic=True)),
    ("route", "10.29.0.0/16", Route("10.244.1.1")),
    ("route", "fd67::/64 metric 1024", Route("fe80::1", protocol="ra")),
)


def beside(resources: Resources) -> Resources:
    """With an administrator's links, one of them put into our bridge where there is one, and a blackhole route."""
    more = {key: value for key, value in pod_of(*ADMINS).items() if key.owner != "#1"}
    bridges = [key.owner for key, value in resources.items() if key.kind == "link" and value.name == "k6t-eth0"]
    if bridges:
        more[Key("link", "#24")] = replace(ADMINS[3], master=bridges[0], port=Port())
    return {**resources, **more, Key("route", NO_LINK, "198.18.0.0/15"): Route(type="blackhole")}


HALF_MADE = pod_of(CNI, bridge("k6t-eth0", 3), tap("tap0", 4))
OTHER_KINDS = pod_of(CNI, plain("k6t-eth0", "dummy", 3), plain("tap0", "veth", 4))
KUBEVIRTS = pod_of(
    Link("eth0-nic", "veth", True, 1500, "02:42:00:00:00:01", master="#3", port=Port(learning=False), index=2),
    bridge("k6t-eth0", 3),
    tap("tap0", 4, "#3"),
    plain("eth0", "dummy", 5, up=False),
)


def older() -> Resources:
    """A version of ours that did not mark its links, but wrote its facts."""
    written = [(Key("link", "pod:default"), replace(CNI, index=2)), (Key("address", "pod:default", "10.244.1.5/24"), Address())]
    held = {KEY: Table(), Key("chain", "", CAPTURED): Chain(), fact.VERSION: Fact()}
    return {**KUBEVIRTS, **held, **dict(fact_text.facts(written))}


@dataclass(frozen=True, slots=True)
class Story:
    wish: Wish
    resources: Resources


STORIES: Mapping[str, Story] = {
    "fresh pod": Story(MASQUERADE, with_more(beside(FRESH), "eth0", *ON_POD_LINK)),
    "fresh pod, to be taken over": Story(BRIDGE, beside(FRESH)),
    "masquerade": Story(MASQUERADE, with_more(beside(wired(MASQUERADE, POD)), "eth0", *ON_POD_LINK)),
    "bridge": Story(BRIDGE, with_more(beside(wired(BRIDGE, POD)), "eth0-nic", *ON_POD_LINK)),
    "bridge, unwired": Story(NOTHING, with_more(beside(wired(BRIDGE, POD)), "eth0-nic", *ON_POD_LINK)),
    "half made": Story(MASQUERADE, beside(HALF_MADE)),
    "half made, unwired": Story(NOTHING, HALF_MADE),
    "of our names": Story(MASQUERADE, OTHER_KINDS),
    "KubeVirt's": Story(BRIDGE, beside(KUBEVIRTS)),
    "an older version's": Story(BRIDGE, beside(older())),
}
OURS, SEEN = True, False

TABLE: Mapping[str, Mapping[str, bool]] = {
    "fresh pod": {
        "link eth0": SEEN,
        "address eth0/10.244.1.5/24": SEEN,
        "address eth0/10.244.1.77/32": SEEN,
        "address eth0/fe80::1/64": SEEN,
        "route eth0/10.29.0.0/16": SEEN,
        "route eth0/0.0.0.0/0": SEEN,
        "link lo": SEEN,
    },
    "fresh pod, to be taken over": {
        "link eth0": SEEN,  # it is changed, but never deleted
        "address eth0/10.244.1.5/24": OURS,
        "route eth0/0.0.0.0/0": OURS,
    },
    "masquerade": {
        "link k6t-eth0": OURS,
        "link tap0": OURS,
        "address k6t-eth0/10.0.2.1/24": OURS,
        "route k6t-eth0/10.0.2.0/24": OURS,
        "link eth0": SEEN,
        "address eth0/10.244.1.5/24": SEEN,
        "address eth0/10.244.1.77/32": SEEN,
        "route eth0/10.29.0.0/16": SEEN,
        "link adm0": SEEN,  # a port of our bridge
        "sysctl net.ipv4.ip_forward": SEEN,  # compared where it is wanted, and there is no deleting it
    },
    "bridge": {
        "link k6t-eth0": OURS,
        "link eth0": OURS,  # the stand-in
        "address eth0/10.244.1.5/24": OURS,
        "link tap0": OURS,
        "link eth0-nic": SEEN,
        "address eth0-nic/10.244.1.77/32": OURS,  # whoever adds one to a port of the guest's, the guest would suffer
        "address eth0-nic/fe80::1/64": SEEN,
        "address eth0-nic/fd66::7/64": SEEN,
        "route eth0-nic/10.29.0.0/16": OURS,
        "route eth0-nic/fd67::/64/metric/1024": SEEN,
    },
    "bridge, unwired": {
        "link k6t-eth0": OURS,
        "link eth0": OURS,
        "link eth0-nic": SEEN,
        "address eth0-nic/10.244.1.77/32": OURS,
        "address eth0-nic/fe80::1/64": SEEN,
    },
    "half made": {
        "link k6t-eth0": OURS,
        "address k6t-eth0/10.3.0.1/24": OURS,
        "link tap0": OURS,
        "link eth0": SEEN,
        "address eth0/10.2.0.1/24": SEEN,
    },
    "half made, unwired": {"link k6t-eth0": SEEN, "link tap0": SEEN},  # no document says that they should be anybody's
    "of our names": {
        "link k6t-eth0": SEEN,
        "address k6t-eth0/10.3.0.1/24": SEEN,
        "route k6t-eth0/10.3.9.0/24": SEEN,
        "link tap0": SEEN,
    },
    "KubeVirt's": {
        "link k6t-eth0": OURS,
        "address k6t-eth0/10.3.0.1/24": OURS,
        "link tap0": OURS,
        "link eth0": OURS,
        "address eth0/10.5.0.1/24": OURS,
        "link eth0-nic": SEEN,
        "address eth0-nic/10.2.0.1/24": OURS,
    },
    "an older version's": {
        "link k6t-eth0": OURS,
        "link tap0": OURS,
        "link eth0": OURS,
        "link eth0-nic": SEEN,
        "address eth0-nic/10.2.0.1/24": OURS,
    },
}
STRANGERS = [f"link {link.name}" for link in ADMINS]
STRANGERS += [f"address {link.name}/10.{link.index}.0.1/24" for link in ADMINS]
STRANGERS += [f"route {link.name}/10.{link.index}.9.0/24" for link in ADMINS]
STRANGERS += ["route -/198.18.0.0/15"]


def told(story: str) -> dict[str, bool]:
    """Every thing in the pod by the address that plans print, and whether it is ours."""
    seen: Look = look(STORIES[story].wish, STORIES[story].resources)
    assert not seen.refusals
    names = {key.owner: value.name for key, value in seen.observed.items() if key.kind == "link"}
    return {
        f"{key.kind} {KINDS[key.kind].address(key, value, names)}": seen.in_scope(key, value)
        for key, value in seen.observed.items()
    }


ROWS = [(story, thing, ours) for story, things in TABLE.items() for thing, ours in things.items()]


def test_every_story_has_its_rows() -> None:
    assert STORIES.keys() == TABLE.keys()


@pytest.mark.parametrize(("story", "thing", "ours"), ROWS)
def test_whose_is_it(story: str, thing: str, ours: bool) -> None:
    assert told(story)[thing] is ours


@pytest.mark.parametrize("story", [story for story in STORIES if "adm0" in str(STORIES[story].resources)])
@pytest.mark.parametrize("thing", STRANGERS)
def test_an_administrators_things_are_only_seen(story: str, thing: str) -> None:
    assert told(story)[thing] is SEEN


@pytest.mark.parametrize("story", STORIES)
def test_no_plan_deletes_what_is_only_seen(story: str) -> None:
    """The predicate is what plans go by, not a page about them."""
    seen = look(STORIES[story].wish, STORIES[story].resources)
    planned = seen.plan()
    deleted = [change.key for change in planned.changes if change.after is None]
    assert [key for key in deleted if not seen.in_scope(key, seen.observed[key])] == []
    touched = {operation.key.owner for step in planned.steps for operation in (step.operation, *step.operation.parts)}
    assert [owner for owner in touched if owner.startswith("#")] == []
