"""Eight commands at once on the same pods: no error but the lock's, and the end state is right.

Each command visits all three pods, two at a time. What the lock itself promises is in test_eight_at_once.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_eight_commands_at_once(pod: MakePod, tmp_path: Path) -> None:
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
