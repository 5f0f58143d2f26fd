"""State files of a git revision: the same ones that a directory has, and nothing of the repository is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from converge.sources import directory, git
from converge.sources.git import GitError


def run(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`states` with files of all sorts, committed; the working directory is its top."""
    states = tmp_path / "states"
    (states / "sub dir").mkdir(parents=True)
    (states / ".hidden").mkdir()
    for name in ("a.yaml", "b.json", "notes.txt", "sub dir/ü.yml", ".hidden/c.yaml", ".d.yaml"):
        (states / name).write_text(f"# {name}\n")
    run(tmp_path, "init", "-q", "-b", "main")
    run(tmp_path, "add", "-A")
    run(tmp_path, "commit", "-qm", "first")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(found: git.Revision) -> dict[str, bytes]:
    return {text.filename: text.data for text in found.texts}


@pytest.mark.parametrize("path", ["states", "states/", "./states/../states", "."])
def test_the_files_that_a_directory_has(repository: Path, path: str) -> None:
    found = git.read("main", [path])
    assert sorted(text.data for text in found.texts) == sorted(text.data for text in directory.read([path]).texts)
    assert found.commit == run(repository, "rev-parse", "main")
    assert "main:states/a.yaml" in contents(found)
    assert found.diagnostics == ()


def test_of_then_and_not_of_now(repository: Path) -> None:
    (repository / "states/a.yaml").write_text("# later\n")
    (repository / "states/b.json").unlink()
    assert contents(git.read("HEAD", ["states/a.yaml", "states/b.json"])) == {
        "HEAD:states/a.yaml": b"# a.yaml\n",
        "HEAD:states/b.json": b"# b.json\n",
    }


def test_a_path_that_was_not_there_yet_is_empty(repository: Path) -> None:
    (repository / "new/deep").mkdir(parents=True)
    assert contents(git.read("main", ["new/deep/x.yaml", "new", "gone/for/ever.yaml"])) == {}


def test_from_below_and_from_outside(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "states")
    assert "main:states/a.yaml" in contents(git.read("main", ["."]))
    assert list(contents(git.read("main", ["a.yaml", "../states/a.yaml"]))) == ["main:states/a.yaml"]
    monkeypatch.chdir("/")
    assert "main:states/a.yaml" in contents(git.read("main", [str(repository / "states")]))


def test_a_link_and_a_huge_file_are_left_out_and_said(repository: Path) -> None:
    os.symlink("a.yaml", repository / "states/link.yaml")
    (repository / "states/huge.yaml").write_bytes(b"#" * (1 << 21))
    run(repository, "add", "-A")
    run(repository, "commit", "-qm", "odd")
    found = git.read("HEAD", ["states"])
    assert [each.summary for each in found.diagnostics] == ["File too large", "Not a file"]
    assert "HEAD:states/link.yaml" not in contents(found)


def test_nothing_of_the_repository_is_run(repository: Path) -> None:
    """A text conversion, an external diff and a hook that would leave a trace."""
    trace = repository / "trace"
    for key in ("diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "core.pager", "core.sshCommand"):
        run(repository, "config", key, f"touch {trace}; cat")
    (repository / ".gitattributes").write_text("*.yaml diff=evil\n")
    assert contents(git.read("main", ["states"]))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("revision", "paths", "said"),
    [
        ("nowhere", ["states"], "no git revision is called 'nowhere'"),
        ("", ["states"], "no git revision is called ''"),
        ("--help", ["states"], "no git revision is called '--help'"),
        ("main:states/a.yaml", ["states"], "no git revision is called"),
        ("main", ["-"], "standard input is in no git revision"),
    ],
)
def test_what_is_no_revision(repository: Path, revision: str, paths: list[str], said: str) -> None:
    with pytest.raises(GitError, match=said):
        git.read(revision, paths)


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match="not a git repository"):
        git.read("main", [str(tmp_path)])


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(GitError, match="git is not installed"):
        git.read("main", ["states"])


def test_two_repositories_are_not_one_commit(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run(other, "init", "-q", "-b", "main")
    (other / "x.yaml").write_text("# x\n")
    run(other, "add", "-A")
    run(other, "commit", "-qm", "another")
    with pytest.raises(GitError, match="not one commit"):
        git.read("main", ["states", "other"])
