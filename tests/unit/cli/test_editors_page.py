"""docs/editors.md: what is in no console block (that is run by tests/docs): settings, hooks, schemas, completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def blocks(root: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language, text in BLOCK.findall((root / "docs" / "editors.md").read_text(encoding="utf-8")):
        found.setdefault(language, []).append(text)
    return found


@pytest.fixture
def folder(tmp_path: Path, blocks: dict[str, list[str]]) -> Path:
    """A repository with the page's state file, and `converge` in the search path."""
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / "web.yaml").write_text(blocks["yaml"][0])
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "converge"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m converge "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(command: str, folder: Path, root: Path) -> subprocess.CompletedProcess[str]:
    paths = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(root), "HOME": str(folder)}
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    environment = {**os.environ, **paths, **identity}
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, env=environment, timeout=60)


def test_the_schemas_and_the_completion_are_made(blocks: dict[str, list[str]], folder: Path, root: Path) -> None:
    for text in (blocks["sh"][0], blocks["sh"][2]):
        done = run(f"set -e; {text}", folder, root)
        assert (done.returncode, done.stderr) == (0, "")
    named = re.findall(r"\.schemas/(\w+)\.json", "".join(blocks["json"] + blocks["toml"] + blocks["lua"] + blocks["yaml"]))
    assert named
    for kind in named:
        assert json.loads((folder / ".schemas" / f"{kind}.json").read_text())["title"] == kind


def test_the_hook_refuses_and_lets_pass(blocks: dict[str, list[str]], folder: Path, root: Path) -> None:
    hook = folder / "hook"
    hook.write_text(blocks["sh"][1])
    hook.chmod(0o755)
    made = run("git init -q . && mv hook .git/hooks/pre-commit && git add states", folder, root)
    assert made.returncode == 0, made.stderr
    refused = run("git commit -qm first", folder, root)
    assert refused.returncode == 1
    assert "states/web.yaml" in refused.stdout + refused.stderr
    passed = run("converge fmt -q && git add states && git commit -qm first", folder, root)
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "", "")


def test_settings_can_be_read(blocks: dict[str, list[str]], folder: Path, root: Path) -> None:
    (settings,), (helix,), hooks = blocks["json"], blocks["toml"], blocks["yaml"][1]
    assert json.loads(settings)["yaml.format.enable"] is False
    assert tomllib.loads(helix)["language"][0]["formatter"] == {"command": "converge", "args": ["fmt", "-"]}
    for hook in yaml.safe_load(hooks)["repos"][0]["hooks"]:
        assert re.search(hook["files"], "states/web.yaml")
        done = run(f"{hook['entry']} {'states/web.yaml' if hook.get('pass_filenames', True) else ''}", folder, root)
        assert (done.returncode, done.stderr) == (0, "")
