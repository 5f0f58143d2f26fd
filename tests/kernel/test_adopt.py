"""A pod that KubeVirt wired is taken over: its rules go and ours come in one transaction, its links are kept, and nothing else is
touched.

    the recorded pod_setup + what KubeVirt left, rebuilt ── plan: refused, and says what is there
                                                         └─ apply --adopt ── the same packets, no connection broken, in sync
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from converge.kernel.writer import OperationFailed
from converge.lab.run import PYTHON, child, inside
from converge.model import Operation, Outcome
from tests.kernel import driving, peer_cases
from tests.kernel.inside import OUTSIDE4, OUTSIDE6, held, ns, settle
from tests.kernel.judge import snapshot
from tests.kernel.peer_cases import Case, Place, built, rebuild
from tests.kernel.peer_differences import unexplained_packets
from tests.kernel.peer_flows import inhabited, outcomes, questions
from tests.kernel.test_interrupted import interfering
from tests.kernel.test_peer import CASES

NAT_CASES = sorted(set(CASES) - {"masq-no-address"})
"""KubeVirt writes no rule where the pod has no address: nothing tells such a pod from one that is half wired."""

_numbers = itertools.count()


@pytest.fixture
def prefix() -> str:
    return f"a{os.getpid()}-{next(_numbers)}-"


@contextmanager
def theirs(case: Case, prefix: str) -> Iterator[Place]:
    """A pod as KubeVirt left it."""
    with built(case, prefix) as place:
        rebuild(case, place.pod)
        settle(place.pod)
        yield place


def wanted(case: Case, place: Place) -> str:
    return peer_cases.document(case, place.pod)


def nat(place: Place) -> dict[str, list[str]]:
    """Rules by table and chain, of the tables that KubeVirt writes to."""
    found: dict[str, list[str]] = {}
    for family in ("ip", "ip6"):
        listing = subprocess.run(
            ["ip", "netns", "exec", place.pod, "nft", "-s", "list", "table", family, "nat"], capture_output=True, text=True
        ).stdout
        chain = ""
        for line in map(str.strip, listing.splitlines()):
            if match := re.match(r"chain (\S+) \{", line):
                chain = f"{family} {match.group(1)}"
                found[chain] = []
            elif chain and line not in ("}", "") and not line.startswith("type "):
                found[chain].append(line)
    return found


@pytest.mark.parametrize("name", NAT_CASES)
def test_the_same_packets_as_before(prefix: str, name: str) -> None:
    case = peer_cases.load(name)
    with theirs(case, prefix) as place:
        asked = questions(case, place)
        with inhabited(case, place) as guest:
            before = outcomes(asked, place, guest)
        result = driving.apply(wanted(case, place), adopt=True)
        assert result.outcome is Outcome.APPLIED, driving.told(result)
        assert driving.plan(wanted(case, place)).outcome is Outcome.UNCHANGED
        with inhabited(case, place) as guest:
            assert not unexplained_packets(before, outcomes(asked, place, guest))


@pytest.mark.parametrize("name", NAT_CASES)
def test_exactly_its_rules_go(prefix: str, name: str) -> None:
    """A rule of somebody else in each base chain, before KubeVirt's and after, stays where it was."""
    case = peer_cases.load(name)
    with theirs(case, prefix) as place:
        found = nat(place)
        families = {chain.split()[0] for chain in found}
        script = "".join(
            f"{verb} rule {family} nat {chain} tcp dport {port} counter accept\n"
            for family in families
            for chain in ("prerouting", "output", "postrouting")
            for verb, port in (("insert", 7001), ("add", 7002))
        )
        inside(place.pod, "nft", "-f", "-", stdin=script)
        foreign = {f"tcp dport {port} counter accept" for port in (7001, 7002)}
        own = {line for line in case.before_nft if "counter" in line}
        driving.apply(wanted(case, place), adopt=True)
        left = nat(place)
        assert not any("KUBEVIRT" in chain for chain in left)
        for chain, rules in left.items():
            if chain.split()[1] in ("prerouting", "output", "postrouting"):
                assert [rule for rule in rules if rule in foreign] == [
                    "tcp dport 7001 counter accept",
                    "tcp dport 7002 counter accept",
                ]
            assert {rule for rule in rules if rule not in foreign} <= {line.strip() for line in own}, chain


@pytest.mark.parametrize("name", ["masq-dual", "masq-ports", "masq-istio-ports"])
def test_links_are_kept_and_the_transaction_is_one(prefix: str, name: str) -> None:
    case = peer_cases.load(name)
    with theirs(case, prefix) as place:
        indexes = {name: link["ifindex"] for name, link in snapshot(place.pod)["links"].items()}
        planned = driving.plan(wanted(case, place), adopt=True)
        assert planned.outcome is Outcome.PLANNED, driving.told(planned)
        touching = [step for step in planned.plan.steps if "nat" in str(step.operation).split(" prio")[0].split()]
        assert len([step for step in touching if "KUBEVIRT" in str(step.operation)]) == 1
        (one,) = (str(step.operation) for step in touching if "KUBEVIRT" in str(step.operation))
        assert "add table inet converge" in one
        assert "add rule inet converge prerouting" in one
        driving.apply(wanted(case, place), adopt=True)
        assert {name: link["ifindex"] for name, link in snapshot(place.pod)["links"].items()} == indexes


