"""Where texts come from: files, directories, standard input, and all that cannot be read."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from converge.documents import MOST_BYTES
from converge.sources.directory import read


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")


def names(folder: Path, *paths: str) -> list[str]:
    return [os.path.relpath(text.filename, folder) for text in read([str(folder / path) for path in paths]).texts]


def test_directories_are_read_recursively_in_name_order(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "a/z.yml", "a/b/c.json", "c.yaml", "notes.txt", ".hidden.yaml", "..data/x.yaml")
    assert names(tmp_path, ".") == ["a/b/c.json", "a/z.yml", "b.yaml", "c.yaml"]


def test_a_file_is_read_once_and_under_any_name(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "state")
    assert names(tmp_path, "b.yaml", ".", "state") == ["b.yaml", "state"]


def test_links_that_lead_round_end(tmp_path: Path) -> None:
    write(tmp_path, "a/b.yaml")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert names(tmp_path, ".") == ["a/b.yaml"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a: 1\n")))
    (text,) = read(["-", "-"]).texts
    assert (text.filename, text.data) == ("<stdin>", b"a: 1\n")


def test_what_cannot_be_read_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "large.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    os.mkfifo(tmp_path / "pipe.yaml")
    result = read([str(tmp_path), str(tmp_path / "missing"), str(tmp_path / "a.yaml" / "b")])
    assert len(result.texts) == 1
    assert [each.summary for each in result.diagnostics] == [
        "Path not found",
        "File too large",
        "Not a file",
        "Path not found",
        "Path not readable",
    ]


def test_a_directory_without_state_files_warns(tmp_path: Path) -> None:
    (warning,) = read([str(tmp_path)]).diagnostics
    assert warning.summary == "No state files"
