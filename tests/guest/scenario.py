"""What a guest is to do, as values, and the same as words of its kernel command line. Pure.

The line is all that init knows at the start, so a scenario needs no image of its own. The kernel hands over words that it does
not know, and keeps 2048 bytes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# -cpu max has RDRAND, and the kernel may trust it: without both, DHCP clients block for many seconds on the random pool.
_ALWAYS = "console=ttyS0 quiet random.trust_cpu=on panic=-1"
_LONGEST = 2047
_WORD = re.compile(r"[0-9A-Za-z:./,_\[\]-]*")
UDHCPC, DHCLIENT, NO_CLIENT = "udhcpc", "dhclient", "none"


@dataclass(frozen=True, slots=True)
class Setup:
    """How the guest sets up one NIC. The default is what an ordinary system does: DHCPv4, and what routers advertise.

    `client_id` and `duid` are hex and replace the client's own. `classless=False`: a client that knows nothing of option 121.
    `ipv6=False`: no router is asked; what the kernel does by itself stays. `dad=False` saves 1.5 s where the address is ours
    for certain. `addresses` and `gateways` are set as they are.
    """

    client: str = UDHCPC
    client_id: str = ""
    duid: str = ""
    classless: bool = True
    ipv6: bool = True
    dad: bool = True
    addresses: Sequence[str] = ()
    gateways: Sequence[str] = ()


def static(addresses: Sequence[str], gateways: Sequence[str]) -> Setup:
    """No client at all, and no waiting."""
    return Setup(client=NO_CLIENT, ipv6=False, dad=False, addresses=addresses, gateways=gateways)


@dataclass(frozen=True, slots=True)
class Nic:
    """One NIC of the guest: the pod's tap, and what the guest sees of it. `mtu` is told by virtio; None leaves it to DHCP.

    `socket`: in place of a tap, the socket of a process that carries frames as a stream.
    `descriptor`: in place of a tap, the open device of a macvtap.
    """

    tap: str = "tap0"
    mac: str = "02:00:00:00:00:05"
    mtu: int | None = None
    queues: int = 1
    setup: Setup = Setup()
    socket: str = ""
    descriptor: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the guest does besides its NICs. `hold`: seconds until it powers off by itself, whoever forgot it.

    `greet`: TCP ports on which it says who came (`guest saw 192.0.2.7`) and then echoes; HTTP on 80 says the same.
    `connect` (`HOST:PORT`) and `ping` are tried once, when all NICs are set up.
    """

    hold: int = 120
    greet: Sequence[int] = (81,)
    connect: Sequence[str] = ()
    ping: Sequence[str] = ()


USUAL = Scenario()


def command_line(nics: Sequence[Nic], scenario: Scenario) -> str:
    words = [_ALWAYS, *(f"converge.{key}={value}" for key, value in _words(nics, scenario))]
    line = " ".join(words)
    if len(line) > _LONGEST:
        raise ValueError(f"a kernel command line of {len(line)} bytes; {_LONGEST} are kept")
    return line


def _words(nics: Sequence[Nic], scenario: Scenario) -> Iterator[tuple[str, str]]:
    yield "hold", str(scenario.hold)
    yield "greet", ",".join(str(port) for port in scenario.greet)
    for nic in nics:
        yield "nic", ";".join(f"{key}={_word(value)}" for key, value in _settings(nic) if value)
    yield from (("connect", _word(target)) for target in scenario.connect)
    yield from (("ping", _word(target)) for target in scenario.ping)


def _settings(nic: Nic) -> Iterator[tuple[str, str]]:
    setup = nic.setup
    yield "mac", nic.mac.lower()
    yield "client", setup.client
    yield "clientid", setup.client_id
    yield "duid", setup.duid
    for key, on in (("classless", setup.classless), ("ipv6", setup.ipv6), ("dad", setup.dad)):
        yield key, "" if on else "no"
    yield "address", ",".join(setup.addresses)
    yield "gateway", ",".join(setup.gateways)


def _word(text: str) -> str:
    """The guest's shell takes it apart at spaces and semicolons."""
    if not _WORD.fullmatch(text):
        raise ValueError(f"not a word for the kernel command line: {text!r}")
    return text
