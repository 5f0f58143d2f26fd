"""What a kind of resource tells the engine. A kind is a module of converge.resources; this is the whole of its contract.

All strangeness of a kind lives behind these functions, so that comparison, order and the simulated walk are the same few
lines for links, routes and set elements alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from converge.engine.state import State
from converge.model import Attributes, Change, Key, Operation, Resources


class Kind(Protocol):
    """One kind of resource. All functions are pure but `effect`, which edits the simulated state it is given."""

    TRANSACTION: str | None
    """Neighbouring operations whose `call` is this label become one kernel call; None: each is its own."""

    def after(self, key: Key, attributes: Attributes, among: Resources, /) -> Iterable[Key]:
        """Keys in `among` that must exist, in their final form, before this resource is made (and as long as it is there)."""

    def within(self, key: Key, attributes: Attributes, /) -> Key | None:
        """The resource that this one lives in: when that is deleted, this one is gone too."""

    def claims(self, key: Key, attributes: Attributes, /) -> Iterable[str]:
        """What this resource alone can hold, e.g. a name. Who gives it up comes before who takes it."""

    def operations(self, change: Change, state: State, /) -> Sequence[Operation]:
        """The calls that settle `change` from `state`, fewest first."""

    def effect(self, operation: Operation, state: State, /) -> str | None:
        """Do to `state` what the kernel would do, side effects included; or return the refusal the kernel would give."""

    def address(self, key: Key, attributes: Attributes, names: Mapping[str, str], /) -> str:
        """What people call it, without the kind: unique among its kind in the pod. `names`: link names by handle."""

    def park(self, change: Change, state: State, /) -> Operation | None:
        """A call that gives up this resource's claims for the time being, where a ring of claims has to be cut."""


Kinds = Mapping[str, Kind]
"""Kinds by name, in the order in which independent changes are made."""