def test_established_connections_go_on(prefix: str) -> None:
    case = peer_cases.load("masq-dual")
    with theirs(case, prefix) as place, ExitStack() as stack:
        guest = stack.enter_context(inhabited(case, place))
        pod4, pod6 = "10.244.1.5", next(each["local"] for each in _addresses(place) if ":" in each["local"])
        ways = {
            "in (4)": (place.node, pod4),
            "in (6)": (place.node, pod6),
            "loopback (4)": (place.pod, "127.0.0.1"),
            "out (4)": (guest, OUTSIDE4),
            "out (6)": (guest, OUTSIDE6),
        }
        opened = {name: stack.enter_context(held(netns, to, 80)) for name, (netns, to) in ways.items()}
        assert all(" saw " in each.greeting for each in opened.values()), {n: c.greeting for n, c in opened.items()}
        result = driving.apply(wanted(case, place), adopt=True)
        assert result.outcome is Outcome.APPLIED, driving.told(result)
        assert [name for name, each in opened.items() if each.echo("still here") != "still here"] == []


def _addresses(place: Place) -> list[dict[str, str]]:
    links = json.loads(ns(place.pod, "ip -j address show dev eth0"))
    return [each for each in links[0]["addr_info"] if each["scope"] == "global"]


@pytest.mark.parametrize("name", ["masq-dual", "masq-existing-nat-table", "masq-istio-ports"])
def test_a_failure_gives_kubevirt_its_rules_back(prefix: str, name: str) -> None:
    """Refused at each operation in turn: the pod is as KubeVirt left it, rule by rule."""
    case = peer_cases.load(name)
    with theirs(case, prefix) as place:
        before, links = nat(place), snapshot(place.pod)["links"]
        count = len(driving.plan(wanted(case, place), adopt=True).plan.steps)
        for number in range(count):

            def hook(reached: int, do: Callable[[], None], operation: Operation, number: int = number) -> None:
                if reached == number:
                    raise OperationFailed(operation, "refused by the test")
                do()

            with interfering(hook):
                result = driving.apply(wanted(case, place), adopt=True)
            assert result.outcome is Outcome.RESTORED, driving.told(result)
            assert nat(place) == before
            assert snapshot(place.pod)["links"] == links


def test_what_was_before_is_said_to_be_unknown_once(prefix: str, tmp_path: Path) -> None:
    """The sysctls that KubeVirt wrote stay after unwiring, and it is said; those that it left alone are given back."""
    case = peer_cases.load("masq-dual")
    with theirs(case, prefix) as place:
        file = tmp_path / "vmi.json"
        file.write_text(wanted(case, place))
        refused = _converge("plan", str(file))
        assert refused.returncode == 1
        assert "--adopt replaces them by ours" in refused.stdout + refused.stderr
        shown = _converge("plan", "--adopt", str(file))
        assert shown.returncode == 0
        assert "- nft chain KUBEVIRT_PREINBOUND" in shown.stdout
        adopted = _converge("apply", "--adopt", str(file))
        assert adopted.returncode == 0, adopted.stdout + adopted.stderr
        assert "KubeVirt has not written down what net.ipv4.ip_forward was before" in adopted.stdout + adopted.stderr
        checked = _converge("check", str(file))
        assert checked.returncode == 0, checked.stdout + checked.stderr
        unwired = _converge("unwire", str(file))
        assert unwired.returncode == 0, unwired.stdout + unwired.stderr
        assert "net.ipv4.ip_forward stays as it is" in unwired.stdout + unwired.stderr
        left = snapshot(place.pod)
        assert set(left["links"]) == {"lo", "eth0"}
        assert ns(place.pod, "sysctl -n net.ipv4.ip_forward").strip() == "1"
        assert not any(nat(place).values())


_LAUNCHER = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", 67))
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_launchers_dhcp_server_is_no_obstacle(prefix: str) -> None:
    """It listens on every link, with SO_REUSEADDR (reference section 5.1): ours serves its bridge beside it."""
    case = peer_cases.load("masq-dual")
    with theirs(case, prefix) as place, child("ip", "netns", "exec", place.pod, *PYTHON, "-c", _LAUNCHER):
        result = driving.apply(wanted(case, place), adopt=True)
        assert result.outcome is Outcome.APPLIED, driving.told(result)
        assert any(key.kind == "process" for key in driving.plan(wanted(case, place)).observed)


def test_a_pod_of_ours_is_not_adopted_again(prefix: str) -> None:
    case = peer_cases.load("masq-ports")
    with built(case, prefix) as place:
        driving.applied(wanted(case, place))
        assert driving.apply(wanted(case, place), adopt=True).outcome is Outcome.UNCHANGED


def _converge(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "converge", *words, "--no-color"], capture_output=True, text=True, timeout=60)
