"""A DHCP client made by hand: sends exactly what a scenario says on one link, and prints all that comes back.

    dhcp_client.py LINK MAC        a JSON list of scenarios on standard input, a JSON list of what came back on standard output

Scenarios have the words of the recorded talks (`send`, `chaddr`, `requested`, …), so that ours and KubeVirt's can be compared.
Standard library only; run as a file, in the guest's namespace.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

XID4, XID6 = bytes.fromhex("12345678"), bytes.fromhex("123456")
IAID = bytes.fromhex("05060708")
TYPES4 = {"discover": 1, "request": 3, "decline": 4, "release": 7, "inform": 8}
TYPES6 = {
    "solicit": 1,
    "request": 3,
    "confirm": 4,
    "renew": 5,
    "rebind": 6,
    "release": 8,
    "decline": 9,
    "inforeq": 11,
    "relay": 12,
}
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
ALL_ROUTERS, ALL_DHCP = IPv6Address("ff02::2"), IPv6Address("ff02::1:2")
OWN6 = IPv6Address("fe80::1234")
"""The guest's link must have it: servers ask the kernel for our MAC."""

Scenario = dict[str, Any]


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# ------------------------------------------------------------------------------------------------------------- sending


def frame4(scenario: Scenario, mac: bytes) -> bytes:
    source, target = scenario.get("src", "0.0.0.0"), scenario.get("dst", "255.255.255.255")
    payload = scenario["raw"] if "raw" in scenario else message4(scenario, mac).hex()
    data = bytes.fromhex(payload)
    udp = struct.pack("!HHHH", scenario.get("sport", 68), 67, 8 + len(data), 0) + data
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target)
    )
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return mac_bytes(scenario.get("dmac", "ff:ff:ff:ff:ff:ff")) + mac + struct.pack("!H", IPV4) + head + udp


