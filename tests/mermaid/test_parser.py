"""Pictures of wirings, read by Mermaid itself: what is drawn is what is meant, whatever the names are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converge.model import Result, VirtualFunction
from converge.report import mermaid
from tests.unit.report.results import RESOURCES, TAP, made, result
from tests.unit.universe import Pod, Wish, look, wired

HERE = Path(__file__).parent
Read = Callable[[list[str]], list[dict[str, Any]]]
PORTS = (("tcp", 80, 80), ("udp", 53, 53))
CHANGES = {
    "masquerade": (None, Wish(ports=PORTS)),
    "port": (Wish(), Wish(ports=PORTS)),
    "bridge": (Wish(), Wish("bridge")),
    "macvtap": (None, Wish("macvtap")),
    "managedTap": (None, Wish("managedTap")),
    "passt": (None, Wish("passt")),
    "sriov": (None, Wish("sriov", mac="02:00:00:00:00:07", function=VirtualFunction("net9", 1))),
    "unwired": (Wish("bridge"), Wish(None)),
}
COMMENTS = ["%%", "%%{init: {}}%%"]
NAMES = ['"', "`b`", "1. a", "- a", "style:x", "classDef:#1;", "<br>", "a;b", "click", "end", *COMMENTS, "é|x", "&lt;", "#quot;"]


@pytest.fixture(scope="module")
def read(root: Path) -> Read:
    """Mermaid, installed once under build/ as package-lock.json says, where there are node and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed, and Mermaid is written for them")
    folder = root / "build" / "mermaid"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "parse.mjs"):
        shutil.copy(HERE / name, folder / name)
    done, lock = folder / "installed", (HERE / "package-lock.json").read_text()
    if not done.exists() or done.read_text() != lock:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        environment = {**os.environ, "npm_config_update_notifier": "false"}
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, env=environment)
        if ended.returncode:
            pytest.skip(f"npm could not install Mermaid: {ended.stderr.strip().splitlines()[:1]}")
        done.write_text(lock)

    def parse(pictures: list[str]) -> list[dict[str, Any]]:
        command = [node, "parse.mjs"]
        ended = subprocess.run(command, cwd=folder, input=json.dumps(pictures), capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr[-2000:]
        found: list[dict[str, Any]] = json.loads(ended.stdout)
        return found

    return parse


def changed(before: Wish | None, after: Wish) -> Result:
    pod = Pod()
    seen = look(after, wired(before, pod) if before else pod.resources())
    return replace(made(seen.plan(), seen.observed, seen.desired), document=after.document())


def test_every_binding_is_read(read: Read) -> None:
    pictures = {name: mermaid.wiring(changed(*wishes)) for name, wishes in CHANGES.items()}
    for lines, found in zip(pictures.values(), read(["\n".join(each) for each in pictures.values()]), strict=True):
        edges = [line for line in lines if any(f" {drawn}" in line for drawn in ("---", "===", "-.-"))]
        nodes = [line for line in lines if line.startswith("  n") and line not in edges]
        assert [node["id"] for node in found["nodes"]] == [f"n{number}" for number in range(len(nodes))]
        assert [[edge["from"], edge["to"]] for edge in found["edges"]] == [[edge.split()[0], edge.split()[-1]] for edge in edges]
        for node in found["nodes"]:
            word = node["text"].rpartition("<br>")[2]
            assert node["classes"] == ([word.lower()] if word in ("ADDED", "CHANGED", "REMOVED") else [])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_as_it_is(read: Read, name: str) -> None:
    odd = {**RESOURCES, TAP: replace(RESOURCES[TAP], name=name)}
    (found,) = read(["\n".join(mermaid.wiring(result(RESOURCES, odd)))])
    texts = [node["text"].split("<br>") for node in found["nodes"]]
    assert [name, "tap", "mtu 1450", "CHANGED"] in [text if name != "<br>" else [name, *text[-3:]] for text in texts]
