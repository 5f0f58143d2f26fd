"""KubeVirt as the judge: what it left in a pod, recorded, against what converge makes of the same document in the same pod.

    the recorded pod_setup ─┬─ + what KubeVirt left, rebuilt by ip, sysctl, nft ── questions ─┐
                            └─ + converge apply ────────────────────────────────── questions ─┴─ same answers
                                 └── links, addresses, routes, sysctls, taps, line by line against the record

Every difference must be in `peer_differences`, and every case of `tests/cases/kubevirt/` in `CASES`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from converge.documents import Text
from converge.documents import load as load_documents
from converge.model import Outcome, Severity
from tests.kernel import driving, peer_cases
from tests.kernel.inside import ns, serving, settle
from tests.kernel.judge import snapshot
from tests.kernel.peer_cases import Case, Place, act, built, rebuild
from tests.kernel.peer_differences import KEYS, explained, unexplained_packets
from tests.kernel.peer_flows import inhabited, outcomes, questions
from tests.kernel.peer_state import BRIDGE_FILTER, differences, live, recorded, sysctls
from tests.kernel.probing import Probe, Verdict, send

PAGE = Path(__file__).parents[2] / "docs" / "differences-from-kubevirt.md"

LINKS = {"owner-marks"}
FOUR = LINKS | {"own-table"}
SIX = FOUR | {"loopback6", "accept-ra", "gateway-nodad"}

CASES: dict[str, set[str]] = {  # and the differences that each shows, no more and no less
    "masq-calico": FOUR,
    "masq-cidr30": SIX,
    "masq-custom-primary": FOUR,
    "masq-drift": FOUR,
    "masq-dual": SIX,
    "masq-existing-nat-table": FOUR,
    "masq-istio-ports": SIX,
    "masq-legacy-migration": SIX,
    "masq-multiqueue": FOUR,
    "masq-no-address": LINKS,
    "masq-ports": SIX,
    "masq-ranges": SIX,
}
WITHOUT_DUPLICATE: Mapping[str, Any] = {
    "name": "default",
    "masquerade": {},
    "ports": [{"name": "http", "protocol": "TCP", "port": 80}, {"protocol": "UDP", "port": 53}, {"port": 443}],
}

_numbers = itertools.count()


@pytest.fixture
def prefix() -> str:
    return f"k{os.getpid()}-{next(_numbers)}-"


def wanted(case: Case, place: Place) -> str:
    return peer_cases.document(case, place.pod)


def test_no_case_is_left_out() -> None:
    assert {path.stem for path in peer_cases.FOLDER.glob("*.json")} == set(CASES)


def test_every_difference_is_documented() -> None:
    """One section a key, its heading ends in the key, and no section without one."""
    headings = [
        line.rpartition("`")[0].rpartition("`")[2]
        for line in PAGE.read_text().splitlines()
        if line.startswith("## ") and "`" in line
    ]
    assert sorted(headings) == sorted(KEYS)


@pytest.mark.parametrize("name", CASES)
def test_the_same_wiring(prefix: str, name: str) -> None:
    case = peer_cases.load(name)
    with built(case, prefix) as place:
        before = sysctls(case, place.pod)
        driving.applied(wanted(case, place))
        keys, rest = explained(differences(recorded(case), live(case, place.pod, before)))
        assert not rest
        assert keys == CASES[name]
        assert before.get(BRIDGE_FILTER) is None or sysctls(case, place.pod)[BRIDGE_FILTER] == (
            "0" if CASES[name] == SIX else "1"
        )
        assert driving.plan(wanted(case, place)).plan.empty


@pytest.mark.parametrize("name", CASES)
def test_the_same_packets(prefix: str, name: str) -> None:
    case = peer_cases.load(name)
    with built(case, f"{prefix}a-") as theirs, built(case, f"{prefix}b-") as ours:
        before = sysctls(case, theirs.pod)
        rebuild(case, theirs.pod)
        assert not differences(recorded(case), live(case, theirs.pod, before)), "this is not what KubeVirt left"
        driving.applied(wanted(case, ours))
        asked = questions(case, ours)
        with inhabited(case, theirs) as guest:
            answered = outcomes(asked, theirs, guest)
        with inhabited(case, ours) as guest:
            assert not unexplained_packets(answered, outcomes(asked, ours, guest))


def test_questions_tell_pods_apart(prefix: str) -> None:
    """The control: a document with one port less is caught, in each direction that the port is for."""
    case = peer_cases.load("masq-ports")
    less = {**WITHOUT_DUPLICATE, "ports": WITHOUT_DUPLICATE["ports"][:-1]}
    with built(case, f"{prefix}a-") as one, built(case, f"{prefix}b-") as other:
        driving.applied(peer_cases.document(case, one.pod, WITHOUT_DUPLICATE))
        driving.applied(peer_cases.document(case, other.pod, less))
        asked = questions(case, one)
        with inhabited(case, one) as guest:
            answered = outcomes(asked, one, guest)
        with inhabited(case, other) as guest:
            found = unexplained_packets(answered, outcomes(asked, other, guest))
    told = {line.partition(": Verdict")[0] for line in found}
    by_family = (("10.244.1.5", "127.0.0.1", "192.0.2.7"), ("fd10:244:1::5", "::1", "2001:db8:7::7"))
    assert told == {
        text
        for pod, loopback, outside in by_family
        for text in (f"outside: tcp {pod} port 443 from {outside}", f"pod: tcp {loopback} port 443")
    }


def test_a_port_listed_twice_is_warned_of_with_its_place() -> None:
    """`duplicate-port`: KubeVirt admits it and writes each of its rules twice; here it is one element."""
    case = peer_cases.load("masq-ports")
    assert sum("tcp dport 80" in line and "snat" in line for line in case.after["nft"]) == 4
    loaded = load_documents([Text("vmi.json", peer_cases.document(case, "anywhere").encode())])
    (wrong,) = loaded.diagnostics
    assert loaded.valid
    assert wrong.summary == "Duplicate port"
    (document,) = loaded.documents
    assert len(document.nics[0].ports) == len({(each.protocol, each.start) for each in document.nics[0].ports})
    assert wrong.at is not None


def test_drift_is_repaired(prefix: str) -> None:
    """`repairs`: asked again after the same tampering, KubeVirt left no tap, an empty chain and forwarding off."""
    case = peer_cases.load("masq-drift")
    assert case.second is not None
    rules = case.second["nft"]
    assert rules[rules.index("\tchain KUBEVIRT_PREINBOUND {") + 1] == "\t}"
    assert not case.second["taps"]
    assert case.second["sysctl"]["net.ipv4.ip_forward"] == "0"
    with built(case, prefix) as place:
        driving.applied(wanted(case, place))
        before = snapshot(place.pod)
        for line in case.tampering:
            act(place, line.replace("ip nat KUBEVIRT_PREINBOUND", "inet converge prerouting"))
        driving.applied(wanted(case, place))
        assert _without_random_mac(snapshot(place.pod)) == _without_random_mac(before)
        with inhabited(case, place):
            assert send(place.node, [Probe("tcp", "10.244.1.5", 80)]) == {
                Probe("tcp", "10.244.1.5", 80): Verdict("guest", "10.244.1.1")
            }


def _without_random_mac(found: dict[str, Any]) -> dict[str, Any]:
    """A tap that is made anew has a MAC and an ifindex of its own, and its port the next of the kernel's numbers."""
    links = {name: dict(link) for name, link in found["links"].items()}
    for key in ("address", "ifindex"):
        links["tap0"].pop(key)
    return {**found, "links": links}


