"""A guest's NICs as a document and its wired pod make them: which tap, which MAC, which MTU, how many queues.

The tap is found by converge's mark on it, not by a name; MTU and queues are read from it, so what the guest is told is what the
pod has. The MAC is the document's or else the pod link's, as a VMM is told it; so it is read before the pod is wired.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converge import model
from converge.bindings.names import pod_link_names
from converge.documents import Text, load
from converge.lab.run import run
from converge.model import GuestNetwork
from tests.guest.scenario import Nic, Setup, static

Links = Mapping[str, Mapping[str, Any]]
SetupOf = Callable[[model.Nic], Setup]


class NotApplied(Exception):
    """A document could not be read or applied; the text is what converge said."""


@dataclass(frozen=True, slots=True)
class Wired:
    """A pod after an apply, and the guest's NICs in the document's order."""

    document: GuestNetwork
    netns: str
    nics: tuple[Nic, ...]


def read(path: Path) -> tuple[GuestNetwork, ...]:
    loaded = load([Text(str(path), path.read_bytes())])
    if not loaded.valid or not loaded.documents:
        raise NotApplied("\n".join(f"{each.at}: {each.detail}" for each in loaded.diagnostics) or f"{path}: no document")
    for document in loaded.documents:
        if document.target.how != "netns" or "/" in document.target.value:
            raise NotApplied(f"{document.target.at}: a guest needs a pod that is named: target: {{netns: NAME}}")
    return loaded.documents


def leased(_: model.Nic) -> Setup:
    """What an ordinary guest does: it asks."""
    return Setup()


def wired(path: Path, setup: SetupOf = leased) -> list[Wired]:
    """Applies the file by converge's command line, whose words go to standard error."""
    documents = read(path)
    macs = [guest_macs(document, links(document.target.value)) for document in documents]
    done = subprocess.run([sys.executable, "-m", "converge", "apply", str(path)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise NotApplied(done.stdout + done.stderr)
    print(done.stdout, end="", file=sys.stderr)
    return [_wired(document, known, setup) for document, known in zip(documents, macs, strict=True)]


def _wired(document: GuestNetwork, macs: Mapping[str, str], setup: SetupOf) -> Wired:
    netns = document.target.value
    after = links(netns)
    nics = (_nic(nic, after[f"converge:tap:{nic.name}"], macs[nic.name], setup(nic)) for nic in document.nics)
    return Wired(document, netns, tuple(nics))


def usual(nic: model.Nic) -> Setup:
    """What a lease of the masquerade binding would say, set in the guest without one: the second address of each subnet."""
    addresses, gateways = [], []
    for network in (nic.network.cidr4, nic.network.cidr6):
        addresses.append(f"{network.network_address + 2}/{network.prefixlen}")
        gateways.append(str(network.network_address + 1))
    return static(addresses, gateways)


def links(netns: str) -> Links:
    """By every name that a link has."""
    shown = json.loads(run("ip", "-n", netns, "-d", "-j", "link"))
    return {name: link for link in shown for name in (link["ifname"], *link.get("altnames", ()))}


def guest_macs(document: GuestNetwork, before: Links) -> dict[str, str]:
    pod_links = pod_link_names(document, before.keys())
    return {nic.name: nic.mac or str(before[pod_links[nic.name]]["address"]) for nic in document.nics}


def _nic(nic: model.Nic, tap: Mapping[str, Any], mac: str, setup: Setup) -> Nic:
    """A multi-queue tap can only be opened as one; how many queues is for the VMM to say, as the document does."""
    queues = max(2, nic.queues) if tap["linkinfo"]["info_data"].get("multi_queue") else 1
    return Nic(tap["ifname"], mac, tap["mtu"], queues, setup)
