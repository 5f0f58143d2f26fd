"""dnsmasq's log -> who has which address, as it last said. Without a word in the log nobody is known to have one.

A guest chooses its host name and its identifiers, so a line counts only where it begins as dnsmasq begins it. It also chooses the
address that it informs itself about, and dnsmasq acknowledges that in the same words: such a line is no lease.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SAID = re.compile(r"dnsmasq-dhcp(?:\[\d+\])?: (?:\d+ )?(?P<verb>DHCP[A-Z-]+)\(\S+\) (?P<rest>.*)")
GIVEN = re.compile(r"(?P<address>[0-9a-f.:]+) (?P<client>[0-9a-f:]+)(?: |\Z)")
CONFIRMS = {"DHCPACK": 4, "DHCPREPLY": 6}


@dataclass(frozen=True, slots=True)
class Lease:
    """`client` is the MAC in IPv4, the DUID in IPv6, both as dnsmasq prints them."""

    address: str
    client: str


def leases(log: str) -> Mapping[int, Lease]:
    """The last lease that was confirmed, by IP version: 4, 6."""
    found: dict[int, Lease] = {}
    asked = ""
    for line in log.split("\n"):
        said = SAID.match(line)
        if said is None:
            continue
        verb, match = said["verb"], GIVEN.match(said["rest"])
        if verb in CONFIRMS and asked != "DHCPINFORM" and match is not None:
            found[CONFIRMS[verb]] = Lease(match["address"], match["client"])
        asked = verb
    return found
