"""Steps of a GitHub workflow as its runner would take them: `if:` decided from the event, `${{ }}` of `env:` filled in, then
`bash -e` with the text of `run:`. The expressions are those that our example needs; another one is a KeyError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.docs.pages import ROOT
from tests.gitops.repository import Ran, Repository

WORKFLOW = ROOT / "examples" / "github" / "converge.yml"
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
NAME = re.compile(r"github(?:\.\w+)+")
INSTALLS = ("install",)
"""Steps that are left out: they install converge from a place that the user fills in. Here it is on PATH, as it stands."""


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    run: str
    condition: str


def workflow() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


def steps(job: str) -> list[Step]:
    listed = workflow()["jobs"][job]["steps"]
    return [Step(each["name"], each["run"], str(each.get("if", "success()"))) for each in listed if "run" in each]


def holds(condition: str, event: Mapping[str, str], *, good: bool) -> bool:
    """As GitHub decides `if:`. `good`: every earlier step was."""
    text = (EXPRESSION.findall(condition) or [condition])[0]
    words = {"success()": str(good), "!cancelled()": "True", "&&": "and"}
    for word, instead in words.items():
        text = text.replace(word, instead)
    return bool(eval(NAME.sub(lambda found: repr(event[found[0]]), text), {"__builtins__": {}}))


def environment(job: str, event: Mapping[str, str]) -> dict[str, str]:
    found = workflow()["jobs"][job].get("env", {})
    return {name: EXPRESSION.sub(lambda each: event[each[1]], str(value)) for name, value in found.items()}


def taken(job: str, event: Mapping[str, str], where: Repository) -> dict[str, Ran]:
    """Every step that is run, by name."""
    return dict(_taken(job, event, where))


def _taken(job: str, event: Mapping[str, str], where: Repository) -> Iterator[tuple[str, Ran]]:
    seen, good = environment(job, event), True
    for step in steps(job):
        if step.name in INSTALLS or not holds(step.condition, event, good=good):
            continue
        done = replace(where, more={**where.more, **seen}).run("bash", "-e", "-c", step.run)
        good = good and done.code == 0
        yield step.name, done


def program(folder: Path, name: str, text: str) -> None:
    """A program on the PATH of a repository's commands."""
    path = folder.with_name(f"{folder.name}-bin") / name
    path.write_text(text)
    path.chmod(0o755)
