"""Many questions at once, asked from within one namespace. Standard library only; run as a file by `probing`.

    probing_inside.py SECONDS < questions       one JSON list: [protocol, address, port, source], an empty source for the
    usual one

It prints one JSON list of outcomes: what the answer said, `refused`, `silent` (nothing within SECONDS) or `unreachable`; for
icmp the hop limit with which the answer arrived.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

Question = tuple[str, str, int, str]
AT_ONCE = 64


def ask(question: Question, seconds: float) -> str:
    protocol = question[0]
    try:
        return ping(question[1], seconds) if protocol == "icmp" else converse(question, seconds)
    except (ConnectionRefusedError, ConnectionResetError):
        return "refused"
    except (TimeoutError, subprocess.TimeoutExpired):
        return "silent"
    except OSError:
        return "unreachable"


def converse(question: Question, seconds: float) -> str:
    protocol, address, port, source = question
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as client:
        client.settimeout(seconds)
        if source:
            client.bind((source, 0))
        client.connect((address, port))
        if protocol == "udp":
            client.send(b"who?\n")
        return client.recv(2048).decode().strip() or "closed"


def ping(address: str, seconds: float) -> str:
    command = ["ping", "-n", "-c", "1", "-W", str(seconds), address]
    said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 5).stdout
    found = re.search(r"ttl=(\d+)", said)
    return found.group(1) if found else "silent"


def main(seconds: str) -> None:
    questions = [tuple(each) for each in json.load(sys.stdin)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        print(json.dumps(list(pool.map(lambda question: ask(question, float(seconds)), questions))))


if __name__ == "__main__":
    main(sys.argv[1])
