"""Where converge differs from KubeVirt on purpose: the whole list, each with its reason. What is not in it must be the same.

`docs/differences-from-kubevirt.md` has a section for each key, which is where a user reads about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.kernel.peer_flows import Outcomes
from tests.kernel.probing import Probe, Verdict


@dataclass(frozen=True, slots=True)
class Difference:
    """`name` matches whole names of `peer_state`, `theirs` and `ours` are the values there; `-` where there is nothing."""

    key: str
    name: str
    theirs: str
    ours: str
    reason: str

    def explains(self, name: str, theirs: str, ours: str) -> bool:
        return re.fullmatch(self.name, name) is not None and (theirs, ours) == (self.theirs, self.ours)


_TABLE = "one table of our own is edited in one transaction, and nobody else's rules are in it"
_SIX = "inside the pod, ::1 reaches the guest as 127.0.0.1 does"

WIRING = (
    Difference("own-table", r"table ip6? nat", "there", "-", _TABLE),
    Difference("own-table", r"table inet converge", "-", "there", _TABLE),
    Difference(
        "owner-marks",
        r"link \S+ altname converge:(bridge|tap|pod):\S+",
        "-",
        "there",
        "a link is known by its role, whatever its name",
    ),
    Difference("loopback6", r"route 6 ::1 dev k6t-\S+", "-", "type local table local protocol 201 metric 2048", _SIX),
    Difference("loopback6", r"sysctl net\.bridge\.bridge-nf-call-ip6tables", "-", "0", _SIX),
    Difference(
        "accept-ra",
        r"sysctl net\.ipv6\.conf\.\S+\.accept_ra",
        "-",
        "2",
        "a router keeps the default route it learned only with accept_ra 2",
    ),
    Difference(
        "gateway-nodad",
        r"address k6t-\S+ \S+:\S+",
        "scope global broadcast -",
        "scope global broadcast - nodad",
        "usable at once",
    ),
)

ELSEWHERE = {
    "duplicate-port": "a port listed twice is one port, and a word about it",
    "mesh-ssh": "of a listed 22/udp KubeVirt opens 22/tcp, which nobody has listed",
    "repairs": "asked again, converge puts back what somebody changed, and nothing else",
    "not-adopted": "two sets of rules in one pod would do neither's work; --adopt replaces one by the other",
}
"""Differences in what is done rather than in what is left, by key; each has a test of its own."""

KEYS = frozenset(each.key for each in WIRING) | ELSEWHERE.keys()


def explained(differences: dict[str, tuple[str, str]]) -> tuple[set[str], dict[str, tuple[str, str]]]:
    """Keys of the differences that are on purpose, and the rest."""
    keys, rest = set(), {}
    for name, (theirs, ours) in differences.items():
        found = [each.key for each in WIRING if each.explains(name, theirs, ours)]
        keys.update(found)
        if not found:
            rest[name] = (theirs, ours)
    return keys, rest


def unexplained_packets(theirs: Outcomes, ours: Outcomes) -> list[str]:
    """Questions that came out differently. The one difference on purpose: from the pod to ::1, theirs is silence."""
    return [
        f"{role}: {probe}: {theirs[role, probe]} -> {ours[role, probe]}"
        for role, probe in theirs
        if theirs[role, probe] != ours[role, probe] and not _cured(role, probe, theirs[role, probe], ours[role, probe])
    ]


def _cured(role: str, probe: Probe, theirs: Verdict, ours: Verdict) -> bool:
    return (role, probe.address, theirs.answers) == ("pod", "::1", "silent") and ours.answers in ("guest", "refused")
