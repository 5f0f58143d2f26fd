"""Where the real loop calls its steps: the places at which a clock is put around one. The only part of the bench that must follow
when the loop comes to call others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.clock import Aside, aside
from bench.figures import ZERO, Sample
from converge.kernel import namespace, session
from converge.resources import address, identity, link_dump, observe, route, rule
from converge.view import look

CHECKED = "check that it is a pod's namespace"
COMPILED, BY_PATH = "compile", "read sysctls by path"
COMPARED, WRITTEN = "compare and plan", "write"

Places = Mapping[str, Sequence[tuple[Any, str]]]
STEPS: Places = {
    CHECKED: [(namespace, "_check")],
    "enter, make sockets": [(session, "enter"), (session.Session, "__init__")],
    "ask and receive": [(session.Session, "read")],
    "decode": [(observe, "decode")],
    "discover facts": [(look, "discover")],
    BY_PATH: [(look, "sysctl_paths"), (session.Session, "sysctls")],
    COMPILED: [(look, "compile_document")],
    "assign roles": [(identity, "assign"), (identity, "rekeyed")],
    COMPARED: [(look, "plan")],
    WRITTEN: [(session.Session, "execute")],
    "close sockets": [(session.Session, "close")],
}
"""One after the other, none within another."""

DECODERS: Places = {
    "decode: links": [(link_dump, "decode")],
    "decode: addresses": [(address, "decode")],
    "decode: routes": [(route, "decode")],
    "decode: rules": [(rule, "decode")],
}


class Clocks:
    """What each of some steps took."""

    def __init__(self, asides: Mapping[str, Sequence[Aside]]) -> None:
        self._asides = asides

    def take(self) -> dict[str, Sample]:
        """By step, since the last time."""
        return {step: sum((each.take() for each in asides), ZERO) for step, asides in self._asides.items()}


@contextmanager
def clocks(places: Places, steps: Sequence[str] = ()) -> Iterator[Clocks]:
    """Around these steps, or all of them, while the block lasts."""
    with ExitStack() as stack:
        chosen = {step: places[step] for step in steps or places}
        yield Clocks({step: [stack.enter_context(aside(*place)) for place in found] for step, found in chosen.items()})
