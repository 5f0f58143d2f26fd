"""examples/gitlab: the job's `script:` as its runner would take it, in a repository of ours. GitLab itself cannot run here, so
its notes are kept by a small server on loopback; `before_script` is left out, since it installs converge, which is on PATH here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.gitops.notes import ME, NOTES, TOKEN, Notes, serving
from tests.gitops.repository import STORY, Ran, Repository, repository

MARKER = "<!-- converge plan -->"
ADDED, CHANGED, BROKEN = STORY


def job(name: str) -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "examples" / "gitlab" / "converge.gitlab-ci.yml").read_text(encoding="utf-8"))
    value: dict[str, Any] = found[name]
    return value


@pytest.fixture
def gitlab() -> Iterator[Notes]:
    with serving() as notes:
        yield notes


@pytest.fixture
def topic(tmp_path: Path, gitlab: Notes) -> Repository:
    """On a branch; CONVERGE_TOKEN is there, as in a project that has set it."""
    made = repository(tmp_path / "network")
    made.git("checkout", "--quiet", "-b", "topic")
    more = {"CI_API_V4_URL": gitlab.url, "CI_PROJECT_ID": "9", "CI_MERGE_REQUEST_IID": "7", "CONVERGE_TOKEN": TOKEN}
    return Repository(made.folder, made.environment, more)


def run(where: Repository, **more: str) -> Ran:
    """The lines of `script` are one shell's, as GitLab's runner writes it."""
    lines = "\n".join(job("converge-plan")["script"])
    base = where.git("merge-base", "main", "HEAD")
    seen = replace(where, more={**where.more, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, **more})
    return seen.run("bash", "-c", f"set -eo pipefail\n{lines}")


def test_one_note_is_made_and_then_edited(gitlab: Notes, topic: Repository) -> None:
    topic.change(ADDED)
    done = run(topic)
    assert (done.code, done.errors) == (0, "")
    (note,) = gitlab.notes
    assert note["body"].startswith(MARKER)
    assert "tcp 443" in note["body"]
    assert note["body"] == (topic.folder / "plan.md").read_text()
    topic.change(CHANGED)
    assert run(topic).code == 0
    (note,) = gitlab.notes
    assert note["edited"] == 1
    assert "masquerade to bridge" in note["body"]
    assert [each for each in gitlab.asked if not each.startswith("GET")] == [f"POST {NOTES}", f"PUT {NOTES}/100"]


def test_a_broken_file_ends_the_job_and_the_note_says_so(gitlab: Notes, topic: Repository) -> None:
    topic.change(ADDED)
    topic.change(BROKEN)
    done = run(topic)
    assert done.code == 1
    assert "states/web.yaml:13:18: port 4430000 is not a port" in done.errors
    (note,) = gitlab.notes
    assert "**Not planned.** 3 mistakes must be mended first" in note["body"]


def test_from_a_fork_there_is_no_token_and_no_note(gitlab: Notes, topic: Repository) -> None:
    topic.change(ADDED)
    assert run(topic, CONVERGE_TOKEN="").code == 0
    assert gitlab.asked == []
    assert (topic.folder / "plan.md").read_text().startswith(MARKER)


def test_the_note_is_found_on_a_later_page_and_nobody_else_s_is_touched(gitlab: Notes, topic: Repository) -> None:
    bodies = [(1, f"{MARKER}\nnot the job's"), (ME, f"> {MARKER}"), (1, "hello"), (ME, f"{MARKER}\nold"), (1, "later")]
    gitlab.notes += [{"id": 10 + n, "author": {"id": who}, "body": body, "edited": 0} for n, (who, body) in enumerate(bodies)]
    topic.change(ADDED)
    assert run(topic).code == 0
    assert [each["edited"] for each in gitlab.notes] == [0, 0, 0, 1, 0]


def test_a_token_that_is_not_taken_ends_the_job(gitlab: Notes, topic: Repository) -> None:
    topic.change(ADDED)
    done = run(topic, CONVERGE_TOKEN="another")
    assert done.code != 0
    assert "401" in done.errors
    assert gitlab.notes == []


def test_where_the_command_cannot_run_the_note_is_not_emptied(gitlab: Notes, topic: Repository) -> None:
    topic.change(ADDED)
    run(topic)
    before = gitlab.notes[0]["body"]
    assert run(topic, CI_MERGE_REQUEST_DIFF_BASE_SHA="nowhere").code == 1
    assert gitlab.notes[0]["body"] == before


def test_nobody_else_s_package_is_installed() -> None:
    """The bare name is another project's on PyPI."""
    (line,) = job("converge-plan")["before_script"]
    assert line.endswith('"git+https://git.example.org/converge@v0.1.0"')


def test_jobs_of_one_merge_request_and_of_one_node_wait_for_each_other() -> None:
    assert "$CI_MERGE_REQUEST_IID" in job("converge-plan")["resource_group"]
    assert job("converge-apply")["resource_group"] == "converge-apply"
