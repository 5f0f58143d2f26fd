"""dnsmasq on a bridge with taps, set up by hand: what the guest's reports are tried against. No converge in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converge.lab.run import batch, run
from tests.guest.console import Console, listened

BRIDGE = "k6t-eth0"
READY = "DHCP, sockets bound exclusively"
_LINKS = [
    "link set lo up",
    f"link add {BRIDGE} address 02:00:00:00:00:00 type bridge",
    f"link set {BRIDGE} mtu 1400 up",
]
COMMON = f"""
port=0
keep-in-foreground
log-facility=-
log-dhcp
leasefile-ro
no-resolv
no-hosts
no-ping
interface={BRIDGE}
bind-dynamic
except-interface=lo
dhcp-authoritative
dhcp-ignore-clid
dhcp-option-force=option:mtu,1400
dhcp-option-force=option:dns-server,10.96.0.10,10.96.0.11
dhcp-option-force=option:domain-search,shop.svc.example,example
dhcp-option-force=12,testvm
dhcp-option-force=240,"private, with a comma"
"""
# T1 after 5 s, so that a test sees a renewal.
MASQUERADE = f"""
dhcp-range=10.0.2.2,10.0.2.2,255.255.255.0,999d
dhcp-host=*:*:*:*:*:*,10.0.2.2
dhcp-option-force=option:router,10.0.2.1
dhcp-option=option:T1,5
enable-ra
ra-param={BRIDGE},mtu:1400,high,600,65535
dhcp-range=fd10:0:2::2,fd10:0:2::2,120,2m
dhcp-option=option6:dns-server,[fd10:96::a]
dhcp-option=option6:domain-search,shop.svc.example
"""
BRIDGED = """
shared-network=169.254.75.10,10.244.1.5
dhcp-host=0a:58:0a:f4:01:05,10.244.1.5
dhcp-ignore=tag:!known
dhcp-range=10.244.1.5,10.244.1.5,255.255.255.255,999d
dhcp-option-force=option:router,169.254.1.1
dhcp-option-force=121,169.254.1.1/32,0.0.0.0,0.0.0.0/0,169.254.1.1
"""


@contextmanager
def bridge(netns: str, *addresses: str, taps: int = 1) -> Iterator[str]:
    """A namespace with the bridge and taps: tap0, tap1, and so on."""
    run("ip", "netns", "add", netns)
    try:
        batch(netns, [*_LINKS, *(line for number in range(taps) for line in _tap(number))])
        batch(netns, (f"address add {text} dev {BRIDGE}{' nodad' * (':' in text)}" for text in addresses))
        yield netns
    finally:
        run("ip", "netns", "delete", netns)


def _tap(number: int) -> list[str]:
    name = f"tap{number}"
    return [f"tuntap add {name} mode tap user 107 group 107", f"link set {name} mtu 1400 master {BRIDGE} up"]


@contextmanager
def dnsmasq(netns: str, folder: Path, text: str, link: str = BRIDGE) -> Iterator[Console]:
    """Answers on that link until the block ends; gives its log."""
    configuration = folder / "dnsmasq.conf"
    configuration.write_text(COMMON.replace(f"interface={BRIDGE}", f"interface={link}") + text)
    command = ["ip", "netns", "exec", netns, "dnsmasq", f"--conf-file={configuration}"]
    with listened(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)) as log:
        log.await_line(READY, 10.0)
        yield log
