"""Several tamperings at once, hundreds of times over, on the real kernel: whatever they are, one apply brings the pod back.

The rows are those of the single tamperings. A script may find that an earlier one of its burst has taken away what it wanted to
change; then it does nothing. Strangers' things must come through all of it.
"""

from __future__ import annotations

import os
import random

import pytest

from converge.lab.run import LabError
from converge.model import Outcome
from tests.kernel import driving
from tests.kernel.inside import shell
from tests.kernel.judge import addresses, links, nft, routes
from tests.kernel.tampering import ADDRESSES, LINKS, ROUTES, SYSCTLS, Tampering
from tests.kernel.tampering_nft import CHAINS, SETS
from tests.kernel.wiring import shared, wired, wish

__all__ = ["shared", "wired"]

BURSTS = int(os.environ.get("CONVERGE_BURSTS", "200"))
RENAMED = ("tap renamed", "bridge renamed", "names swapped")
UNMARKED = (
    "tap without mark",
    "bridge without mark",
    "bridge with the tap's mark",
    "tap of somebody else",
    "tap with several queues",
    "tap renamed and unmarked, a new one in its place",
)
"""A link that has neither its name nor its mark is nobody's: the pod is refused, or it stays behind as an orphan."""
ROWS = (*LINKS, *ADDRESSES, *ROUTES, *SYSCTLS, *CHAINS, *SETS)


@pytest.mark.parametrize("block", range(10))
def test_bursts_are_repaired(wired: str, block: int) -> None:
    wanted, strangers = driving.document(wish(wired)), foreign(wired)
    for number in range(block * BURSTS // 10, (block + 1) * BURSTS // 10):
        chance = random.Random(number)
        burst = recognisable(chance.sample(ROWS, chance.randint(2, 5)))
        names = [row.name for row in burst if tampered(wired, row)]
        result = driving.apply(wanted)
        assert result.outcome in (Outcome.APPLIED, Outcome.UNCHANGED), f"{names}\n{driving.told(result)}"
        again = driving.plan(wanted)
        assert again.outcome is Outcome.UNCHANGED, f"{names}\n{driving.told(again)}"
        assert foreign(wired) == strangers, names


def recognisable(burst: list[Tampering]) -> list[Tampering]:
    """Renamed last, since scripts go by name, and not where a mark is gone as well."""
    renamed = [row for row in burst if row.name in RENAMED]
    rest = [row for row in burst if row.name not in RENAMED]
    return rest if any(row.name in UNMARKED for row in rest) else rest + renamed[:1]


def tampered(netns: str, row: Tampering) -> bool:
    try:
        shell(netns, row.script if "'" in row.script else row.script.replace("; ", "\n"))
    except LabError:
        return False
    return True


def foreign(netns: str) -> list[object]:
    """What strangers have: their table, their link and all that is on it, what an admin put on the pod's own link."""
    tables = [entry for entry in nft(netns) if "admin" in str(entry)]
    on = [thing for thing in (*addresses(netns), *routes(netns)) if thing.get("dev") in ("net9", "eth0")]
    shown = links(netns)
    return [tables, on, shown["net9"], {**shown["eth0"], "altnames": []}]
