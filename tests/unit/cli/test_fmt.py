"""`converge fmt` on real files: what is written, what is left alone, and what is said."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from converge.cli import main
from tests.unit.documents.examples import GUEST_NETWORK, ugly

UGLY = ugly(GUEST_NETWORK.replace("spec:", "spec:  # what it should have"))
PRETTY = GUEST_NETWORK.replace("spec:", "spec:    # what it should have")


@pytest.fixture
def states(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GUEST_NETWORK)
    (tmp_path / "ugly.yaml").write_bytes(UGLY.encode())
    return tmp_path


def test_only_what_differs_is_written_and_named(states: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ugly, good = states / "ugly.yaml", states / "good.yaml"
    ugly.chmod(0o640)
    before = good.stat()
    assert main(["fmt", str(states)]) == 0
    assert capsys.readouterr() == (f"{ugly}\n", "")
    assert ugly.read_bytes().decode() == PRETTY
    assert stat.S_IMODE(ugly.stat().st_mode) == 0o640
    assert (good.stat().st_ino, good.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert sorted(os.listdir(states)) == ["good.yaml", "ugly.yaml"]
    assert main(["fmt", str(states)]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_writes_nothing(states: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ugly = states / "ugly.yaml"
    assert main(["fmt", "--check", str(states)]) == 1
    assert capsys.readouterr() == (f"{ugly}\n", "")
    assert main(["fmt", "--check", "-v", str(states)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[1:3] == [f"--- {ugly}", f"+++ {ugly} (formatted)"]
    assert "-    target: {netns: web}" in out
    assert "+  target: {netns: web}" in out
    assert ugly.read_bytes() == UGLY.encode()
    assert main(["fmt", "--check", "-q", str(ugly)]) == 1
    assert capsys.readouterr() == ("", "")
    assert main(["fmt", "--check", str(states / "good.yaml")]) == 0


def test_one_bad_file_and_none_is_written(states: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (states / "zzz.yaml").write_text("a: [1\nb: 2\n")
    assert main(["fmt", str(states)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{states / 'zzz.yaml'}:2:2: YAML syntax")
    assert (states / "ugly.yaml").read_bytes() == UGLY.encode()


def test_standard_input_to_standard_output(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for words, code, expected in ((["-"], 0, PRETTY), (["--check", "-"], 1, "<stdin>\n")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UGLY.encode())))
        assert main(["fmt", *words]) == code
        assert capsys.readouterr() == (expected, "")
    assert main(["fmt", "-", "a.yaml"]) == 1
    assert "- stands for standard input" in capsys.readouterr().err


def test_json_is_left_alone_with_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a":1}')
    assert main(["fmt", "-v", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert (out, file.read_text()) == ("", '{"a":1}')
    assert "note: " in err
    assert f"{file} is JSON and was left alone" in err


def test_a_link_stays_a_link(states: Path) -> None:
    link = states / "link.yaml"
    (states / "ugly.yaml").rename(states / "ugly.txt")
    link.symlink_to("ugly.txt")
    assert main(["fmt", str(link)]) == 0
    assert link.is_symlink()
    assert (states / "ugly.txt").read_text() == PRETTY


def test_a_file_that_cannot_be_replaced(
    states: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["fmt", str(states)]) == 1
    assert f"{states / 'ugly.yaml'} cannot be written: No space left on device" in capsys.readouterr().err
    assert (states / "ugly.yaml").read_bytes() == UGLY.encode()
    assert sorted(os.listdir(states)) == ["good.yaml", "ugly.yaml"]
