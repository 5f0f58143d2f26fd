"""dnsmasq's log -> who has which address, as it last said. Without a word in the log nobody is known to have one.

A guest chooses its host name and its identifiers, so a line counts only where it begins as dnsmasq begins it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

GIVEN = re.compile(
    r"dnsmasq-dhcp(?:\[\d+\])?: (?:\d+ )?(?P<said>DHCPACK|DHCPREPLY)\(\S+\) (?P<address>[0-9a-f.:]+) (?P<client>[0-9a-f:]+)"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """`client` is the MAC in IPv4, the DUID in IPv6, both as dnsmasq prints them."""

    address: str
    client: str


def leases(log: str) -> Mapping[int, Lease]:
    """The last lease that was confirmed, by IP version: 4, 6."""
    found: dict[int, Lease] = {}
    for line in log.splitlines():
        if match := GIVEN.match(line):
            found[6 if match["said"] == "DHCPREPLY" else 4] = Lease(match["address"], match["client"])
    return found
