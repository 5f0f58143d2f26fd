"""Programs from PyPI that only these tests use, each in a venv of its own in the user's cache, not in this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "converge-tests"
PRE_COMMIT, CHECK_JSONSCHEMA = "pre-commit==4.7.0", "check-jsonschema==0.39.0"


def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=300)


def program(wanted: str) -> Path:
    """Where it is; the test is skipped where PyPI cannot be reached."""
    venv, name = CACHE / wanted.replace("==", "-"), wanted.partition("==")[0]
    found = venv / "bin" / name
    if not found.exists():
        assert call(sys.executable, "-m", "venv", "--clear", venv).returncode == 0
        done = call(venv / "bin" / "python", "-m", "pip", "install", "--quiet", wanted)
        if done.returncode:
            silent = not reachable(venv / "bin" / "python")
            shutil.rmtree(venv)
            if silent:
                pytest.skip(f"PyPI cannot be reached, from which {wanted} is installed")
        assert done.returncode == 0, done.stderr
    return found


def reachable(python: Path) -> bool:
    """Whether PyPI answers at all, so that a mistake of ours is not taken for its silence."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("download", "--quiet", "--no-deps", "--no-cache-dir", "--dest", folder, "hatchling")
        return call(python, "-m", "pip", *words).returncode == 0
