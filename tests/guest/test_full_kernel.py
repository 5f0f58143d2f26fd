"""Links that this machine's kernel may not have, made under one that has them; and how a run there ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.guest.kernel import ROOT

TESTS = """
import json
import subprocess

def test_links():
    for command in (
        "ip netns add n",
        "ip -n n link add d0 type dummy",
        "ip -n n link add link d0 name d0.5 type vlan id 5",
        "ip -n n link add v type vrf table 10",
        "ip netns exec n nft add table inet t",
    ):
        subprocess.run(command.split(), check=True)
    shown = json.loads(subprocess.check_output(["ip", "-n", "n", "-d", "-j", "link"]))
    kinds = {link["ifname"]: link["linkinfo"]["info_kind"] for link in shown if "linkinfo" in link}
    assert kinds == {"d0": "dummy", "d0.5": "vlan", "v": "vrf"}

def test_failure():
    assert "this" == "is so"
"""


def test_a_run_prints_and_passes_its_exit_code_on(tmp_path: Path) -> None:
    path = tmp_path / "test_there.py"
    path.write_text(TESTS)
    command = [sys.executable, "-m", "tests.guest.full_kernel", str(path), "--rootdir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), timeout=300)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
