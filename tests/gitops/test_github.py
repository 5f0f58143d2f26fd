"""examples/github: its `run:` steps in a repository of ours. GitHub itself cannot run here, so `gh` is a stand-in that keeps
comments in a file; what the workflow's keys mean to GitHub is taken from its documentation, not seen.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gitops.fake_gh import BOT
from tests.gitops.repository import STORY, Repository, repository
from tests.gitops.steps import EXPRESSION, program, steps, taken, workflow
from tests.gitops.test_story import WRONG

MARKER = "<!-- converge plan -->"
EVENT = {
    "github.repository": "shop/network",
    "github.token": "token",
    "github.event.pull_request.number": "7",
    "github.event.pull_request.head.repo.full_name": "shop/network",
}
FORK = {**EVENT, "github.event.pull_request.head.repo.full_name": "someone/network"}
ADDED, CHANGED, BROKEN = STORY

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed, with which gh's answers are read")


class PullRequest:
    """Branch `topic`, and what actions/checkout leaves: the merge of it into main, two commits deep."""

    def __init__(self, folder: Path) -> None:
        self.comments = folder / "comments.json"
        self.summary = folder / "summary.md"
        made = repository(folder / "network")
        more = {"GH_COMMENTS": str(self.comments), "GITHUB_STEP_SUMMARY": str(self.summary)}
        self.at = Repository(made.folder, made.environment, more)
        self.at.git("branch", "topic")
        program(made.folder, "gh", f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("fake_gh.py")} "$@"\n')
        self.kept([])

    def kept(self, comments: list[dict[str, Any]]) -> None:
        self.comments.write_text(json.dumps(comments))

    def said(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.comments.read_text())
        return found

    def push(self, *changes: Any) -> None:
        self.at.git("checkout", "--quiet", "topic")
        for change in changes:
            self.at.change(change)
        self.at.git("checkout", "--quiet", "--detach", "main")
        self.at.git("merge", "--quiet", "--no-ff", "--message", "Merge", "topic")


@pytest.fixture
def pull(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def test_one_comment_is_made_and_then_edited(pull: PullRequest) -> None:
    pull.push(ADDED)
    done = taken("plan", EVENT, pull.at)
    assert {name: ran.code for name, ran in done.items()} == {"validate": 0, "plan": 0, "comment": 0}
    (first,) = pull.said()
    assert first["body"].startswith(MARKER)
    assert "tcp 443" in first["body"]
    assert first["edited"] == 0
    assert pull.summary.read_text() == first["body"]
    pull.push(CHANGED)
    taken("plan", EVENT, pull.at)
    (second,) = pull.said()
    assert (second["id"], second["edited"]) == (first["id"], 1)
    assert "masquerade to bridge" in second["body"]


def test_a_broken_file_is_annotated_and_the_comment_says_so(pull: PullRequest) -> None:
    pull.push(ADDED)
    taken("plan", EVENT, pull.at)
    pull.push(BROKEN)
    done = taken("plan", EVENT, pull.at)
    assert tuple(done["validate"].out.splitlines()) == WRONG
    assert {name: ran.code for name, ran in done.items()} == {"validate": 1, "plan": 1, "comment": 0}
    (comment,) = pull.said()
    assert "**Not planned.** 3 mistakes must be mended first" in comment["body"]


def test_from_a_fork_nothing_is_commented_and_the_summary_has_the_plan(pull: PullRequest) -> None:
    pull.push(ADDED)
    assert set(taken("plan", FORK, pull.at)) == {"validate", "plan"}
    assert pull.said() == []
    assert pull.summary.read_text().startswith(MARKER)


def test_somebody_else_s_comment_with_the_marker_is_left_alone(pull: PullRequest) -> None:
    theirs = [
        {"id": 1, "user": {"login": "someone"}, "body": f"{MARKER}\nmine", "edited": 0},
        {"id": 2, "user": {"login": BOT}, "body": f"> {MARKER}", "edited": 0},
    ]
    pull.kept(theirs)
    pull.push(ADDED)
    for _ in range(2):
        taken("plan", EVENT, pull.at)
    assert pull.said()[:2] == theirs
    assert [each["edited"] for each in pull.said()[2:]] == [1]


def test_what_main_has_got_meanwhile_is_no_part_of_the_change(pull: PullRequest) -> None:
    pull.push(ADDED)
    pull.at.git("checkout", "--quiet", "main")
    pull.at.change(CHANGED)
    pull.push()
    taken("plan", EVENT, pull.at)
    (comment,) = pull.said()
    assert "shop/web" in comment["body"]
    assert "shop/db" not in comment["body"]


def test_without_a_token_no_second_comment_is_made(pull: PullRequest) -> None:
    """A question that fails ends the step; it is not taken for "there is none"."""
    pull.push(ADDED)
    done = taken("plan", {**EVENT, "github.token": ""}, pull.at)
    assert done["comment"].code == 4
    assert pull.said() == []


def test_where_the_command_cannot_run_the_comment_is_not_emptied(pull: PullRequest) -> None:
    pull.push(ADDED)
    taken("plan", EVENT, pull.at)
    before = pull.said()
    pull.at.git("checkout", "--quiet", "--detach", "main")  # the first commit: there is none before it
    done = taken("plan", EVENT, pull.at)
    assert {name: ran.code for name, ran in done.items()} == {"validate": 0, "plan": 1, "comment": 0}
    assert pull.said() == before


def test_nobody_else_s_package_is_installed() -> None:
    """The bare name is another project's on PyPI."""
    (install,) = [step.run for step in steps("plan") if step.name == "install"]
    assert install == 'python -m pip install "git+https://git.example.org/converge@v0.1.0"'


def test_nothing_of_an_event_is_pasted_into_a_script() -> None:
    """A branch may have any name: what `${{ }}` gives comes in by the environment only."""
    found = [step.name for job in workflow()["jobs"] for step in steps(job) if EXPRESSION.search(step.run)]
    assert not found


def test_only_the_job_that_comments_may_write() -> None:
    jobs = workflow()["jobs"]
    assert workflow()["permissions"] == {"contents": "read"}
    assert jobs["plan"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "permissions" not in jobs["apply"]
    assert jobs["apply"]["if"] == "github.event_name == 'push'"
