"""The JSON value is complete and stable, and text is made from nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from converge.model import Outcome, Result
from converge.report import check, document, text, unified
from converge.report.style import Style, columns
from tests.unit.report.results import RESOURCES, TAP, refused, result, results

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
PLAIN = Style()
PRINTED: dict[str, tuple[Callable[..., Any], Callable[..., Iterable[str]]]] = {
    "plan": (document.planned, text.plan),
    "apply": (document.applied, text.apply),
    "check": (document.checked, check.lines),
    "diff": (document.planned, unified.lines),
}


def summed(counts: dict[str, int]) -> int:
    return counts["create"] + counts["update"] + counts["delete"]


@EXAMPLES
@given(results())
def test_text_knows_what_the_json_says_and_no_more(found: Result) -> None:
    for value_of, lines_of in PRINTED.values():
        value = value_of([found])
        carried = json.loads(json.dumps(value))
        assert carried == value
        assert list(lines_of(carried, PLAIN)) == list(lines_of(value, PLAIN))


@EXAMPLES
@given(results())
def test_every_change_has_its_line(found: Result) -> None:
    value = document.planned([found])
    lines = list(text.plan(value, PLAIN))
    symbols = [line.split()[0] for line in lines if line.startswith("  ") and line[2] in "+~-"]
    assert len(symbols) == len(value["pods"][0]["changes"]) == summed(value["summary"])
    assert not [line for line in lines if line != line.rstrip() or "\t" in line]


@EXAMPLES
@given(results())
def test_a_unified_diff_leads_from_what_is_to_what_is_desired(found: Result) -> None:
    value = document.planned([found])
    lines = [line for line in unified.lines(value, PLAIN) if not line.startswith(("---", "+++", "@@"))]
    for sign, side in ((" -", "before"), (" +", "after")):
        one_side = "\n".join(line[1:] for line in lines if line[0] in sign)
        expected = {each["address"]: unified.said(each[side]) for each in value["pods"][0]["changes"] if each[side] is not None}
        assert (yaml.safe_load(one_side) or {}) == expected


@EXAMPLES
@given(results())
def test_on_a_terminal_only_what_cannot_be_broken_is_too_long(found: Result) -> None:
    value = document.planned([found])
    wide, narrow = (list(text.plan(value, Style(width=width))) for width in (None, 100))
    for line in narrow:
        assert columns(line) <= 100 or len(line.split("  ")[-1]) > 30 or "Plan:" in line
    assert sorted(" ".join(wide).split()) == sorted(" ".join(narrow).split())


@EXAMPLES
@given(results())
def test_check_has_a_line_for_each_nic(found: Result) -> None:
    value = document.checked([found])
    (pod,) = value["pods"]
    named = [nic["name"] for nic in pod["nics"]]
    assert len(named) == len(set(named)) == len(list(check.lines(value, PLAIN)))
    assert {nic.name for nic in found.document.nics} <= set(named)
    assert sum(nic["changes"] for nic in pod["nics"]) == len(pod["changes"])
    assert all(nic["in_sync"] for nic in pod["nics"]) == found.plan.empty


def test_the_plan_of_the_contract() -> None:
    before = {**RESOURCES}
    after = {**RESOURCES}
    mtu = {name: getattr(RESOURCES[TAP], name) for name in RESOURCES[TAP].__slots__} | {"mtu": 1500}
    before[TAP] = type(RESOURCES[TAP])(**mtu)
    lines = list(text.plan(document.planned([result(before, after)]), PLAIN))
    assert lines == [
        "web (shop/web, netns universe)                          states/web.yaml:1",
        "  ~ link tap0  mtu 1500 → 1450  default  states/web.yaml:11",
        "Plan: 0 to create, 1 to update, 0 to delete; 1 unchanged. Disruption: short-cut (packets are lost for a moment).",
    ]


@pytest.mark.parametrize(
    ("pods", "sentence"), [(1, "No changes. 1 pod is as desired."), (3, "No changes. 3 pods are as desired.")]
)
def test_nothing_to_do(pods: int, sentence: str) -> None:
    same = [result(RESOURCES, RESOURCES, name=f"web{number}") for number in range(pods)]
    assert list(text.plan(document.planned(same), PLAIN)) == [sentence]
    assert list(text.apply(document.applied(same), PLAIN)) == [sentence]


def test_what_was_not_applied_is_not_counted_as_done() -> None:
    applied = result({}, RESOURCES, outcome=Outcome.APPLIED, name="a")
    others = [result({}, RESOURCES, outcome=outcome, name=outcome.value) for outcome in (Outcome.RESTORED, Outcome.FAILED)]
    value = document.applied([applied, *others, refused()], duration_ms=12.3)
    assert value["summary"]["create"] == 2
    assert [pod["result"] for pod in value["pods"]] == ["applied", "restored", "failed", "refused"]
    assert [pod["error"] for pod in value["pods"]] == [None, None, None, "no namespace /run/netns/db"]
    assert list(text.apply(value, PLAIN))[-4:] == [
        "Applied: 2 created, 0 updated, 0 deleted in 1 pod (12 ms). Verified.",
        "Refused, nothing was touched: shop/db.",
        "Failed, and restored to what was before: shop/restored.",
        "Failed, and NOT fully restored: shop/failed.",
    ]


def test_a_refused_pod_is_neither_in_sync_nor_drifted() -> None:
    value = document.checked([refused()])
    assert value["pods"][0]["nics"] == [{"name": "default", "in_sync": None, "changes": 0, "facts_lost": 0}]
    assert list(check.lines(value, PLAIN)) == ["shop/db  default  not checked"]
    assert list(text.plan(document.planned([refused()]), PLAIN)) == ["Not planned: shop/db."]


def test_colours_are_only_added() -> None:
    value = document.planned([result({}, RESOURCES), refused()])
    coloured = "\n".join(text.plan(value, Style(colour=True)))
    for code in ("\x1b[0m", *(f"\x1b[{number}m" for number in (1, 2, 31, 32, 33, 36))):
        coloured = coloured.replace(code, "")
    assert coloured == "\n".join(text.plan(value, PLAIN))
