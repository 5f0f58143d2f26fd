"""What happens before any pod is touched: reading, choosing, and refusing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from converge.cli import main

YAML = """\
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}
spec:
  target: {{netns: no-such-pod-{name}}}
  networks: [{{name: default, pod: {{}}}}]
  interfaces:
    - name: default
      masquerade: {{}}
      ports: [{{port: {port}}}]
"""
POD_VERBS = {"plan": 1, "diff": 2, "apply": 1, "check": 2, "domain-xml": 1}


@pytest.fixture
def states(tmp_path: Path) -> Path:
    for name in ("web", "db"):
        (tmp_path / f"{name}.yaml").write_text(YAML.format(name=name, port=80))
    return tmp_path


@pytest.mark.parametrize(("verb", "code"), POD_VERBS.items())
def test_a_bad_document_stops_the_run_and_everything_wrong_is_said(
    verb: str, code: int, states: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("bad", "worse"):
        (states / f"{name}.yaml").write_text(YAML.format(name=name, port=70000))
    assert main([verb, str(states)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    for name in ("bad", "worse"):
        assert f"{states}/{name}.yaml:10:22: port 70000 is not a port\n" in err
    assert "      ports: [{port: 70000}]\n" in err
    assert "no-such-pod" not in err


@pytest.mark.parametrize(("verb", "code"), POD_VERBS.items())
def test_paths_and_names_that_are_not_there(verb: str, code: int, states: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, str(states / "nothing.yaml")]) == code
    assert "does not exist" in capsys.readouterr().err
    assert main([verb, str(states), "--only", "shop/nobody"]) == code
    assert "no document is called shop/nobody" in capsys.readouterr().err


@pytest.mark.parametrize("verb", POD_VERBS)
def test_a_selector_that_matches_nothing_asks_for_nothing(verb: str, states: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, str(states), "--selector", "app=nobody"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("output", "valid"), [("text", True), ("text", False), ("json", True), ("json", False), ("github", False), ("sarif", False)]
)
def test_validate(output: str, valid: bool, states: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not valid:
        (states / "bad.yaml").write_text(YAML.format(name="bad", port=0))
    assert main(["validate", "-o", output, str(states)]) == (0 if valid else 1)
    out, err = capsys.readouterr()
    assert err == ""
    if output in ("json", "sarif"):
        assert isinstance(json.loads(out), dict)
    if output == "json":
        assert json.loads(out)["valid"] is valid
    if (output, valid) == ("text", True):
        assert out == "Valid: 2 documents.\n"


def test_validate_reads_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO(YAML.format(name="web", port=0).encode()))
    monkeypatch.setattr(sys, "stdin", text)
    assert main(["validate", "-"]) == 1
    assert "<stdin>:10:22: " in capsys.readouterr().out


def test_a_reader_that_has_gone_is_no_error(states: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m converge validate {states} | true; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_quick_verb_does_not_import(states: Path) -> None:
    """Each of these takes longer to import than a pod takes to be looked at."""
    code = f"import sys; from converge.cli import main; main(['validate', '-q', {str(states)!r}]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyroute2", "jsonschema", "deepdiff", "nftables", "asyncio", "logging", "converge.reconcile"} & set(loaded)
