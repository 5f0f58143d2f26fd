"""A bridge with a guest on its tap, a real dnsmasq with our text on the bridge, and a client by hand in the guest."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from converge.lab import run
from converge.services.dnsmasq import Service, text
from tests.kernel.inside import GuestSpec, Pod, guest_on, settle

GATEWAY_MAC = "02:00:00:00:00:00"
CLIENT = Path(__file__).with_name("dhcp_client.py")
READY = "sockets bound exclusively"
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """`ask` sends a scenario in the guest and gives the replies."""

    pod: Pod
    guest: str
    mac: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def ask(self, send: str, **fields: Any) -> list[Reply]:
        return self.ask_all([{"send": send, **fields}])[0]

    def ask_all(self, scenarios: Sequence[dict[str, Any]]) -> list[list[Reply]]:
        said = run.inside(self.guest, *run.PYTHON, str(CLIENT), "eth0", self.mac, stdin=json.dumps(scenarios), deadline=60.0)
        answers: list[list[Reply]] = json.loads(said)
        return answers

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


@contextmanager
def served(pod: Pod, service: Service, addresses: Sequence[str], folder: Path, mac: str) -> Iterator[Served]:
    """`addresses` are those of the bridge, `mac` the guest's."""
    run.batch(
        pod.netns,
        [
            f"link add {service.bridge} address {GATEWAY_MAC} mtu {service.mtu} type bridge",
            "tuntap add tap0 mode tap user 107 group 107",
            f"link set tap0 mtu {service.mtu} master {service.bridge} up",
            f"link set {service.bridge} up",
            *(f"address add {each} dev {service.bridge}{' nodad' * (ip_interface(each).version == 6)}" for each in addresses),
        ],
    )
    link = GuestSpec(mac=mac, addresses=("fe80::1234/64",), gateways=(), mtu=service.mtu)
    with ExitStack() as stack:
        guest = stack.enter_context(guest_on(pod.netns, link))
        settle(pod.netns)
        config, log = folder / "dnsmasq.conf", folder / "dnsmasq.log"
        config.write_text(text(service), encoding="utf-8")
        command = ["ip", "netns", "exec", pod.netns, "dnsmasq", f"--conf-file={config}"]
        with log.open("wb") as file:
            process = stack.enter_context(subprocess.Popen(command, stderr=file))
        stack.callback(process.kill)
        _wait(process, log)
        yield Served(pod, guest, mac, log, process)


def _wait(process: subprocess.Popen[bytes], log: Path, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while READY not in log.read_text(encoding="utf-8"):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < end, log.read_text(encoding="utf-8")
        time.sleep(0.02)


def options(reply: Reply) -> dict[int, str]:
    found = {int(number): str(value) for number, value in reply["options"]}
    assert len(found) == len(reply["options"]), "no option stands twice"
    return found


def names(data: bytes) -> list[str]:
    """Domain names of option 119, 24 or DNSSL, compressed (RFC 3397) or not."""
    found, at = [], 0
    while at < len(data) and data[at:].strip(b"\0"):
        labels, at = _labels(data, at)
        found.append(".".join(labels))
    return found


def _labels(data: bytes, at: int) -> tuple[list[str], int]:
    labels: list[str] = []
    while length := data[at]:
        if length >= 0xC0:
            rest, _ = _labels(data, (length & 0x3F) << 8 | data[at + 1])
            return labels + rest, at + 2
        labels.append(data[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return labels, at + 1
