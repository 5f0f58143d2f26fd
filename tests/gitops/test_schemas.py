"""The workflow and the job against the schemas that GitHub's and GitLab's editors use, as check-jsonschema carries them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.gitops.pypi import CHECK_JSONSCHEMA, PRE_COMMIT, call, program

GITHUB = ("--builtin-schema", "vendor.github-workflows")
GITLAB = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
FILES = (("github/converge.yml", GITHUB, "runs-on:"), ("gitlab/converge.gitlab-ci.yml", GITLAB, "stage:"))


@pytest.mark.parametrize(("file", "schema", "key"), FILES)
def test_a_schema_accepts_it_and_would_not_accept_anything(file: str, schema: tuple[str, ...], key: str, tmp_path: Path) -> None:
    good, wrong = ROOT / "examples" / file, tmp_path / "wrong.yml"
    done = call(program(CHECK_JSONSCHEMA), *schema, good)
    assert done.returncode == 0, done.stdout
    wrong.write_text(good.read_text(encoding="utf-8").replace(key, f"{key} 7 #"), encoding="utf-8")
    assert call(program(CHECK_JSONSCHEMA), *schema, wrong).returncode == 1


def test_pre_commit_reads_the_list_of_hooks() -> None:
    done = call(program(PRE_COMMIT), "validate-manifest", ROOT / ".pre-commit-hooks.yaml")
    assert (done.returncode, done.stdout) == (0, "")
