"""Pods of a test with their documents in a folder, and converge run on them: as root here, or as nobody without a kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kernel.driving import masquerade_yaml
from tests.kernel.inside import Pod

# Whoever imports what acts, or what is not installed elsewhere, fails at once.
ELSEWHERE = """
import os, sys
class Nowhere:
    def find_spec(self, name, *_):
        absent = name.split(".")[0] in ("pyroute2", "nftables", "fcntl", "ctypes")
        if absent or name.startswith(("converge.kernel", "converge.reconcile")):
            raise ImportError(f"{name} is not to be had here")
sys.meta_path.insert(0, Nowhere())
assert os.getuid() == 65534
from converge.cli import main
sys.exit(main(sys.argv[1:]))
"""
READ = "-all,+dac_read_search"
"""Nobody may read everything, since the interpreter may lie where only root goes; and nothing else."""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={READ}", f"--ambient-caps={READ}", "--")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    errors: str

    @property
    def value(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Shop:
    """`states` holds the documents, `snapshots` is where snapshots may be put. All may be read by anybody."""

    folder: Path
    pods: dict[str, Pod]

    @property
    def states(self) -> Path:
        return self.folder / "states"

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    @property
    def plan(self) -> Path:
        return self.folder / "plan.json"

    def write(self, name: str, **options: Any) -> None:
        found = json.loads(masquerade_yaml(self.pods[name].netns, **options))
        found["metadata"]["name"] = name
        self.states.mkdir(exist_ok=True)
        (self.states / f"{name}.yaml").write_text(json.dumps(found, indent=2) + "\n")

    def remove(self, name: str) -> None:
        (self.states / f"{name}.yaml").unlink()

    def run(self, verb: str, *words: str | Path) -> Ran:
        """As root, where the pods are, on all documents."""
        return self._ran([sys.executable, "-m", "converge", verb, str(self.states), *map(str, words)])

    def elsewhere(self, verb: str, *words: str | Path) -> Ran:
        """As nobody, without kernel, pyroute2 and nftables."""
        return self._ran([*NOBODY, sys.executable, "-c", ELSEWHERE, verb, str(self.states), *map(str, words)])

    def _ran(self, command: list[str]) -> Ran:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return Ran(done.returncode, done.stdout, done.stderr)
