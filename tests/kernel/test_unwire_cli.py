"""The three ways in which the command line gives pods their network back: `unwire PATH`, `unwire --netns`, and `apply --prune`.

Pruning looks at every named namespace of the machine. So each command here runs in a mount namespace of its own, in which
/run/netns is empty but for the pods of the test: whatever else is wired on this machine cannot be seen, let alone unwired.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from converge.model import Outcome
from tests.kernel import driving
from tests.kernel.bridging import Wired
from tests.kernel.inside import Pod, ns, settle
from tests.kernel.judge import Snapshot, differences, snapshot
from tests.kernel.matrix import IPV4

# Arguments: the names of the namespaces to leave in sight, `--`, the command. The old ones are bind mounted aside.
ALONE = """
kept=$(mktemp -d)
trap 'rmdir "$kept"' EXIT
mount --make-rprivate /
mount --rbind /run/netns "$kept"
mount -t tmpfs tmpfs /run/netns
while [ "$1" != -- ]; do touch "/run/netns/$1"; mount --bind "$kept/$1" "/run/netns/$1"; shift; done
shift
umount -l "$kept"
"$@"
"""


@dataclass(frozen=True)
class States:
    """Two pods, `one` and `two`, wired by documents in a folder, and converge run where only they can be seen."""

    folder: Path
    pods: dict[str, Pod]
    before: dict[str, Snapshot]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        seen = [pod.netns for pod in self.pods.values()]
        command = ["unshare", "--mount", "sh", "-eu", "-c", ALONE, "sh", *seen, "--", sys.executable, "-m", "converge", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"

    def as_new(self, name: str) -> list[str]:
        return differences(self.before[name], snapshot(self.pods[name].netns))

    def in_sync(self, name: str) -> bool:
        return driving.plan(json.dumps(document(name, self.pods[name].netns))).outcome is Outcome.UNCHANGED


def document(name: str, netns: str) -> dict[str, Any]:
    """As a state file has it."""
    return {
        "apiVersion": "net.converge/v1alpha1",
        "kind": "GuestNetwork",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "target": {"netns": netns},
            "networks": [{"name": "default", "pod": {}}],
            "interfaces": [{"name": "default", "bridge": {}}],
        },
    }


def tells(done: subprocess.CompletedProcess[str], words: str) -> bool:
    """Whether a line begins so, with whatever blanks make a table of it."""
    return any(line.split()[: len(words.split())] == words.split() for line in done.stdout.splitlines())


@pytest.fixture
def states(tmp_path: Path, pod: Callable[..., Pod]) -> States:
    pods = {name: pod(name, **{**IPV4, "addresses4": (f"10.244.1.{5 + place}/24",)}) for place, name in enumerate(("one", "two"))}
    for each in pods.values():
        settle(each.netns)
    found = States(tmp_path, pods, {name: snapshot(each.netns) for name, each in pods.items()})
    for name, each in pods.items():
        found.file(name).write_text(json.dumps(document(name, each.netns)))
    done = found.run("apply", str(tmp_path))
    assert done.returncode == 0, done.stderr
    return found


# ----------------------------------------------------------------------------------------------------------- unwire


def test_unwire_a_file(states: States) -> None:
    done = states.run("unwire", str(states.file("one")), "--detailed-exitcode")
    assert done.returncode == 2, done.stderr
    assert "Verified." in done.stdout
    assert states.as_new("one") == []
    assert states.in_sync("two")
    again = states.run("unwire", str(states.file("one")), "--detailed-exitcode")
    assert (again.returncode, again.stdout) == (0, "No changes. 1 pod is as desired.\n")


def test_unwire_a_folder_but_only_one(states: States) -> None:
    assert states.run("unwire", str(states.folder), "--only", "shop/two").returncode == 0
    assert states.as_new("two") == []
    assert states.in_sync("one")
    assert states.run("unwire", str(states.folder)).returncode == 0
    assert states.as_new("one") == states.as_new("two") == []


def test_plan_shows_it_before(states: States) -> None:
    done = states.run("plan", str(states.file("one")), "--unwire", "--detailed-exitcode")
    assert done.returncode == 2
    assert tells(done, "- link k6t-eth0")
    assert tells(done, "~ link eth0")
    assert states.in_sync("one")


def test_unwire_a_namespace_that_no_document_names(states: States) -> None:
    states.file("one").unlink()
    done = states.run("unwire", "--netns", states.pods["one"].netns)
    assert done.returncode == 0, done.stderr
    assert states.as_new("one") == []
    assert states.in_sync("two")


@pytest.mark.parametrize("words", [["--netns", "no-such-namespace"], ["--netns", "one", "states/"]])
def test_unwire_what_cannot_be(states: States, words: list[str]) -> None:
    done = states.run("unwire", *words)
    assert done.returncode == 1
    assert done.stderr
    assert states.in_sync("one")


# ------------------------------------------------------------------------------------------------------------ prune


def test_prune_a_pod_whose_document_is_gone(states: States) -> None:
    states.file("one").unlink()
    planned = states.run("plan", str(states.folder), "--prune", "--detailed-exitcode")
    assert planned.returncode == 2, planned.stderr
    assert tells(planned, "- link k6t-eth0")
    assert states.as_new("one")
    done = states.run("apply", str(states.folder), "--prune")
    assert done.returncode == 0, done.stderr
    assert states.as_new("one") == []
    assert states.in_sync("two")
    again = states.run("apply", str(states.folder), "--prune", "--detailed-exitcode")
    assert again.returncode == 0, again.stderr


def test_without_prune_it_stays(states: States) -> None:
    states.file("one").unlink()
    assert states.run("apply", str(states.folder)).returncode == 0
    assert "k6t-eth0" in Wired(states.pods["one"].netns).links


def test_prune_every_pod_only_if_that_is_meant(states: States) -> None:
    for name in ("one", "two"):
        states.file(name).unlink()
    done = states.run("apply", str(states.folder), "--prune")
    assert done.returncode == 1
    assert "would unwire all 2 pods" in done.stderr
    assert "--allow-empty" in done.stderr
    assert "k6t-eth0" in Wired(states.pods["one"].netns).links
    assert states.run("apply", str(states.folder), "--prune", "--allow-empty").returncode == 0
    assert states.as_new("one") == states.as_new("two") == []


def test_prune_spares_a_document_that_is_another_ones_name_for_the_pod(states: States) -> None:
    """Namespaces are compared by identity: a document that names it by a path names the same."""
    changed = document("one", f"/var/run/netns/{states.pods['one'].netns}")
    states.file("one").write_text(json.dumps(changed))
    done = states.run("plan", str(states.folder), "--prune", "--detailed-exitcode")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["--only", "shop/two"], ["--selector", "app=shop"]])
def test_prune_needs_to_see_everything(states: States, words: list[str]) -> None:
    states.file("one").unlink()
    done = states.run("apply", str(states.folder), "--prune", *words)
    assert done.returncode == 1
    assert "--prune needs all documents" in done.stderr
    one_file = states.run("apply", str(states.file("two")), "--prune")
    assert one_file.returncode == 1
    assert "k6t-eth0" in Wired(states.pods["one"].netns).links


def test_prune_touches_no_pod_that_is_not_ours(states: States, pod: Callable[..., Pod]) -> None:
    """It is in sight and has a link of our name, but no mark. And one document that is not valid stops everything before."""
    stranger = states.pods["stranger"] = pod("stranger", **{**IPV4, "addresses4": ("10.244.1.99/24",)})
    ns(stranger.netns, "ip link add k6t-eth0 type bridge")
    before = snapshot(stranger.netns)
    states.file("one").unlink()
    states.file("broken").write_text("kind: [\n")
    assert states.run("apply", str(states.folder), "--prune").returncode == 1
    assert "k6t-eth0" in Wired(states.pods["one"].netns).links
    states.file("broken").unlink()
    assert states.run("apply", str(states.folder), "--prune").returncode == 0
    assert states.as_new("one") == []
    assert not differences(before, snapshot(stranger.netns))
