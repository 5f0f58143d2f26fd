"""The command line on real pods: what it prints, what it exits with, what a signal does."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.driving import masquerade_yaml
from tests.kernel.inside import Pod, ns

COMMAND = (sys.executable, "-m", "converge")


@dataclass(frozen=True, slots=True)
class States:
    """A directory of documents, and converge run on it."""

    folder: Path

    def write(self, name: str, netns: str, **options: Any) -> None:
        document = json.loads(masquerade_yaml(netns, **options))
        document["metadata"]["name"] = name
        (self.folder / f"{name}.yaml").write_text(json.dumps(document))

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, verb, str(self.folder), *words], capture_output=True, text=True, timeout=60)

    def value(self, verb: str, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(verb, "-o", "json", *words).stdout)
        return found


@pytest.fixture
def web(pod: Callable[..., Pod]) -> Pod:
    return pod()


@pytest.fixture
def states(tmp_path: Path, web: Pod) -> States:
    found = States(tmp_path)
    found.write("web", web.netns, ports=({"port": 80},))
    return found


@contextmanager
def held_lock(netns: str) -> Iterator[None]:
    """As another converge would hold it."""
    descriptor = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def test_a_pod_from_the_first_plan_to_drift_and_back(states: States, web: Pod) -> None:
    codes = [states.run("plan", *words).returncode for words in ((), ("--detailed-exitcode",))]
    assert codes == [0, 2]
    assert states.run("apply", "--dry-run", "--detailed-exitcode").returncode == 2
    assert states.run("check").returncode == states.run("diff").returncode == 1
    first, second = (states.run("apply", "--detailed-exitcode") for _ in range(2))
    assert (first.returncode, second.returncode) == (2, 0)
    assert first.stdout.splitlines()[-1].startswith("Applied: ")
    assert first.stdout.endswith("Verified.\n")
    assert second.stdout == "No changes. 1 pod is as desired.\n"
    assert states.run("check").stdout == "shop/web  default  in sync\n"
    diff = states.run("diff")
    assert (diff.returncode, diff.stdout) == (0, "")

    ns(web.netns, "ip link set tap0 mtu 1400")
    ns(web.netns, "nft add element inet converge ports { tcp . 8080 }")
    check = states.run("check")
    assert check.returncode == 1
    assert "drift: " in check.stdout
    assert "~ link/tap0 (mtu)" in check.stdout
    plan = states.run("plan").stdout
    assert "mtu 1400 → 1500" in plan
    assert "- nft element @ports  tcp . 8080" in plan
    diff = states.run("diff")
    assert diff.returncode == 1
    assert "-  mtu: 1400\n+  mtu: 1500\n" in diff.stdout
    assert states.run("apply", "-q").stdout == ""
    assert states.run("check").returncode == 0


def test_the_plan_as_json(states: States, web: Pod) -> None:
    value = states.value("plan")
    assert value["format_version"] == "1.0"
    (pod,) = value["pods"]
    assert (pod["document"], pod["netns"]) == ("shop/web", web.netns)
    addresses = {change["address"]: change for change in pod["changes"]}
    assert {"link/k6t-eth0", "link/tap0", "address/k6t-eth0/10.0.2.1/24", "nft/ports/tcp.80"} <= addresses.keys()
    assert {"sysctl/net.ipv4.ip_forward", "nft/output", "route/k6t-eth0/10.0.2.0/24"} <= addresses.keys()
    assert addresses["link/tap0"]["after"]["master"] == "k6t-eth0"
    assert addresses["nft/ports/tcp.80"]["nic"] == "default"
    assert addresses["nft/ports/tcp.80"]["source"].startswith(f"{states.folder}/web.yaml:1:")
    assert any(operation.startswith("tuntap add dev tap0") for operation in pod["operations"])
    applied = states.value("apply")
    assert [pod["result"] for pod in applied["pods"]] == ["applied"]
    assert applied["summary"]["create"] == value["summary"]["create"]
    assert states.value("check")["pods"][0]["nics"][0]["in_sync"] is True


def test_a_pod_that_is_not_there_stops_no_other(states: States) -> None:
    states.write("lost", "no-such-namespace")
    for verb, code in (("plan", 1), ("diff", 2), ("check", 2), ("apply", 1)):
        done = states.run(verb)
        assert done.returncode == code
        assert "shop/lost: cannot open the pod's network namespace /run/netns/no-such-namespace" in done.stderr
    assert states.run("check").stdout == "shop/lost  default  not checked\nshop/web   default  in sync\n"
    assert states.run("check", "--only", "shop/web").returncode == 0
    assert [pod["result"] for pod in states.value("apply")["pods"]] == ["refused", "unchanged"]


def test_a_bad_document_stops_all_before_a_pod_is_touched(states: States, web: Pod) -> None:
    states.write("bad", "elsewhere", ports=({"port": 70000},))
    assert states.run("apply").returncode == 1
    assert "k6t-eth0" not in ns(web.netns, "ip link")


def test_lost_facts_are_drift_and_no_change(states: States, web: Pod) -> None:
    assert states.run("apply").returncode == 0
    ns(web.netns, "nft flush chain inet converge captured")
    states.run("apply")
    check = states.run("check")
    assert check.returncode == 1
    assert "facts lost" in check.stdout
    assert "warning: shop/web: " in check.stderr
    assert states.run("plan", "--detailed-exitcode").returncode == 0


def test_a_locked_pod_is_waited_for_as_long_as_allowed(states: States, web: Pod) -> None:
    with held_lock(web.netns):
        done = states.run("apply", "--timeout", "300ms")
    assert done.returncode == 1
    assert "the pod is locked by process" in done.stderr
    assert "tap0" not in ns(web.netns, "ip link")


SLOW = """#!/bin/sh
: >"$0.begun"
sleep 1
exec {program} "$@"
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_pod_in_hand_finish_and_begins_no_other(
    states: States, web: Pod, pod: Callable[..., Pod], tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """The first pod's server takes its time to start: that pod is in hand when the signal comes."""
    states.write("zoo", pod("zoo", addresses4=["10.244.1.9/24"], addresses6=[], gateway6="").netns)
    slow = tmp_path_factory.mktemp("bin") / "setpriv"
    slow.write_text(SLOW.format(program=shutil.which("setpriv")))
    slow.chmod(0o755)
    command = [*COMMAND, "apply", str(states.folder), "--parallelism", "1"]
    environment = {**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    _wait_until(slow.with_name("setpriv.begun").exists)
    assert "tap0" in ns(web.netns, "ip link")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "in 1 pod (" in out
    assert f"{number.name}: 1 pod was not begun" in err
    assert states.run("check", "--only", "shop/web").returncode == 0
    assert states.run("check", "--only", "shop/zoo").returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_a_lock(states: States, web: Pod, number: signal.Signals) -> None:
    """A pod that is waited for is not in hand: the lock stays with whom it is, and the process does not wait for its end."""
    with held_lock(web.netns):
        process = subprocess.Popen(
            [*COMMAND, "apply", str(states.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        _wait_until(lambda: _has_a_namespace_open(process.pid))
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert f"{number.name}: 1 pod was not begun" in err
    assert "Traceback" not in err
    assert "tap0" not in ns(web.netns, "ip link")


def _has_a_namespace_open(pid: int) -> bool:
    links = [entry for entry in Path(f"/proc/{pid}/fd").iterdir() if os.path.exists(entry)]
    return any(os.readlink(entry).startswith(("/run/netns/", "net:")) for entry in links)


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.02)


def test_without_rights_it_says_so_in_one_line(states: States) -> None:
    for verb, code in (("plan", 1), ("check", 2)):
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *COMMAND, verb, str(states.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == code
        assert done.stderr == "converge: pods cannot be entered without CAP_NET_ADMIN and CAP_SYS_ADMIN; run it as root\n"


def test_what_a_check_does_not_import(states: States) -> None:
    """pyroute2 and libnftables write, jsonschema and deepdiff explain: a check in sync does neither."""
    assert states.run("apply").returncode == 0
    code = f"import sys; from converge.cli import main; main(['check', '-q', {str(states.folder)!r}]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyroute2", "jsonschema", "deepdiff", "nftables", "asyncio", "difflib", "converge.report.text"} & set(loaded)
