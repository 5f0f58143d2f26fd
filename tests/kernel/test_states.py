"""Every example in states/ runs in the pods that `converge lab up` makes for it: plan, apply, check, a second apply, unwire.

The pods have another prefix than the lab's, so the examples do as well; nothing else of them is changed. An example that this
kernel cannot carry out is skipped, with the kernel's own words, once it is seen that the pod is as before.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge.lab import demo, pods
from tests.kernel.inside import settle
from tests.kernel.judge import Snapshot, differences, snapshot

STATES = Path(__file__).parents[2] / "states"
EXAMPLES = sorted(path.name for path in STATES.rglob("*.yaml"))
LAB = re.compile(rf"\b{pods.HERE.prefix}([a-z0-9][a-z0-9-]*)")


def named(name: str) -> list[str]:
    """The pods of an example, in the order of its documents."""
    return list(dict.fromkeys(LAB.findall(_code((STATES / name).read_text()))))


def _code(text: str) -> str:
    return "\n".join(line.partition(" #")[0] for line in text.splitlines() if not line.startswith("#"))


@pytest.fixture
def example(request: pytest.FixtureRequest, place: pods.Place, tmp_path: Path) -> Iterator[Path]:
    """A copy of the example about pods of our own, which are there."""
    wanted = set(named(request.param))
    path = tmp_path / request.param
    path.write_text(LAB.sub(rf"{place.prefix}\1", (STATES / request.param).read_text()))
    try:
        pods.up([spec for spec in demo.PODS if spec.name in wanted], place)
        yield path
    finally:
        pods.down(wanted, place)


def converge(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "converge", *words], capture_output=True, text=True, timeout=120)


def seen(example: Path, place: pods.Place) -> dict[str, Snapshot]:
    namespaces = [place.netns(name) for name in named(example.name)]
    for netns in namespaces:
        settle(netns)
    return {netns: snapshot(netns) for netns in namespaces}


def as_before(example: Path, place: pods.Place, before: dict[str, Snapshot]) -> None:
    after = seen(example, place)
    assert [line for netns in before for line in differences(before[netns], after[netns])] == []


@pytest.mark.parametrize("example", EXAMPLES, indirect=True)
def test_an_example_runs(example: Path, place: pods.Place) -> None:
    before = seen(example, place)
    assert before, "the example names no pod of the lab"
    planned = converge("plan", "--detailed-exitcode", str(example))
    assert planned.returncode == 2, planned.stdout + planned.stderr
    applied = converge("apply", "--detailed-exitcode", str(example))
    if "not supported" in (told := applied.stdout + applied.stderr).lower():
        as_before(example, place, before)
        pytest.skip(f"this kernel cannot do it: {told.strip()}")
    assert applied.returncode == 2, told
    for verb in ("check", "diff"):
        done = converge(verb, str(example))
        assert done.returncode == 0, done.stdout + done.stderr
    again = converge("apply", "--detailed-exitcode", str(example))
    assert again.returncode == 0, again.stdout + again.stderr
    unwired = converge("unwire", str(example))
    assert unwired.returncode == 0, unwired.stdout + unwired.stderr
    as_before(example, place, before)


def test_every_example_names_pods_of_the_lab() -> None:
    assert {name for example in EXAMPLES for name in named(example)} == set(demo.NAMES)
