"""The hooks of .pre-commit-hooks.yaml, run by pre-commit itself, which installs converge from a repository as it would anywhere.

What it installs is kept in the user's cache, not in this repository: PyPI is asked once for each state of the package.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.gitops.pypi import CACHE, PRE_COMMIT, program, reachable
from tests.gitops.repository import STORY, Ran, Repository, repository

PACKAGE = ("converge", "schemas", "man", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
"""What the package is built from."""
UGLY = "target: {netns: lab-web}", "target:   { netns:  lab-web }   # the pod"


@pytest.fixture(scope="module")
def pre_commit() -> Path:
    return program(PRE_COMMIT)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with the package as it is now: pre-commit clones what is committed."""
    folder = tmp_path_factory.mktemp("hooks")
    made = repository(folder / "unused")
    found = Repository(folder / "converge", made.environment)
    found.folder.mkdir()
    for name in PACKAGE:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, found.folder / name)
    for junk in found.folder.rglob("__pycache__"):
        shutil.rmtree(junk)
    found.git("init", "--quiet")
    found.commit("The package")
    return found


@pytest.fixture
def user(tmp_path: Path, pre_commit: Path, hooks: Repository) -> Repository:
    """Who has the hooks in .pre-commit-config.yaml, and no converge of their own."""
    made = repository(tmp_path / "network")
    ids = [each["id"] for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))]
    assert ids == ["converge-validate", "converge-fmt"]
    wanted = {"repo": str(hooks.folder), "rev": hooks.git("rev-parse", "HEAD"), "hooks": [{"id": each} for each in ids]}
    made.write(".pre-commit-config.yaml", yaml.safe_dump({"repos": [wanted]}))
    path = f"{Path(sys.executable).parent}:{pre_commit.parent}:/usr/local/bin:/usr/bin:/bin"
    more = {"PATH": path, "PYTHONPATH": "", "PRE_COMMIT_HOME": str(CACHE / "hooks"), "PRE_COMMIT_COLOR": "never"}
    found = Repository(made.folder, made.environment, more)
    found.git("add", "--all")
    install = found.run(str(pre_commit), "install", "--install-hooks")
    if install.code and not reachable(pre_commit.with_name("python")):
        pytest.skip("PyPI cannot be reached, from which the hooks are installed")
    assert install.code == 0, install.out + install.errors
    return found


def edit(user: Repository, old: str, new: str) -> Ran:
    """Changes web.yaml and commits that, which the hooks may refuse."""
    path = user.folder / "states" / "web.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    user.git("add", "--all")
    return user.run("git", "commit", "--message", "web")


def test_what_is_right_may_be_committed(user: Repository) -> None:
    done = edit(user, STORY[0].old, STORY[0].new)
    assert done.code == 0, done.out + done.errors
    assert [line.split("...")[0] for line in done.errors.splitlines() if line.endswith("Passed")] == [
        "converge validate",
        "converge fmt",
    ]


def test_what_is_wrong_is_not_committed_and_is_said_with_its_place(user: Repository) -> None:
    before = user.git("rev-parse", "HEAD")
    done = edit(user, "{port: 80}", "{port: 4430000}")
    assert done.code == 1
    assert "states/web.yaml:12:18: port 4430000 is not a port" in done.errors
    assert user.git("rev-parse", "HEAD") == before


def test_what_is_not_in_its_form_is_put_in_it_to_be_looked_at(user: Repository) -> None:
    done = edit(user, *UGLY)
    assert done.code == 1
    assert "files were modified by this hook" in done.errors
    assert re.search(r"\n  target: \{netns: lab-web\} +# the pod\n", (user.folder / "states" / "web.yaml").read_text())
    user.git("add", "--all")
    assert user.run("git", "commit", "--message", "web").code == 0


def test_a_file_elsewhere_is_none_of_their_business(user: Repository) -> None:
    user.write("notes.yaml", "a:   {b: c}\n")
    user.git("add", "notes.yaml")
    done = user.run("git", "commit", "--message", "notes")
    assert done.code == 0
    assert done.errors.count("(no files to check)Skipped") == 2
