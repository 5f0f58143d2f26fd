"""Changes in an order that works, from what kinds declare. Sorted once; no search and no phases.

Edges: a resource is made after what it needs (`after`, `within`). What it needs, or needed, is deleted after it has been
dealt with, whether it is deleted itself, changed, or (given back from a fact) only now made. But what lives in a thing that
is deleted comes *after* it: by then it is gone for nothing. A claim (a name) is released before it is taken. A ring of
claims, such as two links that swap names, is a real cycle: one of them is parked under a temporary name. What itself waits for
nothing but those who take its claims is parked as soon as their turn would come, so that nobody waits in the middle of
something.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from converge.engine.kinds import Kinds
from converge.model import Attributes, Change, Key, Resources


class Turn(NamedTuple):
    """A change whose turn it is. `parked`: only give up its claims for now; its real turn comes later."""

    change: Change
    parked: bool


Edges = dict[Key, set[Key]]
Priority = tuple[int, bool, Key]


def order(changes: Iterable[Change], observed: Resources, desired: Resources, kinds: Kinds) -> Iterator[Turn]:
    """Yield the changes in a workable order. Changes in a cycle that no parking can cut come last, as they are."""
    waiting = {change.key: change for change in changes}
    releases = _claim_edges(waiting, kinds)
    successors = _dependency_edges(waiting, observed, desired, kinds)
    for key, takers in releases.items():
        successors.setdefault(key, set()).update(takers)
    line = _Line(waiting, releases, successors, _turned(successors), {name: number for number, name in enumerate(kinds)})
    for key in waiting:
        line.note(key)
    while (turn := line.next()) is not None:
        yield turn
    yield from (Turn(change, parked=False) for change in waiting.values())


@dataclass(frozen=True, slots=True)
class _Line:
    """The changes that wait, who waits for whom, and a heap of whose turn can come, by priority: its own, or to be parked."""

    waiting: dict[Key, Change]
    releases: Edges
    successors: Edges
    blockers: Edges
    rank: Mapping[str, int]
    ready: list[tuple[Priority, bool, Key]] = field(default_factory=list)

    def note(self, key: Key) -> None:
        rest = self.blockers.get(key, set())
        if not rest:
            heapq.heappush(self.ready, (self._priority(key), False, key))
        elif self._waits_for_takers(key):
            heapq.heappush(self.ready, (min(map(self._priority, rest)), True, key))

    def next(self) -> Turn | None:
        """The next turn; None when there is none, or what is left waits for itself."""
        while self.ready:
            _, parked, key = heapq.heappop(self.ready)
            if not parked:
                change = self.waiting.pop(key)
                self._done(key, self.successors.get(key, set()))
                return Turn(change, parked=False)
            if key in self.waiting and self._waits_for_takers(key):
                return self._parked(key, set(self.blockers[key]))
        if not self.waiting:
            return None
        key, takers = _cut(self.waiting, self.blockers, self.releases)
        return self._parked(key, takers) if takers else None

    def _parked(self, key: Key, takers: set[Key]) -> Turn:
        self.releases[key] = set()
        self.successors[key] -= takers
        self._done(key, takers)
        return Turn(self.waiting[key], parked=True)

    def _done(self, key: Key, followers: Iterable[Key]) -> None:
        for follower in followers:
            self.blockers[follower].discard(key)
            if follower in self.waiting:
                self.note(follower)

    def _waits_for_takers(self, key: Key) -> bool:
        """Is all that it still waits for waiting for a claim of it?"""
        return bool(self.blockers[key]) and self.blockers[key] <= self.releases.get(key, set())

    def _priority(self, key: Key) -> Priority:
        return self.rank[key.kind], self.waiting[key].after is None, key


def _turned(edges: Edges) -> Edges:
    found: Edges = {}
    for key, followers in edges.items():
        for follower in followers:
            found.setdefault(follower, set()).add(key)
    return found


def _dependency_edges(waiting: Mapping[Key, Change], observed: Resources, desired: Resources, kinds: Kinds) -> Edges:
    edges: Edges = {}
    for key, change in waiting.items():
        gone_with = [] if change.before is None else list(_doomed(key, waiting, kinds))
        for container in gone_with:
            if container != key:
                edges.setdefault(container, set()).add(key)
        for needed in () if change.after is None else _needs(key, change.after, desired, kinds):
            if needed in waiting and waiting[needed].after is not None:
                edges.setdefault(needed, set()).add(key)
        sides = [side for side in (change.before, change.after) if side is not None]
        needs = (needed for side in sides for needed in kinds[key.kind].after(key, side, observed))
        edges.setdefault(key, set()).update(_doomed_by(needs, waiting, kinds) - set(gone_with))
    return edges


def _doomed_by(keys: Iterable[Key], waiting: Mapping[Key, Change], kinds: Kinds) -> set[Key]:
    return {doomed for key in keys for doomed in _doomed(key, waiting, kinds)}


def _doomed(key: Key, waiting: Mapping[Key, Change], kinds: Kinds) -> Iterator[Key]:
    """This resource, if it is to be deleted or changed at all, and each container with whose deletion it would go."""
    change = waiting.get(key)
    if change is None or change.before is None:
        return
    if change.after is None:
        yield key
    container = kinds[key.kind].within(key, change.before)
    while container is not None and container in waiting and waiting[container].after is None:
        yield container
        container = kinds[container.kind].within(container, waiting[container].before)


def _needs(key: Key, attributes: Attributes, among: Resources, kinds: Kinds) -> Iterator[Key]:
    kind = kinds[key.kind]
    yield from kind.after(key, attributes, among)
    container = kind.within(key, attributes)
    if container is not None:
        yield container


def _claim_edges(waiting: Mapping[Key, Change], kinds: Kinds) -> Edges:
    holders: dict[str, list[Key]] = {}
    takers: list[tuple[str, Key]] = []
    for key, change in waiting.items():
        held = set() if change.before is None else set(kinds[key.kind].claims(key, change.before))
        wanted = set() if change.after is None else set(kinds[key.kind].claims(key, change.after))
        for claim in held - wanted:
            holders.setdefault(claim, []).append(key)
        takers += [(claim, key) for claim in wanted - held]
    edges: Edges = {}
    for claim, key in takers:
        for holder in holders.get(claim, ()):
            if holder != key:
                edges.setdefault(holder, set()).add(key)
    return edges


def _cut(waiting: Mapping[Key, Change], blockers: Edges, releases: Edges) -> tuple[Key, set[Key]]:
    """A change in a cycle, and those in the cycle that wait for a claim of it. Walks blockers until one is met again."""
    key = min(waiting)
    path: list[Key] = []
    while key not in path:
        path.append(key)
        key = min(blockers[key] & waiting.keys())
    cycle = path[path.index(key) :]
    for member in sorted(cycle):
        takers = releases.get(member, set()) & set(cycle)
        if takers:
            return member, takers
    return key, set()
