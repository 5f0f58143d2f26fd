"""KubeVirt as the judge of taps without a service: its managedTap attachment, and the taps that a plugin's CNI makes.

The machinery is that of test_bridge_peer.py; the records are in `tests/cases/kubevirt-tap/`, with what the VMM was given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from converge.documents.bindings import Cluster
from converge.lab.run import run
from converge.model import GuestNetwork, Outcome, Result
from tests.kernel import driving, peer_cases
from tests.kernel.bridging import Wired
from tests.kernel.judge import differences as differences_of_snapshots
from tests.kernel.judge import snapshot
from tests.kernel.peer_cases import Case, Place
from tests.kernel.peer_state import differences, live, recorded, sysctls
from tests.kernel.test_bridge_peer import LINKS, built, explained, place

__all__ = ["place"]

FOLDER = peer_cases.FOLDER.parent / "kubevirt-tap"
CASES: dict[str, set[str]] = {
    "managedtap": LINKS | {"own-table", "standin-nodad"},
    "plugin-tap-macvtap": {"own-table", "owner-marks"},
}


def load(name: str) -> Case:
    return peer_cases.load(f"../{FOLDER.name}/{name}")


def raw(name: str, part: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())[part]


def document(case: Case, netns: str) -> GuestNetwork:
    """The VMI, and its plugins as the cluster's registrations choose their bindings."""
    cluster = Cluster(
        plugins={name: each["domainAttachmentType"] for name, each in raw(case.name, "cluster")["bindings"].items()}
    )
    vmi, plugins = json.loads(peer_cases.document(case, netns)), {}
    for interface in vmi["spec"]["domain"]["devices"]["interfaces"]:
        if "binding" in interface:
            plugins[interface["name"]] = interface["binding"]["name"]
            interface["binding"]["name"] = "managedTap"  # some name that needs no registration
    found = driving.document(json.dumps(vmi))
    nics = (
        replace(nic, binding=cluster.binding(plugins[nic.name]) or "", plugin=plugins[nic.name])
        for nic in found.nics
        if nic.name in plugins
    )
    registered = {nic.name: nic for nic in nics}
    return replace(found, nics=tuple(registered.get(nic.name, nic) for nic in found.nics))


def devices(result: Result) -> list[Mapping[str, Any]]:
    return [{"target": each.target, "mac": each.mac, "mtu": each.mtu} for each in result.desired.devices]


def test_no_case_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_same_wiring(place: Place, name: str) -> None:
    case = load(name)
    with built(case, place) as netns:
        before, pod_before = sysctls(case, netns), snapshot(netns)
        wanted = document(case, netns)
        result = driving.applied(wanted)
        keys, rest = explained(differences(recorded(case), live(case, netns, before)))
        assert not rest
        assert keys == CASES[name]
        assert devices(result) == raw(name, "devices")
        assert driving.plan(wanted).outcome is Outcome.UNCHANGED
        driving.applied(replace(wanted, nics=()))
        assert not differences_of_snapshots(pod_before, snapshot(netns))


def test_nothing_serves_a_managed_tap(place: Place) -> None:
    case = load("managedtap")
    with built(case, place) as netns:
        driving.applied(document(case, netns))
        assert [each for each in Wired(netns).addresses("k6t-eth0") if not each.startswith("fe80:")] == []
        assert run("ip", "netns", "pids", netns) == ""
        assert not [each for each in case.after["addresses"] if each["ifname"] == "k6t-eth0" and each["addr_info"]]
