"""`converge check` of one wired pod as a whole process, against an interpreter that only imports what it cannot do without."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.clock import in_turns, spawned
from bench.figures import Row, median
from bench.pods import documents, pods, text, wire

ROUNDS = 41
GOAL = 2.3
IMPORTS = "argparse, json, yaml, socket, ctypes, nftables, dataclasses, enum, re, ipaddress"


def rows(quick: bool) -> Iterator[Row]:
    if importlib.util.find_spec("converge.__main__") is None:
        return
    importing = (sys.executable, "-c", f"import {IMPORTS}")
    bare = (sys.executable, "-c", "pass")
    with pods(1, "process-") as names, TemporaryDirectory() as place:
        file = Path(place) / "pod.yaml"
        file.write_bytes(text(names[0]).data)
        wire(documents([text(names[0])]))
        checking = (sys.executable, "-m", "converge", "check", str(file))
        for command in (importing, checking):
            spawned(command)  # what Python compiles once
        actions = {"check": lambda: spawned(checking), "imports": lambda: spawned(importing), "bare": lambda: spawned(bare)}
        taken = in_turns(9 if quick else ROUNDS, actions)
    yield Row("`converge check` of one pod, a whole process", median(taken["check"]), median(taken["imports"]), GOAL)
    yield Row("- a bare interpreter", median(taken["bare"]))
