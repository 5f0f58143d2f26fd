"""What leads from one set of resources to another, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from converge.model.intent import GuestNetwork
from converge.model.places import Diagnostic
from converge.model.resources import Attributes, Desired, Key, Resources


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` is None: create; `after` is None: delete; both: update."""

    key: Key
    before: Attributes | None
    after: Attributes | None

    @property
    def action(self) -> str:
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "update"


Value = str | int


@dataclass(frozen=True, slots=True)
class Operation:
    """One kernel call, as data: one rtnetlink message, one tap ioctl sequence, one sysctl write or one nft transaction.

    `call` is what `ip -batch` would call it ("link add", "address replace", ...), or "tuntap add", "sysctl", "nft".
    `arguments` are in the order in which the tool would take them; a flag has the value "". `value` is the resource that the
    call writes, where it writes one whole. `parts`: the operations that one call carries, all or none of which a kill lets
    happen. `str()` gives the text that people read; the same value is simulated, stored and executed.
    """

    call: str
    key: Key
    arguments: tuple[tuple[str, Value], ...] = ()
    value: Attributes | None = None
    parts: tuple[Operation, ...] = ()

    def __str__(self) -> str:
        if self.parts:
            return "; ".join(map(str, self.parts))
        if self.call in ("nft", "nft alone"):
            return "; ".join(str(value) for _, value in self.arguments)
        if self.call == "sysctl":
            return " ".join(f"{name}={value}" for name, value in self.arguments)
        words = [self.call]
        for name, value in self.arguments:
            words += [word for word in (name, str(value)) if word]
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a plan: what it settles, and every change of the simulated set it leads to, side effects included."""

    operation: Operation
    settles: tuple[Change, ...]
    delta: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in an order that works. `changes` are the differences asked for, each once; `unchanged` counts the rest.

    `stuck` holds the differences for which no operation was found, with the kernel's refusal where one is known: such a plan
    is never applied.
    """

    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    unchanged: int
    stuck: tuple[tuple[Change, str], ...] = ()

    @property
    def empty(self) -> bool:
        return not self.changes and not self.stuck


class Outcome(Enum):
    """What became of one pod. `PLANNED`: nobody asked to apply. `REFUSED`: untouched, with diagnostics that say why."""

    PLANNED = "planned"
    UNCHANGED = "unchanged"
    APPLIED = "applied"
    RESTORED = "restored"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Recorded:
    """That a result comes from a snapshot: when that was taken (UTC), and how old it was when it was used. In seconds."""

    taken: datetime
    age: int


@dataclass(frozen=True, slots=True)
class Result:
    """One pod's outcome. `observed` and `desired` are the two sets that `plan` compared. `logs`, where asked for: what the server
    of each NIC has written. `recorded`: not the kernel was asked, but a snapshot.
    """

    document: GuestNetwork
    outcome: Outcome
    plan: Plan
    desired: Desired
    observed: Resources
    diagnostics: tuple[Diagnostic, ...] = ()
    duration_ms: float = 0.0
    logs: Mapping[str, str] = field(default_factory=dict)
    recorded: Recorded | None = None
