"""A repository with states/ and snapshots/, made by a script: what it holds at first, and three changes, one a commit.

The commits are the same ones whenever and wherever it is made, so what is said of them can be stored.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree

from tests.docs.pages import ROOT
from tests.docs.session import environment

CASES = ROOT / "tests" / "cases" / "gitops"
DOCUMENT = """\
apiVersion: net.converge/v1alpha1
kind: GuestNetwork
metadata: {{name: {name}, namespace: shop}}
spec:
  target: {{netns: lab-{name}}}
  networks:
    - {{name: default, pod: {{}}}}
  interfaces:
    - name: default
      masquerade: {{}}
      ports:
        - {{port: {port}}}
"""
STATES = {name: DOCUMENT.format(name=name, port=port) for name, port in (("web", 80), ("db", 5432))}
WHEN = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Change:
    """One commit: in the file of `pod`, `old` becomes `new`."""

    name: str
    says: str
    pod: str
    old: str
    new: str


STORY = (
    Change("add-a-port", "web: HTTPS", "web", "        - {port: 80}\n", "        - {port: 80}\n        - {port: 443}\n"),
    Change("change-a-binding", "db: the guest takes the pod's address", "db", "masquerade: {}", "bridge: {}"),
    Change("break-a-file", "web: another port", "web", "{port: 443}", "{port: 4430000}\n        - {prot: 8080}"),
)


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    errors: str


@dataclass(frozen=True, slots=True)
class Repository:
    """`more` is added to what commands see of the environment."""

    folder: Path
    environment: Mapping[str, str]
    more: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str, code: int | None = None) -> Ran:
        """`code`: the exit code that is expected, if there is only one good one."""
        seen = {**self.environment, **self.more}
        done = subprocess.run(words, cwd=self.folder, env=seen, capture_output=True, text=True, timeout=120)
        assert code in (None, done.returncode), f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return Ran(done.returncode, done.stdout, done.stderr)

    def git(self, *words: str) -> str:
        return self.run("git", *words, code=0).out.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, one: Change) -> None:
        """Committed where the repository stands."""
        path = self.folder / "states" / f"{one.pod}.yaml"
        text = path.read_text(encoding="utf-8")
        assert one.old in text
        path.write_text(text.replace(one.old, one.new), encoding="utf-8")
        self.commit(one.says)


def repository(folder: Path) -> Repository:
    """At its first commit, on branch main. `converge` in its environment is this repository's."""
    folder.mkdir()
    found = Repository(folder, {**environment(folder), "GIT_AUTHOR_DATE": WHEN, "GIT_COMMITTER_DATE": WHEN})
    found.git("init", "--quiet")
    for name, text in STATES.items():
        found.write(f"states/{name}.yaml", text)
    copytree(CASES / "snapshots", folder / "snapshots")
    found.commit("Two pods")
    return found
