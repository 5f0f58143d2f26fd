"""The kinds of resources, one file each, and the one place that turns a namespace's dumps into a set of them.

The order of KINDS is the order in which changes are made that do not depend on each other: first what is written down (facts) and
invisible (nft), then links, addresses, sysctls, routes, and what serves on them.
"""

from __future__ import annotations

from converge.engine import Kinds
from converge.resources import address, chain, element, fact, kubevirt, link, nftset, process, route, sysctl, table, vf

KINDS: Kinds = {
    "kubevirt": kubevirt,
    "table": table,
    "set": nftset,
    "element": element,
    "chain": chain,
    "fact": fact,
    "link": link,
    "vf": vf,
    "address": address,
    "sysctl": sysctl,
    "route": route,
    "process": process,
}
