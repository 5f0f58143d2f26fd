"""What this kernel can do, tried in a throw-away namespace, once a process."""

from __future__ import annotations

import ctypes
import threading
from functools import lru_cache

_CLONE_NEWNET = 0x40000000


@lru_cache(maxsize=1)
def standin_kind() -> str:
    """The kind of link that can stand in for a pod link: "dummy", or "ifb" where the kernel has no dummy driver."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(_try()), name="probe")
    thread.start()
    thread.join()
    return found[0] if found else "dummy"


def _try() -> str:
    """In a namespace of this thread's own, which ends with it."""
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        return "dummy"
    with IPRoute() as route:
        try:
            route.link("add", ifname="probe", kind="dummy")
        except NetlinkError:
            return "ifb"
    return "dummy"
