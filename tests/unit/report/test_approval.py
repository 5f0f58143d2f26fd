"""A saved plan is compared, never done: equal plans have no objections, others have one, whatever is in the file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converge.model import Diagnostic, Result, Severity, Text
from converge.report import document
from converge.report.age import old
from converge.report.approval import Approval, changed_documents, left_out, objections, read, saved
from tests.unit.report.results import AT, results

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
TEXTS = [Text("states/web.yaml", b"a"), Text("states/db.yaml", b"b")]


def approved(result: Result) -> Approval:
    found = read(Text("plan.json", json.dumps(saved(document.planned([result]), TEXTS)).encode()))
    assert isinstance(found, Approval)
    return found


def pod(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = document.planned([result])["pods"][0]
    return found


@EXAMPLES
@given(results())
def test_the_same_plan_has_no_objections(result: Result) -> None:
    assert objections(approved(result), pod(result), AT) == ()


@EXAMPLES
@given(results(), results())
def test_another_one_has(one: Result, other: Result) -> None:
    same = [{**change, "source": None} for change in pod(one)["changes"]] == [
        {**change, "source": None} for change in pod(other)["changes"]
    ]
    equal = same and pod(one)["operations"] == pod(other)["operations"]
    assert (objections(approved(one), pod(other), AT) == ()) is equal


@EXAMPLES
@given(results(), st.data())
def test_any_operation_more_less_or_moved_is_an_objection(result: Result, data: st.DataObject) -> None:
    now = pod(result)
    operations = list(now["operations"])
    number = data.draw(st.integers(0, len(operations)))
    assert objections(
        approved(result), {**now, "operations": [*operations[:number], "link del dev eth0", *operations[number:]]}, AT
    )
    if operations:
        assert objections(approved(result), {**now, "operations": operations[:-1]}, AT)


def test_remaining_lifetimes_do_not_count() -> None:
    def value(seconds: int) -> dict[str, Any]:
        fact = f"fact/default/addr 10.0.0.5/24 valid {seconds} preferred {seconds}"
        change: dict[str, Any] = {"address": fact, "action": "create", "before": None, "after": {}}
        operation = f"address replace 10.0.0.5/24 dev eth0 valid_lft {seconds} preferred_lft {seconds}"
        return {"document": "shop/web", "netns": "web", "changes": [change], "operations": [operation]}

    approval = Approval("plan.json", {"shop/web": value(300)}, {})
    assert objections(approval, value(299), AT) == ()
    assert objections(approval, {**value(299), "netns": "db"}, AT)


def test_documents_that_changed_came_or_went() -> None:
    approval = Approval("plan.json", {}, {"states/web.yaml": "0", "states/gone.yaml": "1"})
    told = [each.detail.partition(" since")[0] for each in changed_documents(approval, TEXTS, Severity.NOTE)]
    assert told == ["states/db.yaml is new", "states/gone.yaml is gone", "states/web.yaml has changed"]
    assert [each.detail.split(",")[0] for each in left_out(Approval("plan.json", {"shop/web": {}}, {}), ["shop/db"])] == [
        "plan.json has a plan for shop/web"
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_plan_is_said(data: bytes) -> None:
    found = read(Text("plan.json", data))
    assert isinstance(found, Diagnostic)
    assert found.at is not None


@EXAMPLES
@given(results(), st.sampled_from(("pods", "documents", "kind", "format_version", "tool_version")), json_values)
def test_a_part_that_is_something_else(result: Result, name: str, value: Any) -> None:
    whole = saved(document.planned([result]), TEXTS)
    found = read(Text("plan.json", json.dumps({**whole, name: value}).encode()))
    if isinstance(found, Approval):
        assert objections(found, pod(result), AT) or value == whole[name] or name == "documents" or value == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds old"),
        (1, "1 second old"),
        (119, "119 seconds old"),
        (120, "2 minutes old"),
        (3 * 86400 + 5, "3 days old"),
        (-5, "from the future"),
    ],
)
def test_ages(seconds: int, words: str) -> None:
    assert old(seconds) == words
