"""Sets of protocols and ports, read so that a packet can be looked up in them, and so that every boundary is known."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from converge.resources.nftset import NftSet
from converge.resources.rule import protocol_name

ANY = ""
"""In place of a protocol: the set holds ports alone."""

_PROTOCOL, _PORT = "inet_proto", "inet_service"
FIELDS = {
    f"{_PROTOCOL} . {_PORT}": "meta l4proto . th dport",
    _PORT: "th dport",
    _PROTOCOL: "meta l4proto",
}
"""What a rule must ask a set of this type for, in a rule's words. A set of another type is not understood."""


@dataclass(frozen=True, slots=True)
class Members:
    """`ranges` are first and last port by protocol, sorted; a set of protocols alone has none. `sure`: everything that the set
    holds is understood, so that what is not found is not in it.
    """

    fields: str
    ranges: Mapping[str, tuple[tuple[int, int], ...]]
    sure: bool

    def holds(self, protocol: str, port: int | None) -> bool | None:
        """None: it cannot be told. `port` is None for a protocol without ports."""
        if self.fields == "meta l4proto":
            return True if protocol in self.ranges else self._missing()
        found = self.ranges.get(ANY if self.fields == "th dport" else protocol)
        if found is None:
            return self._missing()
        if port is None:
            return None
        place = bisect_right(found, (port, 1 << 16)) - 1
        return True if place >= 0 and port <= found[place][1] else self._missing()

    def _missing(self) -> bool | None:
        return False if self.sure else None


def members(value: NftSet, names: Iterable[str]) -> Members:
    """`names`: those of the set's elements. Of an interval of a field alone only the ends are known, not which is which."""
    fields = FIELDS.get(value.type, "")
    sure = bool(fields) and not value.map and not (value.interval and " . " not in value.type)
    ranges: dict[str, list[tuple[int, int]]] = {}
    for name in names if sure else ():
        protocol, _, ports = name.rpartition(" . ") if fields != "meta l4proto" else (protocol_name(int(name)), "", "0")
        first, _, last = ports.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            sure = False
            continue
        ranges.setdefault(protocol, []).append((int(first), int(last or first)))
    return Members(fields, {protocol: tuple(sorted(found)) for protocol, found in ranges.items()}, sure)
