"""Eight processes at once on the same pods: no error but the lock's, and the end state is right. No lock can be stale."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from converge.model import Outcome
from tests.kernel import driving
from tests.kernel.driving import masquerade_yaml
from tests.kernel.inside import Pod

MakePod = Callable[..., Pod]
PROCESSES, ROUNDS = 8, 4
NAMES = ("one", "two", "three")


def states(folder: Path, pods: list[Pod], port: int) -> Path:
    """All three pods, with a port that differs from process to process."""
    path = folder / f"{port}.yaml"
    documents: list[dict[str, Any]] = [json.loads(masquerade_yaml(pod.netns, ports=[{"port": port}])) for pod in pods]
    for name, document in zip(NAMES, documents, strict=True):
        document["metadata"]["name"] = name
    path.write_text("\n---\n".join(json.dumps(document) for document in documents))
    return path


def converge(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "converge", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_at_once(pod: MakePod, tmp_path: Path) -> None:
    """Half of them want the same, the others each something else; in the end what one last apply says is so."""
    pods = [pod(name, addresses6=(), gateway6="") for name in NAMES]
    files = [states(tmp_path, pods, 8000 + number // 2 * 2) for number in range(PROCESSES)]
    for _ in range(ROUNDS):
        running = [converge("apply", "--parallelism", "2", str(path)) for path in files]
        for process in running:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0 or "is locked by" in errors, errors
    last = states(tmp_path, pods, 9000)
    process = converge("apply", str(last))
    assert process.wait(60) == 0
    for name in NAMES:
        check = converge("check", "--only", f"shop/{name}", str(last))
        assert check.wait(60) == 0


def test_the_holder_is_named_and_waited_for_with_a_deadline(pod: MakePod, tmp_path: Path) -> None:
    here = pod()
    path = tmp_path / "web.yaml"
    path.write_text(masquerade_yaml(here.netns))
    with open(f"/run/netns/{here.netns}", "rb") as namespace:
        fcntl.flock(namespace, fcntl.LOCK_EX)
        process = converge("apply", "--timeout", "300ms", str(path))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"locked by process {os.getpid()}" in errors
    assert driving.applied(path.read_text()).outcome is Outcome.APPLIED


def test_a_killed_holder_leaves_no_lock(pod: MakePod) -> None:
    here = pod()
    script = f"""import fcntl, time
f = open('/run/netns/{here.netns}', 'rb')
fcntl.flock(f, fcntl.LOCK_EX)
print('held', flush=True)
time.sleep(60)"""
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert driving.applied(masquerade_yaml(here.netns)).outcome is Outcome.APPLIED
