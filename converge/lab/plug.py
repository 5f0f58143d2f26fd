"""`converge lab guest`: a stand-in guest on a pod's tap that stays, in a namespace, and asks for its addresses as a guest does.

A second call takes the first guest away: a restart. It is removed with its pod.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from converge.lab.guest import LINK
from converge.lab.lease import Lease
from converge.lab.pods import HERE, Place, PodSpec, delete
from converge.lab.run import READY, LabError, batch, exists, inside, python_file, read_line, run, write_sysctls

PATIENCE = 5.0
ADVERTISED = 6.0
"""Seconds for a router advertisement, after the leases: the kernel has asked when the link came up."""
SYSCTLS = {
    "net/ipv6/conf/default/accept_dad": "0",
    # The first solicitation may come before the bridge has its link-local address; the next one would come after four seconds.
    "net/ipv6/conf/default/router_solicitation_interval": "1",
}


@dataclass(frozen=True, slots=True)
class Plugged:
    """What the guest was given; `router6` is what was advertised, else empty."""

    netns: str
    lease4: Lease | None
    lease6: Lease | None
    router6: str


def plug(spec: PodSpec, tap: str = "tap0", mac: str = "", place: Place = HERE) -> Plugged:
    """A guest with this MAC, the pod link's unless told otherwise. LabError where the tap is missing, or held by another."""
    pod, guest = place.netns(spec.name), place.netns(f"{spec.name}-guest")
    if not exists(pod):
        raise LabError(f"no pod {pod}: `converge lab up` makes it")
    _unplug(guest)
    run("ip", "netns", "add", guest)
    try:
        write_sysctls(guest, SYSCTLS)
        _wire(pod, tap, guest)
        batch(guest, ["link set lo up", f"link set {LINK} address {mac or spec.mac} up"])
        found = json.loads(inside(guest, *python_file("lease.py"), LINK, str(PATIENCE)))
        lease4, lease6 = found.get("4"), found.get("6")
        batch(guest, lease_lines(lease4, lease6))
        return Plugged(guest, lease4, lease6, _router6(guest) if lease6 else "")
    except BaseException:
        delete([guest])
        raise


def lease_lines(lease4: Lease | None, lease6: Lease | None) -> list[str]:
    """What a DHCP client does with its leases. A router may be outside of the subnet (Calico), hence onlink."""
    lines = []
    if lease4:
        lines += [f"address add {lease4['address']}/{lease4['prefix']} dev {LINK}"]
        lines += [f"link set {LINK} mtu {lease4['mtu']}"] if lease4["mtu"] else []
        lines += [f"route add default via {lease4['router']} dev {LINK} onlink"] if lease4["router"] else []
    if lease6:
        lines.append(f"address add {lease6['address']}/128 dev {LINK} nodad")
    return lines


def words(plugged: Plugged, spec: PodSpec, tap: str, mac: str) -> list[str]:
    lines = [f"guest: {plugged.netns}, {LINK} {mac or spec.mac} on {tap}"]
    if lease := plugged.lease4:
        router, mtu = f", router {lease['router']}" * bool(lease["router"]), f", MTU {lease['mtu']}" * bool(lease["mtu"])
        lines.append(f"DHCP: {lease['address']}/{lease['prefix']}{router}{mtu}, from {lease['server']}")
    else:
        lines.append("DHCP: no answer")
    lines.append(f"DHCPv6: {plugged.lease6['address']}" if plugged.lease6 else "DHCPv6: no answer")
    return lines + [f"advertised: router {plugged.router6}"] * bool(plugged.router6)


def _unplug(guest: str) -> None:
    """Until the earlier guest's processes have ended: one that holds the tap keeps the next from opening it."""
    handles = []
    for pid in run("ip", "netns", "pids", guest).split() if exists(guest) else []:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(int(pid)))
    delete([guest])
    for handle in handles:
        select.select([handle], [], [], PATIENCE)
        os.close(handle)


def _wire(pod: str, tap: str, guest: str) -> None:
    """It holds both ends of its standard input, so that it lives until its namespace is deleted."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [*python_file("wire.py"), pod, tap, guest, LINK],
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(writing,),
            start_new_session=True,
        )
    finally:
        os.close(reading)
        os.close(writing)
    if read_line(process, 10.0) != READY:
        process.kill()
        raise LabError(process.communicate()[1].strip().splitlines()[-1])


def _router6(guest: str) -> str:
    end = time.monotonic() + ADVERTISED
    while time.monotonic() < end:
        for route in json.loads(run("ip", "-j", "-n", guest, "-6", "route", "show", "default", "proto", "ra") or "[]"):
            return str(route["gateway"])
        time.sleep(0.05)
    return ""