def test_somebody_elses_nat_table_stays(prefix: str) -> None:
    """`own-table`: KubeVirt adds its chains to it. Chains of two tables on one hook all see a connection's first packet."""
    case = peer_cases.load("masq-existing-nat-table")
    with built(case, prefix) as place:
        before = ns(place.pod, "nft -s list table ip nat")
        driving.applied(wanted(case, place))
        assert ns(place.pod, "nft -s list table ip nat") == before


@pytest.mark.parametrize("name", ["masq-calico", "masq-dual"])
def test_a_pod_that_kubevirt_wired_is_left_alone(prefix: str, name: str) -> None:
    """`not-adopted`"""
    case = peer_cases.load(name)
    with built(case, prefix) as place:
        rebuild(case, place.pod)
        settle(place.pod)
        before = snapshot(place.pod)
        result = driving.apply(wanted(case, place))
        assert result.outcome is Outcome.REFUSED
        errors = {each.summary for each in result.diagnostics if each.severity is Severity.ERROR}
        assert errors == {"pod is wired by KubeVirt"}
        assert snapshot(place.pod) == before


def test_a_pod_without_an_address_gets_its_links_only(prefix: str) -> None:
    """As KubeVirt has it: a guest can be plugged in and addresses come later, when the document is applied again."""
    case = peer_cases.load("masq-no-address")
    with built(case, prefix) as place, serving(place.pod, "pod", "tcp/80"):
        driving.applied(wanted(case, place))
        assert not ns(place.pod, "nft list tables")
        ns(place.pod, "ip address add 10.244.1.5/24 dev eth0")
        driving.applied(wanted(case, place))
        assert ns(place.pod, "nft list tables").strip() == "table inet converge"
        assert "10.0.2.1/24" in ns(place.pod, "ip address show dev k6t-eth0")
