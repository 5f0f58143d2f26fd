"""What each change of the story says of itself: to a reviewer, to a program, to the lines of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.gitops.repository import STORY, Change, Repository, repository

AGE = re.compile(r"\d+ (?:second|minute|hour|day)s? old")
PLAN = ("converge", "plan", "--from", "snapshots/", "--base", "HEAD~1")


@dataclass(frozen=True, slots=True)
class Said:
    """Of one commit. `comment` is Markdown, its ages as AGE; codes are of the same plan, plain and with --detailed-exitcode."""

    change: Change
    comment: str
    errors: str
    annotations: str
    valid: int
    code: int
    detailed: int


def told(folder: Path) -> list[Said]:
    """The repository made in `folder`, and what is said of it after each commit."""
    made = repository(folder)
    return [said(made, change) for change in STORY]


def said(made: Repository, change: Change) -> Said:
    made.change(change)
    plan = made.run(*PLAN, "-o", "markdown")
    valid = made.run("converge", "validate", "states/", "-o", "github")
    detailed = made.run(*PLAN, "-o", "markdown", "--detailed-exitcode")
    return Said(change, AGE.sub("AGE old", plan.out), plan.errors, valid.out, valid.code, plan.code, detailed.code)
