"""What this kernel can do, tried in a throw-away namespace, once a process."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Answer = TypeVar("Answer")

_CLONE_NEWNET = 0x40000000


@lru_cache(maxsize=1)
def standin_kind() -> str:
    """The kind of link that can stand in for a pod link: "dummy", or "ifb" where the kernel has no dummy driver."""
    return _probed(_try, "dummy")


@lru_cache(maxsize=1)
def br_netfilter() -> bool:
    """Do bridges hand their packets to netfilter? Then a namespace has the switches for it from its beginning."""
    return _probed(_has_bridge_switches, False)


def _probed(probe: Callable[[], Answer], otherwise: Answer) -> Answer:
    """Asked in a thread of its own, which may leave this namespace. `otherwise`: where it raised, which it has then told."""
    found: list[Answer] = []
    thread = threading.Thread(target=lambda: found.append(probe()), name="probe")
    thread.start()
    thread.join()
    return found[0] if found else otherwise


def _has_bridge_switches() -> bool:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        return False
    return os.path.isdir("/proc/sys/net/bridge")


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
