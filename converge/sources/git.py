"""State files of a git revision, read with the `git` command. Nothing is checked out, no file of the repository is run.

Only plumbing is asked (`rev-parse`, `ls-tree`, `cat-file`): no hook, no text conversion and no external diff applies to
these. Paths are as the user gave them, relative to the working directory, and mean the same places in the revision.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converge.model import MOST_BYTES, Diagnostic, Severity, Text
from converge.sources.directory import EXTENSIONS

REGULAR = "100"
"""Modes of files begin so; a link is 120000, a submodule 160000."""


class GitError(Exception):
    """What keeps a revision from being read at all, in one line, with what would be right on the next."""


@dataclass(frozen=True, slots=True)
class Revision:
    """`commit` is the full hash. `texts` are called `REV:path`."""

    commit: str
    texts: tuple[Text, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(revision: str, paths: Sequence[str]) -> Revision:
    """The state files under these paths in a revision; a path that is not there yet is empty. Raises GitError."""
    texts: list[Text] = []
    diagnostics: list[Diagnostic] = []
    commits: set[str] = set()
    for path in paths:
        if path == "-":
            raise GitError("standard input is in no git revision\nname files or directories of the repository")
        path = os.path.normpath(path)  # noqa: PLW2901
        folder = _existing(path)
        top = os.path.realpath(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        commit = _commit(folder, revision)
        commits.add(commit)
        place = os.path.relpath(os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path)), top)
        for found in _files(top, commit, place):
            _add(top, revision, commit, found, texts, diagnostics)
    if len(commits) != 1:
        raise GitError(f"{revision} is not one commit for all paths\nname paths of one repository")
    unique = {text.filename: text for text in texts}
    return Revision(commits.pop(), tuple(unique.values()), tuple(dict.fromkeys(diagnostics)))


def _existing(path: str) -> str:
    """The nearest folder that exists, to ask git in: the change may have taken the path away."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder or "."


def _commit(folder: str, revision: str) -> str:
    try:
        found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError:
        advice = "name a branch, a tag or a commit that this clone has; `git fetch` may bring it"
        raise GitError(f"no git revision is called {revision!r}\n{advice}") from None
    return found.decode().strip().splitlines()[-1]


def _files(top: str, commit: str, place: str) -> Iterator[tuple[str, str, str]]:
    """Mode, object and path of each state file, in the order in which a directory is read."""
    here = [] if place == "." else [place]
    listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *here)
    for line in filter(None, listed.split(b"\0")):
        about, _, name = line.partition(b"\t")
        mode, _, identity = about.decode().split(" ")
        path = os.fsdecode(name)
        below = os.path.relpath(path, place) if place != "." else path
        hidden = any(part.startswith(".") for part in below.split("/")) and path != place
        if path == place or (path.endswith(EXTENSIONS) and not hidden):
            yield mode, identity, path


def _add(
    top: str, revision: str, commit: str, found: tuple[str, str, str], texts: list[Text], diagnostics: list[Diagnostic]
) -> None:
    mode, identity, path = found
    name = f"{revision}:{path}"
    if not mode.startswith(REGULAR):
        detail = f"{name} is a link, which is not followed in a revision\nname the file that it leads to"
        diagnostics.append(Diagnostic("Not a file", detail, severity=Severity.WARNING))
        return
    if int(_git(top, "cat-file", "-s", identity)) > MOST_BYTES:
        detail = f"{name} has more than {MOST_BYTES} bytes (1 MiB)\nit is left out"
        diagnostics.append(Diagnostic("File too large", detail, severity=Severity.WARNING))
        return
    texts.append(Text(name, _git(top, "cat-file", "blob", identity)))


def _git(folder: str, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", folder, *words], stdin=subprocess.DEVNULL, capture_output=True)
    except FileNotFoundError:
        raise GitError("git is not installed, and --base reads a git revision\ninstall git") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git failed without a word"]
        raise GitError(f"git says of {folder}: {said[0].removeprefix('fatal: ')}\nname paths inside of a git repository")
    return done.stdout