def message4(scenario: Scenario, mac: bytes) -> bytes:
    hardware = mac_bytes(scenario["chaddr"]) if "chaddr" in scenario else mac
    addresses = (
        socket.inet_aton(scenario.get("ciaddr", "0.0.0.0")) + bytes(8) + socket.inet_aton(scenario.get("giaddr", "0.0.0.0"))
    )
    flags = scenario.get("flags", 0)
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, XID4, 0, flags) + addresses + hardware.ljust(16, b"\0") + bytes(192)
    kind = scenario["send"].removeprefix("v4:")
    options = bytes([53, 1, TYPES4[kind]]) if kind in TYPES4 else b""
    for number, field in ((50, "requested"), (54, "server")):
        if field in scenario:
            options += bytes([number, 4]) + socket.inet_aton(scenario[field])
    for number, value in scenario.get("options", []):
        options += bytes([number, len(value) // 2]) + bytes.fromhex(value)
    return (head + b"\x63\x82\x53\x63" + options + b"\xff").ljust(300, b"\0")


def frame6(scenario: Scenario, mac: bytes) -> bytes:
    data = message6(scenario, mac)
    return ipv6(mac, ALL_DHCP, 17, struct.pack("!HHHH", 546, 547, 8 + len(data), 0) + data)


def message6(scenario: Scenario, mac: bytes) -> bytes:
    client = bytes.fromhex(scenario["duid"]) if "duid" in scenario else b"\0\x03\0\x01" + mac
    options = b"" if scenario.get("no_cid") else option6(1, client)
    if not scenario.get("no_ia"):
        inner = option6(5, IPv6Address(scenario["requested"]).packed + bytes(8)) if "requested" in scenario else b""
        options += option6(3, IAID + bytes(8) + inner)
    if scenario.get("rapid"):
        options += option6(14, b"")
    if "server" in scenario:
        options += option6(2, bytes.fromhex(scenario["server"]))
    options += option6(6, struct.pack("!HHH", 23, 24, 82))
    return bytes([TYPES6[scenario["send"].removeprefix("v6:")]]) + XID6 + options


def option6(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value


def solicitation(_scenario: Scenario, mac: bytes) -> bytes:
    return ipv6(mac, ALL_ROUTERS, 58, b"\x85\0\0\0\0\0\0\0\x01\x01" + mac)


def ipv6(mac: bytes, target: IPv6Address, protocol: int, data: bytes) -> bytes:
    at = 6 if protocol == 17 else 2
    pseudo = OWN6.packed + target.packed + struct.pack("!II", len(data), protocol)
    data = data[:at] + struct.pack("!H", checksum(pseudo + data) or 0xFFFF) + data[at + 2 :]
    head = struct.pack("!IHBB", 0x60000000, len(data), protocol, 255) + OWN6.packed + target.packed
    return b"\x33\x33" + target.packed[-4:] + mac + struct.pack("!H", IPV6) + head + data


# ----------------------------------------------------------------------------------------------------------- receiving


def decode(frame: bytes) -> dict[str, Any] | None:
    """A reply of a DHCP server, or a router advertisement; None for all else."""
    (protocol,) = struct.unpack("!H", frame[12:14])
    packet = frame[14:]
    if protocol == IPV4 and packet[9] == 17:
        udp = packet[(packet[0] & 15) * 4 :]
        return {**addresses4(frame, packet), **decode4(udp[8:])} if udp[:2] == b"\0\x43" else None
    if protocol != IPV6:
        return None
    source = str(IPv6Address(packet[8:24]))
    if packet[6] == 17 and packet[40:42] == b"\x02\x23":
        return {"kind": "dhcp6", "ip_src": source, "type": packet[48], "options": list(options6(packet[52:]))}
    if packet[6] == 58 and packet[40] == 134:
        return {"kind": "ra", "ip_src": source, **advertisement(packet[40 : 40 + struct.unpack("!H", packet[4:6])[0]])}
    return None


def addresses4(frame: bytes, packet: bytes) -> dict[str, Any]:
    return {
        "kind": "dhcp4",
        "eth_dst": frame[:6].hex(":"),
        "ip_src": socket.inet_ntoa(packet[12:16]),
        "ip_dst": socket.inet_ntoa(packet[16:20]),
    }


def decode4(data: bytes) -> dict[str, Any]:
    options, rest = [], data[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        options.append([rest[0], rest[2 : 2 + rest[1]].hex()])
        rest = rest[2 + rest[1] :]
    return {
        "yiaddr": socket.inet_ntoa(data[16:20]),
        "siaddr": socket.inet_ntoa(data[20:24]),
        "sname": data[44:108].rstrip(b"\0").decode("latin-1"),
        "file": data[108:236].rstrip(b"\0").decode("latin-1"),
        "options": options,
    }


def options6(data: bytes) -> Any:
    while len(data) >= 4:
        number, length = struct.unpack("!HH", data[:4])
        yield [number, data[4 : 4 + length].hex()]
        data = data[4 + length :]


def advertisement(data: bytes) -> dict[str, Any]:
    options, rest = [], data[16:]
    while rest and rest[1]:
        options.append([rest[0], rest[2 : rest[1] * 8].hex()])
        rest = rest[rest[1] * 8 :]
    return {"flags": data[5], "lifetime": struct.unpack("!H", data[6:8])[0], "options": options}


def listen(link: socket.socket, seconds: float, wanted: str) -> list[dict[str, Any]]:
    """Until a reply of the wanted kind came, and a little longer for a second one."""
    found: list[dict[str, Any]] = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([link], [], [], left)[0]:
            break
        reply = decode(link.recv(65536))
        if reply is not None and reply["kind"] == wanted:
            found.append(reply)
            end = min(end, time.monotonic() + 0.15)
    return found


KINDS: dict[str, tuple[Callable[[Scenario, bytes], bytes], str]] = {
    "v4": (frame4, "dhcp4"),
    "v6": (frame6, "dhcp6"),
    "rs": (solicitation, "ra"),
}


def main(name: str, text: str) -> None:
    mac = mac_bytes(text)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as link:
        link.bind((name, 0))
        answers = []
        for scenario in json.load(sys.stdin):
            kind = scenario["send"].partition(":")[0]
            make, answer = KINDS[kind]
            link.send(make(scenario, mac))
            answers.append(listen(link, scenario.get("wait", 1.2), answer))
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
